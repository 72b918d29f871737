// HTTP/1.1 without sockets: any cuts of the bytes, requests sent ahead, limits, times, the end of a
// connection.
#include "runtime/server/rest/http_session.h"

#include <string>

#include "runtime/server/testing/fake_loop.h"
#include "tools/testing/check.h"

using namespace aoti::server;

namespace {

const Log kNoLog(Log::kNone);

// Answers with what came; "/late" when the test says so.
class Handler : public HttpHandler {
 public:
  std::optional<HttpResponse> handle(std::shared_ptr<const HttpRequest> request,
                                     const HttpExchange &exchange) override {
    count += 1;
    last = *request;
    last.share = nullptr;
    if (request->target == "/late") {
      late = exchange;
      return std::nullopt;
    }
    return answer(request->method + " " + request->target + " " + std::to_string(request->body.size()));
  }

  static HttpResponse answer(const std::string &text) {
    HttpResponse response;
    response.body.push_back(Buffer::of(text));
    return response;
  }

  int count = 0;
  HttpRequest last;
  HttpExchange late;
};

SessionLimits small_limits() {
  SessionLimits limits;
  limits.max_header_bytes = 400;
  limits.max_headers = 5;
  limits.max_body_bytes = 100;
  limits.header_time_ns = 1000;
  limits.body_pause_ns = 2000;
  limits.idle_time_ns = 3000;
  return limits;
}

struct Connection {
  Handler handler;
  FakeLoop loop;

