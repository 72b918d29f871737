// Any bytes as what a client of gRPC sends: the connection ends, or every request is answered, and a drained
// session closes. The first byte: whether HTTP/2's preface comes before the others (1), whether they come one
// at a time (2), whether the client goes away at the end (4).
#include <stdlib.h>

#include "runtime/server/grpc/grpc_session.h"
#include "runtime/server/grpc/testing/fake_service.h"

using namespace aoti::server;
using namespace aoti::server::grpc;

namespace {

constexpr size_t kMostRounds = 10'000;

const std::string &preface() {
  static const std::string bytes = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + std::string("\0\0\0\4\0\0\0\0\0", 9);
  return bytes;
}

struct Connection {
  Connection() {
    limits.max_body_bytes = 4096;
    limits.max_header_bytes = 1024;
    limits.max_headers = 20;
    limits.max_streams = 4;
  }

  // As the loop: letters, then what is to be written, until there is nothing.
  void run() {
    for (size_t round = 0; round < kMostRounds; ++round) {
      bool is_moving = mailbox->deliver(session.get());
      Output output;
      session->produce(&output, now);
      is_moving |= !output.empty();
      while (!output.empty()) output.consume(output.front().size);
      if (session->time_limit_ns() < 0) abort();
      if (!is_moving) return;
    }
    abort();  // it never rests
  }

  void receive(const uint8_t *data, size_t size) {
    if (!session->wants_close() && session->wants_input()) session->receive(data, size, now);
    run();
  }

  int64_t now = aoti::monotonic_ns();
  SessionLimits limits;
  FakeService service;
  Log log{Log::kNone};
  Methods methods{&service, limits};
  std::shared_ptr<FakeMailbox> mailbox = std::make_shared<FakeMailbox>();
  std::unique_ptr<Session> session = grpc_factory(&methods, limits, &log)(mailbox, "fuzz", now);
};

// Until all that is left is the client's to do, and that it does not do.
void end(Connection *c) {
  for (size_t call = 0; call < c->service.calls.size(); ++call) {
    if (c->service.calls[call].request->model == "wait") c->service.answer(call);
  }
  c->run();
  c->session->drain(c->now);
  c->run();
  for (size_t round = 0; !c->session->wants_close(); ++round) {
    const int64_t limit = c->session->time_limit_ns();
    if (limit == 0 || round > 100) abort();  // it would stay for ever
    c->now = std::max(c->now, limit);
    c->session->time_out(c->now);
    c->run();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  Connection c;
  const uint8_t flags = data[0];
  if (flags & 1) c.receive(reinterpret_cast<const uint8_t *>(preface().data()), preface().size());
  const size_t step = flags & 2 ? 1 : size;
  for (size_t at = 1; at < size; at += step) c.receive(data + at, std::min(step, size - at));
  if (flags & 4) {
    c.session->end_of_input(c.now);
    c.run();
  }
  end(&c);
  return 0;
}
