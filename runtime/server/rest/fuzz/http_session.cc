// The fuzz target of a REST connection: any bytes, in pieces whose size the first byte gives, on a service
// that gives inputs back; some requests are answered late.
#include <stddef.h>
#include <stdint.h>

#include <string>

#include "runtime/server/rest/http_session.h"
#include "runtime/server/rest/rest_api.h"
#include "runtime/server/testing/fake_loop.h"
#include "runtime/server/testing/fake_service.h"

using namespace aoti::server;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  static const Log no_log(Log::kNone);
  SessionLimits limits;
  limits.max_header_bytes = 1 << 10;
  limits.max_body_bytes = 16 << 10;
  FakeService service;
  RestApi api(&service, limits);
  FakeLoop loop;
  loop.start(std::make_unique<HttpSession>(&api, limits, &no_log, loop.mailbox(), "peer", loop.now()));
  const std::string bytes(reinterpret_cast<const char *>(data) + 1, size - 1);
  const size_t piece = data[0] == 0 ? bytes.size() + 1 : data[0];
  // A late answer lets what came meanwhile go on.
  for (size_t at = 0, taken = 1; at < bytes.size() && taken > 0; at += taken) {
    taken = loop.send(bytes.substr(at), piece);
    for (FakeService::Late &late : service.late) {
      late.done(at % 2 == 0 ? Status() : invalid("late"),
                at % 2 == 0 ? FakeService::answer(*late.request) : nullptr);
    }
    service.late.clear();
    loop.deliver();
  }
  loop.pass(1000);
  loop.end_of_input();
  return 0;
}
