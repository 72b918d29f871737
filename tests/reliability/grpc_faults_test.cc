// Every allocation in the life of a gRPC connection fails once, and with all that follow it: the connection
// ends or its requests are answered, and nothing is lost. The client's bytes are made before; the service has
// no model.
#include <stdio.h>

#include <array>
#include <new>
#include <string>

#include "runtime/server/grpc/grpc_session.h"
#include "runtime/server/grpc/testing/fake_service.h"
#include "runtime/server/grpc/testing/http2_client.h"
#include "tests/reliability/faults.h"
#include "tools/testing/check.h"

using namespace aoti::server;
using namespace aoti::server::grpc;

namespace {

constexpr size_t kRequests = 5;

// What a client says: the preface, settings, and requests of each kind.
std::string client_bytes() {
  const std::string path = "/inference.GRPCInferenceService/";
  const std::string tensor = std::string("\x0a\x01x\x12\x04") + "FP32\x1a\x01\x02";
  const std::string infer = std::string("\x0a\x01m\x2a") + static_cast<char>(tensor.size()) + tensor;
  Http2Client client;
  client.request(path + "ModelInfer", framed(infer + "\x3a\x08" + "12345678"), {{"grpc-timeout", "9S"}});
  const std::string typed = tensor + "\x2a\x0a\x32\x08" + "12345678";
  client.request(path + "ModelInfer",
                 framed(std::string("\x0a\x01m\x2a") + static_cast<char>(typed.size()) + typed));
  client.request(path + "ModelMetadata", framed("\x0a\x01m"));
  client.request(path + "ModelReady", framed("\x0a\x04none"));
  client.request(path + "Nothing", framed(""));
  return client.send();
}

// Needs no memory of its own: what fails is the connection's.
class StillMailbox : public Mailbox {
 public:
  void post(std::function<void(Session *)> letter) override { letters_.at(count_++) = std::move(letter); }
  void deliver(Session *session) {
    for (; delivered_ < count_; ++delivered_) std::exchange(letters_[delivered_], nullptr)(session);
  }

 private:
  std::array<std::function<void(Session *)>, kRequests> letters_;
  size_t count_ = 0, delivered_ = 0;
};

// True when every request was answered.
bool live(const std::string &bytes, FakeService *service, const std::shared_ptr<StillMailbox> &mailbox) {
  const Log log(Log::kNone);
  const SessionLimits limits;
  const Methods methods(service, limits);
  const auto session = grpc_factory(&methods, limits, &log)(mailbox, "", 1);
  session->receive(reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size(), 1);
  mailbox->deliver(session.get());
  Output output;
  session->produce(&output, 1);
  session->drain(1);
  session->produce(&output, 1);
  return session->wants_close() && service->calls.size() == 2 && output.size() > 300;
}

struct Outcome {
  bool answered, struck;
  int64_t lost_blocks;
};

Outcome attempt(const std::string &bytes, const faults::Plan &plan) {
  Outcome outcome = {};
  const int64_t blocks = faults::live_blocks();
  faults::arm(plan);
  try {
    FakeService service;
    const auto mailbox = std::make_shared<StillMailbox>();
    outcome.answered = live(bytes, &service, mailbox);
  } catch (const std::bad_alloc &) {
    outcome.answered = false;  // the loop closes the connection
  }
  outcome.struck = faults::disarm();
  outcome.lost_blocks = faults::live_blocks() - blocks;
  return outcome;
}

}  // namespace

int main() {
  const std::string bytes = client_bytes();
  for (int warm = 0; warm < 2; ++warm)
    CHECK(attempt(bytes, {faults::kMemory, INT64_MAX - 1, faults::kOnce, 0}).answered);
  int64_t seen = 0, answered = 0;
  for (const faults::Times times : {faults::kOnce, faults::kFromThereOn}) {
    for (int64_t at = 1;; ++at) {
      const Outcome outcome = attempt(bytes, {faults::kMemory, at, times, 0});
      CHECK_EQ(outcome.lost_blocks, 0);
      if (!outcome.struck) {
        CHECK(outcome.answered);
        break;
      }
      ++seen;
      answered += outcome.answered;
    }
  }
  printf("a connection of gRPC: %lld faults, all answered in %lld\n", static_cast<long long>(seen),
         static_cast<long long>(answered));
  CHECK(seen > 100);
  return aoti_test::result();
}
