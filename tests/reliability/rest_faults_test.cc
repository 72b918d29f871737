// Every allocation in the life of a REST connection fails once, and with all that follow it: the connection
// ends or its requests are answered, and nothing is lost. The service has no model.
#include <stdio.h>

#include <string>
#include <vector>

#include "runtime/server/rest/http_session.h"
#include "runtime/server/rest/rest_api.h"
#include "runtime/server/testing/fake_service.h"
#include "tests/reliability/refused_allocations.h"
#include "tests/reliability/still_mailbox.h"
#include "tools/testing/check.h"

using namespace aoti::server;

namespace {

std::string post(const std::string &path, const std::string &more, const std::string &body) {
  return "POST " + path + " HTTP/1.1\r\nHost: a\r\n" + more +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

// One request of each kind, the last of which ends the connection.
std::vector<std::string> requests() {
  const std::string json =
      R"({"id": "seven", "inputs": [{"name": "x", "datatype": "FP32", "shape": [2, 2], "data": [[1, 2], [3, 4]]}]})";
  const std::string binary =
      R"({"inputs": [{"name": "x", "datatype": "INT64", "shape": [1], "parameters": {"binary_data_size": 8}}],)"
      R"( "parameters": {"binary_data_output": true}})";
  return {
      post("/v2/models/echo/infer", "", json),
      post("/v2/models/echo/infer",
           "Inference-Header-Content-Length: " + std::to_string(binary.size()) + "\r\n", binary + "12345678"),
      post("/v2/models/fails/infer", "", json),
      post("/v2/models/echo/infer", "", "{\"inputs\": [}"),
      "GET /v2/models/echo HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
  };
}

// True when every request was answered.
bool live(const std::vector<std::string> &all) {
  const Log log(Log::kNone);
  const SessionLimits limits;
  FakeService service;
  RestApi api(&service, limits);
  const auto mailbox = std::make_shared<faults::StillMailbox>();
  HttpSession session(&api, limits, &log, mailbox, "", 1);
  size_t written = 0;
  for (const std::string &request : all) {
    if (session.wants_close() || !session.wants_input()) return false;
    session.receive(reinterpret_cast<const uint8_t *>(request.data()), request.size(), 1);
    mailbox->deliver(&session);
    Output output;
    session.produce(&output, 1);
    if (output.empty()) return false;
    written += output.size();
  }
  return session.wants_close() && written > 700;
}

}  // namespace

int main() {
  const std::vector<std::string> all = requests();
  const int64_t seen = faults::refuse_each_allocation([] {}, [&] { return live(all); });
  printf("a connection of REST: %lld allocations refused\n", static_cast<long long>(seen));
  CHECK(seen > 100);
  return aoti_test::result();
}
