// The Open Inference Protocol's REST paths -> the service.
//
//   GET  /v2                                        the server: name, version, extensions
//   GET  /v2/health/live, /v2/health/ready          200; not ready: 503
//   GET  /v2/models/NAME[/versions/V]               inputs and outputs
//   GET  /v2/models/NAME[/versions/V]/ready         200; not ready: 503
//   POST /v2/models/NAME[/versions/V]/infer         infer_json.h
//   POST /v2/repository/index                       all models
//   GET  /metrics                                   Prometheus
//
// Errors are {"error": "..."} with a status of status.h.
#ifndef RUNTIME_SERVER_REST_REST_API_H_
#define RUNTIME_SERVER_REST_REST_API_H_

#include <functional>
#include <string>
#include <vector>

#include "runtime/server/rest/http_message.h"
#include "runtime/server/session.h"

namespace aoti::server {

class RestApi : public HttpHandler {
 public:
  // The service outlives it. `more_metrics`, which may be empty, is what /metrics says after the models'.
  RestApi(Service *service, const SessionLimits &limits, std::function<std::string()> more_metrics = {});

  std::optional<HttpResponse> handle(std::shared_ptr<const HttpRequest> request,
                                     const HttpExchange &exchange) override;

 private:
  std::optional<HttpResponse> models(std::vector<std::string> path,
                                     std::shared_ptr<const HttpRequest> request,
                                     const HttpExchange &exchange);
  HttpResponse server() const;
  HttpResponse health(bool is_live) const;
  HttpResponse index(const HttpRequest &request) const;
  HttpResponse metadata(const std::string &model, const std::string &version) const;
  HttpResponse ready(const std::string &model, const std::string &version) const;
  std::optional<HttpResponse> infer(const std::string &model, const std::string &version,
                                    std::shared_ptr<const HttpRequest> request, const HttpExchange &exchange);

  Service *const service_;
  const SessionLimits limits_;
  const std::function<std::string()> more_metrics_;
};

}  // namespace aoti::server

#endif  // RUNTIME_SERVER_REST_REST_API_H_
