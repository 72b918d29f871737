// gRPC on a connection without sockets: a client of nghttp2 on the other side, a service without models
// behind.
#include "runtime/server/grpc/grpc_session.h"

#include <string.h>

#include "runtime/server/grpc/call_headers.h"
#include "runtime/server/grpc/testing/fake_service.h"
#include "runtime/server/grpc/testing/http2_client.h"
#include "tools/testing/check.h"

using namespace aoti::server;
using namespace aoti::server::grpc;

namespace {

constexpr int64_t kSecond = 1'000'000'000;
const std::string kPath = "/inference.GRPCInferenceService/";

SessionLimits small_limits() {
  SessionLimits limits;
  limits.max_body_bytes = 1 << 20;
  limits.max_streams = 8;
  return limits;
}

// A client and a session, and the bytes between them.
struct Connection {
  explicit Connection(const SessionLimits &limits = small_limits(), int32_t window = 65535)
      : client(window), methods(&service, limits) {
    session = grpc_factory(&methods, limits, &log)(mailbox, "test", now);
  }

  // Until neither has anything to say. step: bytes that the session gets at a time; 0: all.
  void run(size_t step = 0) {
    for (bool is_moving = true; is_moving;) {
      const std::string to_server = client.send();
      for (size_t at = 0; at < to_server.size();) {
        const size_t size = step ? std::min(step, to_server.size() - at) : to_server.size();
        session->receive(reinterpret_cast<const uint8_t *>(to_server.data()) + at, size, now);
        at += size;
      }
      const bool has_letters = mailbox->deliver(session.get());
      const std::string to_client = take();
      client.receive(to_client);
      is_moving = !to_server.empty() || has_letters || !to_client.empty();
    }
  }

  // What the session has for its peer, all of it.
  std::string take() {
    std::string bytes;
    for (size_t before = 1; before != bytes.size();) {
      before = bytes.size();
      Output output;
      session->produce(&output, now);
      while (!output.empty()) {
        bytes.append(reinterpret_cast<const char *>(output.front().data), output.front().size);
        largest_piece = std::max(largest_piece, output.front().size);
        output.consume(output.front().size);
      }
      if (bytes.size() == before) break;
    }
    return bytes;
  }

  std::string status(int32_t stream) { return client.answer(stream).fields["grpc-status"]; }
  std::string message(int32_t stream) { return client.answer(stream).fields["grpc-message"]; }

