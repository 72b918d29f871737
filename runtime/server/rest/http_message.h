// Requests and responses of HTTP, whole.
#ifndef RUNTIME_SERVER_REST_HTTP_MESSAGE_H_
#define RUNTIME_SERVER_REST_HTTP_MESSAGE_H_

#include <stdint.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/server/byte_budget.h"
#include "runtime/server/service.h"

namespace aoti::server {

struct HttpRequest {
  std::string method;                                        // "GET"
  std::string target;                                        // as it came: "/v2/models/x?y=z"
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;
  std::shared_ptr<BudgetShare> share;  // of what all bodies may take; kept with the body

  // Of the first header of that name (in lower case); null when there is none.
  const std::string *header(std::string_view name) const;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>>
      headers;  // others than those of the connection and the body
  std::vector<Buffer> body;
};

// "Not Found"; "" for a status that this server does not use.
const char *http_reason(int status);

// {"error":"..."}: what every refused request gets.
HttpResponse http_error(int status, const std::string &message);

// What a handler is given beside the request.
struct HttpExchange {
  int64_t now_ns = 0;                          // when the request was complete
  std::shared_ptr<Cancellation> cancellation;  // is cancelled when the client goes away
  // Answers the request, unless handle did; once, from any thread.
  std::function<void(HttpResponse response)> respond;
};

class HttpHandler {
 public:
  virtual ~HttpHandler() = default;
  // A response, or nothing when exchange.respond will be called (or has been). The request's memory lives as
  // long as the pointer is kept.
  virtual std::optional<HttpResponse> handle(std::shared_ptr<const HttpRequest> request,
                                             const HttpExchange &exchange) = 0;
};

}  // namespace aoti::server

#endif  // RUNTIME_SERVER_REST_HTTP_MESSAGE_H_
