// Every allocation in the life of a gRPC connection fails once, and with all that follow it: the connection
// ends or its requests are answered, and nothing is lost. The client's bytes are made before; the service has
// no model.
#include <stdio.h>

#include <string>

#include "runtime/server/grpc/grpc_session.h"
#include "runtime/server/grpc/testing/fake_service.h"
#include "runtime/server/grpc/testing/http2_client.h"
#include "tests/reliability/refused_allocations.h"
#include "tests/reliability/still_mailbox.h"
#include "tools/testing/check.h"

using namespace aoti::server;
using namespace aoti::server::grpc;

namespace {

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

// True when every request was answered.
bool live(const std::string &bytes, FakeService *service,
          const std::shared_ptr<faults::StillMailbox> &mailbox) {
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

}  // namespace

int main() {
  const std::string bytes = client_bytes();
  const int64_t seen = faults::refuse_each_allocation([] {},
                                                      [&] {
                                                        FakeService service;
                                                        const auto mailbox =
                                                            std::make_shared<faults::StillMailbox>();
                                                        return live(bytes, &service, mailbox);
                                                      });
  printf("a connection of gRPC: %lld allocations refused\n", static_cast<long long>(seen));
  CHECK(seen > 100);
  return aoti_test::result();
}