  int64_t now = aoti::monotonic_ns();
  size_t largest_piece = 0;
  Http2Client client;
  FakeService service;
  Log log{Log::kNone};
  Methods methods;
  std::shared_ptr<FakeMailbox> mailbox = std::make_shared<FakeMailbox>();
  std::unique_ptr<Session> session;
};

// ModelInferRequest of one raw FP32 input "x", by hand: lengths below 128 but the raw contents'.
std::string infer_request(const std::string &model, const std::string &raw) {
  const std::string tensor = std::string("\x0a\x01x\x12\x04") + "FP32\x1a\x04\xff\xff\xff\x7f";
  std::string bytes = "\x0a" + std::string(1, static_cast<char>(model.size())) + model;
  bytes += "\x2a" + std::string(1, static_cast<char>(tensor.size())) + tensor + "\x3a";
  size_t size = raw.size();
  for (; size >= 0x80; size >>= 7) bytes += static_cast<char>(size | 0x80);
  return bytes + static_cast<char>(size) + raw;
}

void test_calls() {
  for (const size_t step : {0, 1, 7}) {  // however the bytes are cut
    Connection c;
    const int32_t live = c.client.request(kPath + "ServerLive", framed(""));
    const int32_t infer = c.client.request(kPath + "ModelInfer", framed(infer_request("m", "12345678")));
    const int32_t index = c.client.request(kPath + "RepositoryIndex", framed(""));
    c.run(step);
    CHECK_STR_EQ(c.status(live).c_str(), "0");
    CHECK(c.client.answer(live).body == framed("\x08\x01"));
    CHECK_STR_EQ(c.client.answer(live).fields[":status"].c_str(), "200");
    CHECK_STR_EQ(c.client.answer(live).fields["content-type"].c_str(), "application/grpc");
    CHECK_STR_EQ(c.status(infer).c_str(), "0");
    const std::string &body = c.client.answer(infer).body;
    CHECK(body.size() > 15 && body.substr(body.size() - 10) ==
                                  "\x32\x08"
                                  "12345678");
    CHECK(body.substr(0, 8) == framed(std::string(body.size() - 5, ' ')).substr(0, 5) + "\x0a\x01m");
    CHECK(c.client.answer(index).body == framed("\x0a\x0d\x0a\x01m\x12\x01"
                                                "1\x1a\x05READY"));
    CHECK(c.client.answer(infer).is_closed);
    CHECK_EQ(c.client.answer(infer).error, 0u);
    CHECK(!c.session->wants_close());
  }
}

void test_errors() {
  Connection c;
  const auto call = [&](const std::string &method, const std::string &body,
                        const Http2Client::Fields &more = {}) {
    const int32_t stream = c.client.request(kPath + method, body, more);
    c.run();
    CHECK(c.client.answer(stream).is_closed);
    CHECK_STR_EQ(c.client.answer(stream).fields[":status"].c_str(), "200");
    return c.status(stream) + " " + c.message(stream);
  };
  CHECK_CONTAINS(call("ModelInfer", framed(infer_request("no", ""))).c_str(),
                 "5 there is no model 'no' (100%25)");
  CHECK_CONTAINS(call("Nothing", framed("")).c_str(),
                 "12 there is no method /inference.GRPCInferenceService/Nothing");
  CHECK_CONTAINS(call("ServerLive", "").c_str(), "12 the request has no message");
  CHECK_CONTAINS(call("ServerLive", framed("") + framed("")).c_str(), "12 there is something behind");
  CHECK_CONTAINS(call("ServerLive", std::string(3, '\0')).c_str(),
                 "3 the request ends after 3 of the 5 bytes");
  CHECK_CONTAINS(call("ServerLive", framed("abc").substr(0, 6)).c_str(),
                 "3 the request ends after 1 of its message's 3");
  CHECK_CONTAINS(call("ServerLive", "\1" + framed("a").substr(1)).c_str(), "12 the request is compressed");
  CHECK_CONTAINS(call("ServerLive", "\7" + framed("a").substr(1)).c_str(),
                 "3 the request begins with byte 7");
  CHECK_CONTAINS(call("ServerLive", framed("\x0a\xff")).c_str(), "3 the message is no valid protocol buffer");
  CHECK_CONTAINS(call("ServerLive", framed(""), {{"grpc-encoding", "gzip"}}).c_str(),
                 "12 grpc-encoding 'gzip'");
  CHECK_CONTAINS(call("ServerLive", framed(""), {{"grpc-timeout", "5"}}).c_str(), "3 grpc-timeout is '5'");
  CHECK_CONTAINS(call("ServerLive", framed(std::string((1 << 20) + 1, 'a'))).c_str(),
                 "8 the request has 1048577 bytes");
}

void test_http_errors() {
  SessionLimits limits = small_limits();
  limits.max_header_bytes = 2048;
  limits.max_headers = 12;
  Connection c(limits);
  const auto call = [&](Http2Client::Fields fields) {
    fields.insert(fields.begin(),
                  {{":scheme", "http"}, {":path", kPath + "ServerLive"}, {":authority", "a"}});
    const int32_t stream = c.client.request(fields, framed(""));
    c.run();
    CHECK(c.client.answer(stream).is_closed);
    return c.client.answer(stream).fields[":status"];
  };
  const std::pair<std::string, std::string> post = {":method", "POST"},
                                            type = {"content-type", "application/grpc"};
  CHECK_STR_EQ(call({{":method", "GET"}, type}).c_str(), "405");
  CHECK_STR_EQ(call({post, {"content-type", "application/json"}}).c_str(), "415");
  CHECK_STR_EQ(call({post, {"content-type", "application/grpcx"}}).c_str(), "415");
  CHECK_STR_EQ(call({post, {"content-type", "application/grpc+proto;x"}}).c_str(), "200");
  CHECK_STR_EQ(call({post, type, {"x", std::string(2048, 'a')}}).c_str(), "431");
  CHECK_STR_EQ(call({post,
                     type,
                     {"a", ""},
                     {"b", ""},
                     {"c", ""},
                     {"d", ""},
                     {"e", ""},
                     {"f", ""},
                     {"g", ""},
                     {"h", ""}})
                   .c_str(),
               "431");
  CHECK_STR_EQ(call({post, type}).c_str(), "200");
}

void test_header_values() {
  int64_t ns = 0;
  const auto is = [&](const char *text, int64_t expected) {
    return parse_timeout(text, &ns) && ns == expected;
  };
  CHECK(is("1H", 3600 * kSecond));
  CHECK(is("2M", 120 * kSecond));
  CHECK(is("3S", 3 * kSecond));
  CHECK(is("50m", 50'000'000));
  CHECK(is("7u", 7'000));
  CHECK(is("00000009n", 9));
  CHECK(is("99999999H", INT64_MAX));
  for (const char *bad : {"", "S", "1", "1s", "-1S", "1.5S", "123456789n", " 1S"})
    CHECK(!parse_timeout(bad, &ns));
  CHECK_STR_EQ(percent_encode("a b%\n\xc3\xa9~").c_str(), "a b%25%0A%C3%A9~");
  CHECK(percent_encode(std::string(10'000, '%')).size() < 2100);
}

void test_deadlines() {
  Connection c;
  c.client.request(kPath + "ModelInfer", framed(infer_request("m", "")), {{"grpc-timeout", "50m"}});
  c.client.request(kPath + "ModelInfer", framed(infer_request("m", "")));
  c.run();
  CHECK_EQ(c.service.calls.size(), 2u);
  CHECK_EQ(c.service.calls[0].request->deadline_ns, c.now + 50'000'000);
  CHECK_EQ(c.service.calls[1].request->deadline_ns, 0);
}

void test_cancel() {
  Connection c;
  const int32_t first = c.client.request(kPath + "ModelInfer", framed(infer_request("wait", "")));
  c.client.request(kPath + "ModelInfer", framed(infer_request("wait", "")));
  c.run();
  CHECK_EQ(c.service.calls.size(), 2u);
  c.client.reset(first);
  c.run();
  CHECK(c.service.calls[0].request->cancellation->is_cancelled());
  CHECK(!c.service.calls[1].request->cancellation->is_cancelled());
  c.service.answer(0);  // nobody is there: dropped
  c.run();
  CHECK(c.client.answer(first).body.empty());
  c.session.reset();
  CHECK(c.service.calls[1].request->cancellation->is_cancelled());
}

void test_health() {
  Connection c;
  const auto check = [&](const std::string &message) {
    const int32_t stream = c.client.request("/grpc.health.v1.Health/Check", framed(message));
    c.run();
    return c.status(stream) + c.client.answer(stream).body;
  };
  const std::string protocol = "inference.GRPCInferenceService";
  CHECK(check("") == "0" + framed("\x08\x01"));
  CHECK(check("\x0a" + std::string(1, static_cast<char>(protocol.size())) + protocol) ==
        "0" + framed("\x08\x01"));
  CHECK(check("\x0a\x01m") == "5");
  c.service.ready = false;
  CHECK(check("") == "0" + framed("\x08\x02"));
}

// A large answer goes as the client's window allows, and is not copied.
void test_flow_control() {
  Connection c;
  const std::string raw(1'000'000, 'r');
  const int32_t stream = c.client.request(kPath + "ModelInfer", framed(infer_request("m", raw)));
  c.run();
  CHECK_EQ(c.client.answer(stream).body.size(), 65535u);
  CHECK_EQ(c.largest_piece, 16384u);  // a frame of the client's largest size
  c.client.take(stream, 2'000'000);
  c.run();
  CHECK_STR_EQ(c.status(stream).c_str(), "0");
  const std::string &body = c.client.answer(stream).body;
  CHECK(body.size() > raw.size() && body.compare(body.size() - raw.size(), raw.size(), raw) == 0);
}

void test_drain() {
  Connection c;
  const int32_t stream = c.client.request(kPath + "ModelInfer", framed(infer_request("wait", "")));
  c.run();
  c.session->drain(c.now);
  c.run();
  CHECK(c.client.saw_goodbye());
  CHECK(!c.session->wants_close());
  c.service.answer(0);
  c.run();
  CHECK_STR_EQ(c.status(stream).c_str(), "0");
  CHECK(c.session->wants_close());
  Connection idle;
  idle.run();
  idle.session->drain(idle.now);
  idle.run();
  CHECK(idle.session->wants_close());
}

void test_time_limits() {
  const SessionLimits limits = small_limits();
  Connection silent;  // says nothing
  CHECK_EQ(silent.session->time_limit_ns(), silent.now + limits.header_time_ns);
  silent.session->time_out(silent.now + limits.header_time_ns);
  CHECK(silent.session->wants_close());

  Connection c;
  const int32_t stream = c.client.request(kPath + "ServerLive", framed("abc").substr(0, 6), {}, true);
  c.run();
  CHECK_EQ(c.session->time_limit_ns(), c.now + limits.body_pause_ns);
  c.now += limits.body_pause_ns;
  c.session->time_out(c.now);
  c.run();
  CHECK_STR_EQ(c.status(stream).c_str(), "4");
  CHECK_EQ(c.session->time_limit_ns(), c.now + limits.idle_time_ns);
  c.now += limits.idle_time_ns;
  c.session->time_out(c.now);
  c.run();
  CHECK(c.client.saw_goodbye());
  CHECK(c.session->wants_close());

  Connection unread(limits, 0);  // its answer finds no room
  const int32_t answer = unread.client.request(kPath + "ModelInfer", framed(infer_request("m", "1234")));
  unread.run();
  unread.now = unread.session->time_limit_ns();
  CHECK(unread.now > aoti::monotonic_ns());
  unread.session->time_out(unread.now);
  unread.run();
  CHECK(unread.client.answer(answer).is_closed);
  CHECK(unread.client.answer(answer).error != 0);

  Connection headers;  // HEADERS that do not end
  headers.run();
  const std::string frame("\0\0\1\1\0\0\0\0\1\x82", 10);
  headers.session->receive(reinterpret_cast<const uint8_t *>(frame.data()), frame.size(), headers.now);
  CHECK_EQ(headers.session->time_limit_ns(), headers.now + limits.header_time_ns);
  headers.session->time_out(headers.now + limits.header_time_ns);
  CHECK(headers.session->wants_close());
}

void test_strangers() {
  const auto say = [](Connection *c, const std::string &text) {
    c->session->receive(reinterpret_cast<const uint8_t *>(text.data()), text.size(), c->now);
    return c->take();
  };
  Connection rest;
  CHECK(rest.take().empty());  // until it is clear who is there
  CHECK_CONTAINS(say(&rest, "GET /v2 HTTP/1.1\r\n\r\n").c_str(), "HTTP/1.1 400 Bad Request\r\n");
  CHECK(rest.session->wants_close());
  Connection garbage;
  garbage.run();
  const std::string answer = say(&garbage, std::string(9, '\xff'));
  CHECK(answer.size() > 9 && answer[3] == 7);  // GOAWAY
  CHECK(garbage.session->wants_close());
  Connection gone;
  gone.client.request(kPath + "ModelInfer", framed(infer_request("wait", "")));
  gone.run();
  gone.session->end_of_input(gone.now);
  CHECK(gone.service.calls[0].request->cancellation->is_cancelled());
  CHECK(!gone.session->wants_close());
  gone.service.answer(0);
  gone.run();
  CHECK(gone.session->wants_close());
}

// Unfinished requests of a connection are bounded together, too.
void test_bodies_together() {
  Connection c;
  int32_t last = 0;
  for (int i = 0; i < 5; ++i)
    last = c.client.request(kPath + "ServerLive", framed(std::string(1 << 20, 'a')).substr(0, 1 << 20), {},
                            true);
  c.run();
  CHECK_CONTAINS((c.status(last) + c.message(last)).c_str(),
                 "8the connection's unfinished requests have more than 4194304");
  // So are those of all connections.
  SessionLimits limits = small_limits();
  limits.bodies = std::make_shared<ByteBudget>(1000);
  {
    Connection first(limits), second(limits);
    const int32_t waits =
        first.client.request(kPath + "ModelInfer", framed(infer_request("wait", std::string(600, 'i'))));
    first.run();
    CHECK(limits.bodies->taken() > 600);
    const int32_t refused = second.client.request(kPath + "ServerLive", framed(std::string(600, 'a')));
    second.run();
    CHECK_CONTAINS((second.status(refused) + second.message(refused)).c_str(),
                   "14the server has as many bytes");
    first.service.answer(0);
    first.run();
    CHECK_STR_EQ(first.status(waits).c_str(), "0");
  }
  CHECK_EQ(limits.bodies->taken(), size_t{0});
  // What was refused is given back.
  const int32_t next = c.client.request(kPath + "ServerLive", framed("").substr(0, 5));
  c.run();
  CHECK_STR_EQ(c.status(next).c_str(), "0");
}

}  // namespace

int main() {
  test_calls();
  test_errors();
  test_http_errors();
  test_header_values();
  test_deadlines();
  test_cancel();
  test_health();
  test_flow_control();
  test_drain();
  test_time_limits();
  test_strangers();
  test_bodies_together();
  return aoti_test::result();
}