  explicit Connection(const SessionLimits &limits = small_limits()) {
    loop.start(std::make_unique<HttpSession>(&handler, limits, &kNoLog, loop.mailbox(), "peer", loop.now()));
  }
};

size_t count_of(const std::string &text, const std::string &part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

void check_refused(const std::string &bytes, const char *status, const char *message) {
  Connection connection;
  connection.loop.send(bytes);
  const std::string sent = connection.loop.sent();
  CHECK_CONTAINS(sent.c_str(), status);
  CHECK_CONTAINS(sent.c_str(), message);
  CHECK_CONTAINS(sent.c_str(), "Connection: close\r\n");
  CHECK(connection.loop.is_closed());
  CHECK_EQ(connection.handler.count, 0);
}

void test_requests() {
  const std::string bytes =
      "POST /a HTTP/1.1\r\nHost: x\r\nX-Name:  v \r\nContent-Length: 5\r\n\r\nhello"
      "GET /b HTTP/1.1\r\nHost: x\r\n\r\n"
      "POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;e=1\r\nde\r\n0\r\nTrailer: "
      "t\r\n\r\n"
      "HEAD /d HTTP/1.1\r\n\r\n";
  for (size_t piece : {size_t{1}, size_t{2}, size_t{3}, size_t{7}, size_t{50}, bytes.size()}) {
    Connection connection;
    CHECK_EQ(connection.loop.send(bytes, piece), bytes.size());
    const std::string sent = connection.loop.sent();
    CHECK_EQ(connection.handler.count, 4);
    CHECK_CONTAINS(sent.c_str(), "\r\n\r\nPOST /a 5HTTP/1.1 200 OK\r\n");
    CHECK_CONTAINS(sent.c_str(), "\r\n\r\nGET /b 0HTTP/1.1");
    CHECK_CONTAINS(sent.c_str(), "\r\n\r\nPOST /c 5HTTP/1.1");
    CHECK_EQ(sent.substr(sent.size() - 4) == "\r\n\r\n", true);  // HEAD has no body
    CHECK_EQ(count_of(sent, "Connection: keep-alive\r\n"), 4u);
    CHECK(!connection.loop.is_closed());
  }
}

void test_headers() {
  Connection connection;
  connection.loop.send("GET /%41?q HTTP/1.1\r\nInference-Header-Content-Length: \t12 \r\nA: b\r\n\r\n");
  CHECK_STR_EQ(connection.handler.last.target.c_str(), "/%41?q");
  CHECK(connection.handler.last.header("inference-header-content-length") != nullptr);
  CHECK_STR_EQ(connection.handler.last.header("inference-header-content-length")->c_str(), "12");
  CHECK(connection.handler.last.header("missing") == nullptr);
}

void test_versions_and_offers() {
  Connection old;
  old.loop.send("GET /a HTTP/1.0\r\n\r\n");
  CHECK_CONTAINS(old.loop.sent().c_str(), "Connection: close");
  CHECK(old.loop.is_closed());
  Connection closing;
  closing.loop.send("GET /a HTTP/1.1\r\nConnection: close\r\n\r\nGET /b HTTP/1.1\r\n\r\n");
  CHECK(closing.loop.is_closed());
  CHECK_EQ(closing.handler.count, 1);
  // As Java's client offers with its first request.
  Connection offer;
  offer.loop.send(
      "GET /a HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n"
      "GET /b HTTP/1.1\r\n\r\n");
  CHECK_EQ(offer.handler.count, 2);
  Connection expecting;
  expecting.loop.send("POST /a HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  CHECK_STR_EQ(expecting.loop.sent().c_str(), "HTTP/1.1 100 Continue\r\n\r\n");
  expecting.loop.send("ab");
  CHECK_CONTAINS(expecting.loop.sent().c_str(), "POST /a 2");
}

void test_limits() {
  check_refused("GET /" + std::string(500, 'a') + " HTTP/1.1\r\n\r\n", "414", "URL");
  check_refused("GET / HTTP/1.1\r\nA: " + std::string(500, 'a') + "\r\n\r\n", "431",
                "400 bytes and 5 headers");
  check_refused("GET / HTTP/1.1\r\nA: 1\r\nA: 1\r\nA: 1\r\nA: 1\r\nA: 1\r\nA: 1\r\n\r\n", "431", "5 headers");
  check_refused("POST / HTTP/1.1\r\nContent-Length: 101\r\n\r\n", "413", "101 bytes; at most 100");
  check_refused(
      "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n" + std::string(101, 'x') + "\r\n0\r\n\r\n",
      "413", "larger than 100 bytes");
  check_refused("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;" + std::string(500, 'e') + "\r\n",
                "431", "400");
  check_refused("POST / HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n", "415", "gzip");
  check_refused("POST / HTTP/1.1\r\nExpect: x\r\nContent-Length: 3\r\n\r\n", "417", "'x'");
}

void test_malformed() {
  check_refused("hello\r\n\r\n", "400", "no HTTP/1.1");
  check_refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400", "gRPC is on another");
  check_refused("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "400", "no HTTP/1.1");
  check_refused("POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "400",
                "no HTTP/1.1");
  check_refused("POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "400", "no HTTP/1.1");
  check_refused("POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n", "400", "no HTTP/1.1");
  check_refused("GET / HTTP/1.1\r\nA : b\r\n\r\n", "400", "no HTTP/1.1");
  check_refused("GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", "400", "no HTTP/1.1");
  check_refused(std::string("GET / HTTP/1.1\r\nA: b\0c\r\n\r\n", 26), "400", "no HTTP/1.1");
  check_refused("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "400", "no HTTP/1.1");
}

void test_late_answers() {
  Connection connection;
  connection.loop.send("GET /late HTTP/1.1\r\n\r\nGET /next HTTP/1.1\r\n\r\n");
  CHECK_STR_EQ(connection.loop.sent().c_str(), "");
  CHECK_EQ(connection.handler.count, 1);
  CHECK_EQ(connection.loop.session()->time_limit_ns(), int64_t{0});
  connection.handler.late.respond(Handler::answer("here"));
  CHECK_STR_EQ(connection.loop.sent().c_str(), "");  // not on the thread of whoever answers
  connection.loop.deliver();
  const std::string sent = connection.loop.sent();
  CHECK_CONTAINS(sent.c_str(), "\r\n\r\nhereHTTP/1.1 200");
  CHECK_CONTAINS(sent.c_str(), "GET /next 0");
}

// A client cannot make the server hold more than a little of what it sends ahead.
void test_read_ahead() {
  Connection connection;
  connection.loop.send("GET /late HTTP/1.1\r\n\r\n");
  std::string many;
  for (int i = 0; i < 20000; ++i) many += "GET /x HTTP/1.1\r\n\r\n";
  const size_t taken = connection.loop.send(many, 1000);
  CHECK(taken < 70000);
  CHECK(!connection.loop.session()->wants_input());
  connection.handler.late.respond(Handler::answer("here"));
  connection.loop.deliver();
  CHECK(connection.handler.count > 3000);
  const size_t rest = connection.loop.send(many.substr(taken), 1000);
  CHECK_EQ(taken + rest, many.size());
  CHECK_EQ(connection.handler.count, 20001);
  CHECK_EQ(count_of(connection.loop.sent(), "HTTP/1.1 200 OK"), 20001u);
}

// Bodies of all connections have one budget, from their first byte until nobody needs them.
void test_budget() {
  SessionLimits limits = small_limits();
  limits.bodies = std::make_shared<ByteBudget>(100);
  const std::string head = "POST /late HTTP/1.1\r\nContent-Length: 60\r\n\r\n", body(60, 'x');
  Connection first(limits), second(limits);
  first.loop.send(head + body);
  CHECK_EQ(limits.bodies->taken(), size_t{60});
  second.loop.send(head + body);
  CHECK_CONTAINS(second.loop.sent().c_str(), "503 Service Unavailable");
  CHECK_EQ(limits.bodies->taken(), size_t{60});
  first.handler.late.respond(Handler::answer("here"));
  first.loop.deliver();
  CHECK_CONTAINS(first.loop.sent().c_str(), "here");
  CHECK_EQ(limits.bodies->taken(), size_t{0});
  Connection third(limits);
  third.loop.send(head + body.substr(1));
  CHECK_EQ(limits.bodies->taken(), size_t{59});
  third.loop.lose();
  CHECK_EQ(limits.bodies->taken(), size_t{0});
}

void test_times() {
  Connection idle;
  idle.loop.pass(3000);
  CHECK(idle.loop.is_closed());
  CHECK_STR_EQ(idle.loop.sent().c_str(), "");
  Connection slow;
  slow.loop.send("GET /a HT");
  slow.loop.pass(600);
  slow.loop.send("TP/1.1\r\nA");  // progress does not prolong the headers' time
  slow.loop.pass(400);
  CHECK_CONTAINS(slow.loop.sent().c_str(), "408 Request Timeout");
  CHECK(slow.loop.is_closed());
  Connection body;
  body.loop.send("POST /a HTTP/1.1\r\nContent-Length: 9\r\n\r\na");
  body.loop.pass(1900);
  body.loop.send("b");
  body.loop.pass(1900);
  CHECK(!body.loop.is_closed());
  body.loop.pass(100);
  CHECK_CONTAINS(body.loop.sent().c_str(), "408 Request Timeout");
}

void test_ends() {
  Connection drained;
  drained.loop.drain();
  CHECK(drained.loop.is_closed());
  Connection busy;
  busy.loop.send("GET /late HTTP/1.1\r\n\r\nGET /next HTTP/1.1\r\n\r\n");
  busy.loop.drain();
  CHECK(!busy.loop.is_closed());
  busy.handler.late.respond(Handler::answer("here"));
  busy.loop.deliver();
  CHECK_CONTAINS(busy.loop.sent().c_str(), "Connection: close");
  CHECK(busy.loop.is_closed());
  CHECK_EQ(busy.handler.count, 1);
  Connection half;
  half.loop.send("GET /late HTTP/1.1\r\n\r\n");
  half.loop.end_of_input();
  CHECK(half.handler.late.cancellation->is_cancelled());
  CHECK(!half.loop.is_closed());
  half.handler.late.respond(Handler::answer("here"));
  half.loop.deliver();
  CHECK_CONTAINS(half.loop.sent().c_str(), "here");
  CHECK(half.loop.is_closed());
  Connection lost;
  lost.loop.send("GET /late HTTP/1.1\r\n\r\n");
  lost.loop.lose();
  CHECK(lost.handler.late.cancellation->is_cancelled());
  lost.handler.late.respond(Handler::answer("nobody"));
  Connection cut;
  cut.loop.send("POST /a HTTP/1.1\r\nContent-Length: 9\r\n\r\na");
  cut.loop.end_of_input();
  CHECK(cut.loop.is_closed());
  CHECK_EQ(cut.handler.count, 0);
}

}  // namespace

int main() {
  test_requests();
  test_headers();
  test_versions_and_offers();
  test_limits();
  test_malformed();
  test_late_answers();
  test_read_ahead();
  test_budget();
  test_times();
  test_ends();
  return aoti_test::result();
}
