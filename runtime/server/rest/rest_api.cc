#include "runtime/server/rest/rest_api.h"

#include <yyjson.h>

#include <charconv>
#include <new>
#include <utility>

#include "runtime/server/rest/infer_json.h"
#include "runtime/server/rest/json_text.h"

namespace aoti::server {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// The parts between slashes, percent-decoded, without the query; false for a broken escape.
bool split_path(const std::string &target, std::vector<std::string> *parts) {
  const std::string path = target.substr(0, target.find_first_of("?#"));
  for (size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '/') {
      parts->emplace_back();
      continue;
    }
    if (parts->empty()) return false;
    char c = path[i];
    if (c == '%') {
      const int high = i + 2 < path.size() ? hex_digit(path[i + 1]) : -1,
                low = high < 0 ? -1 : hex_digit(path[i + 2]);
      if (low < 0) return false;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    }
    parts->back() += c;
  }
  if (!parts->empty() && parts->back().empty()) parts->pop_back();  // a slash at the end
  return true;
}

HttpResponse json_response(std::string text, int status = 200) {
  HttpResponse response;
  response.status = status;
  response.body.push_back(Buffer::of(std::move(text)));
  return response;
}

HttpResponse error_response(const Status &status) {
  return http_error(http_status(status.code), status.message);
}

HttpResponse wrong_method(const HttpRequest &request, const std::string &allowed) {
  HttpResponse response = http_error(405, request.method + " is not for this path; use " + allowed);
  response.headers.emplace_back("Allow", allowed);
  return response;
}

bool is_get(const HttpRequest &request) { return request.method == "GET" || request.method == "HEAD"; }

void append_list(std::string *text, const std::vector<std::string> &values) {
  *text += '[';
  for (size_t i = 0; i < values.size(); ++i) {
    if (i > 0) *text += ',';
    append_json_string(text, values[i]);
  }
  *text += ']';
}

void append_tensors(std::string *text, const std::vector<TensorMetadata> &tensors) {
  *text += '[';
  for (size_t i = 0; i < tensors.size(); ++i) {
    *text += i > 0 ? ",{\"name\":" : "{\"name\":";
    append_json_string(text, tensors[i].name);
    *text += std::string(",\"datatype\":\"") + datatype_name(tensors[i].datatype) + "\",\"shape\":";
    append_json_shape(text, tensors[i].shape);
    *text += '}';
  }
  *text += ']';
}

// How many bytes of the body are JSON.
Status json_length(const HttpRequest &request, size_t *length) {
  *length = request.body.size();
  const std::string *header = request.header("inference-header-content-length");
  if (header == nullptr) return {};
  const char *end = header->data() + header->size();
  const auto result = std::from_chars(header->data(), end, *length);
  if (result.ec == std::errc() && result.ptr == end && *length <= request.body.size()) return {};
  return invalid("Inference-Header-Content-Length is '" + *header +
                 "'; expected the number of bytes of JSON at the " + "start of the body, which has " +
                 std::to_string(request.body.size()));
}

HttpResponse infer_response(const InferResponse &response, const OutputForms &forms) {
  HttpResponse result;
  size_t json_bytes = 0;
  if (Status status = write_infer_response(response, forms, &result.body, &json_bytes); !status.ok()) {
    return error_response(status);
  }
  if (json_bytes == 0) return result;
  result.content_type = "application/octet-stream";
  result.headers.emplace_back("Inference-Header-Content-Length", std::to_string(json_bytes));
  return result;
}

}  // namespace

RestApi::RestApi(Service *service, const SessionLimits &limits, std::function<std::string()> more_metrics)
    : service_(service), limits_(limits), more_metrics_(std::move(more_metrics)) {}

std::optional<HttpResponse> RestApi::handle(std::shared_ptr<const HttpRequest> request,
                                            const HttpExchange &exchange) {
  std::vector<std::string> path;
  if (!split_path(request->target, &path))
    return http_error(400, "the path is malformed: " + request->target);
  const size_t parts = path.size();
  const auto is = [&](size_t part, const char *name) { return part < parts && path[part] == name; };
  if (parts == 1 && is(0, "metrics")) {
    if (!is_get(*request)) return wrong_method(*request, "GET");
    HttpResponse response = json_response(service_->metrics() + (more_metrics_ ? more_metrics_() : ""));
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    return response;
  }
  if (parts == 1 && is(0, "v2")) return is_get(*request) ? server() : wrong_method(*request, "GET");
  if (parts == 3 && is(0, "v2") && is(1, "health") && (is(2, "live") || is(2, "ready"))) {
    return is_get(*request) ? health(is(2, "live")) : wrong_method(*request, "GET");
  }
  if (parts == 3 && is(0, "v2") && is(1, "repository") && is(2, "index")) {
    return request->method == "POST" ? index(*request) : wrong_method(*request, "POST");
  }
  if (parts >= 3 && is(0, "v2") && is(1, "models")) {
    return models({path.begin() + 2, path.end()}, std::move(request), exchange);
  }
  return http_error(404, "there is nothing at " + request->target + "; models are at /v2/models/NAME");
}

// `path`: what follows /v2/models.
std::optional<HttpResponse> RestApi::models(std::vector<std::string> path,
                                            std::shared_ptr<const HttpRequest> request,
                                            const HttpExchange &exchange) {
  const std::string model = path[0];
  std::string version;
  path.erase(path.begin());
  if (path.size() >= 2 && path[0] == "versions") {
    version = path[1];
    path.erase(path.begin(), path.begin() + 2);
  }
  if (path.empty()) return is_get(*request) ? metadata(model, version) : wrong_method(*request, "GET");
  if (path.size() == 1 && path[0] == "ready") {
    return is_get(*request) ? ready(model, version) : wrong_method(*request, "GET");
  }
  if (path.size() == 1 && path[0] == "infer") {
    if (request->method != "POST") return wrong_method(*request, "POST");
    return infer(model, version, std::move(request), exchange);
  }
  return http_error(404, "there is nothing at " + request->target + "; a model has .../ready and .../infer");
}

HttpResponse RestApi::server() const {
  const ServerMetadata metadata = service_->server_metadata();
  std::string text = "{\"name\":";
  append_json_string(&text, metadata.name);
  text += ",\"version\":";
  append_json_string(&text, metadata.version);
  text += ",\"extensions\":";
  append_list(&text, metadata.extensions);
  return json_response(text + "}");
}

HttpResponse RestApi::health(bool is_live) const {
  if (is_live) return json_response("{\"live\":true}");
  return service_->is_ready() ? json_response("{\"ready\":true}") : json_response("{\"ready\":false}", 503);
}

// The body may say {"ready": true}: those that are ready only, which all are.
HttpResponse RestApi::index(const HttpRequest &request) const {
  if (!request.body.empty()) {
    yyjson_doc *doc = yyjson_read(request.body.data(), request.body.size(), 0);
    const bool is_object = yyjson_is_obj(yyjson_doc_get_root(doc));
    yyjson_doc_free(doc);
    if (!is_object) return http_error(400, "the body is no JSON object");
  }
  std::string text = "[";
  for (const ModelIndexEntry &entry : service_->index()) {
    text += text.size() > 1 ? ",{\"name\":" : "{\"name\":";
    append_json_string(&text, entry.name);
    text += ",\"version\":";
    append_json_string(&text, entry.version);
    text += ",\"state\":";
    append_json_string(&text, entry.state);
    text += ",\"reason\":\"\"}";
  }
  return json_response(text + "]");
}

HttpResponse RestApi::metadata(const std::string &model, const std::string &version) const {
  ModelMetadata metadata;
  if (Status status = service_->model_metadata(model, version, &metadata); !status.ok())
    return error_response(status);
  std::string text = "{\"name\":";
  append_json_string(&text, metadata.name);
  text += ",\"versions\":";
  append_list(&text, metadata.versions);
  text += ",\"platform\":";
  append_json_string(&text, metadata.platform);
  text += ",\"inputs\":";
  append_tensors(&text, metadata.inputs);
  text += ",\"outputs\":";
  append_tensors(&text, metadata.outputs);
  return json_response(text + "}");
}

HttpResponse RestApi::ready(const std::string &model, const std::string &version) const {
  bool is_ready = false;
  if (Status status = service_->model_ready(model, version, &is_ready); !status.ok())
    return error_response(status);
  std::string text = "{\"name\":";
  append_json_string(&text, model);
  return json_response(text + (is_ready ? ",\"ready\":true}" : ",\"ready\":false}"), is_ready ? 200 : 503);
}

std::optional<HttpResponse> RestApi::infer(const std::string &model, const std::string &version,
                                           std::shared_ptr<const HttpRequest> request,
                                           const HttpExchange &exchange) {
  auto inference = std::make_unique<InferRequest>();
  OutputForms forms;
  size_t json_bytes = 0;
  inference->model = model;
  inference->version = version;
  inference->cancellation = exchange.cancellation;
  if (limits_.default_deadline_ns > 0) inference->deadline_ns = exchange.now_ns + limits_.default_deadline_ns;
  // A model that is not there is the first thing to say.
  bool is_ready = false;
  if (Status status = service_->model_ready(model, version, &is_ready); !status.ok())
    return error_response(status);
  if (Status status = json_length(*request, &json_bytes); !status.ok()) return error_response(status);
  if (Status status =
          read_infer_request(request->body, json_bytes, request, exchange.now_ns, inference.get(), &forms);
      !status.ok()) {
    return error_response(status);
  }
  service_->infer(std::move(inference), [respond = exchange.respond, forms = std::move(forms)](
                                            Status status, std::unique_ptr<InferResponse> response) {
    try {
      respond(status.ok() ? infer_response(*response, forms) : error_response(status));
    } catch (const std::bad_alloc &) {
      respond(HttpResponse{500, "application/json", {}, {}});
    }
  });
  return std::nullopt;
}

}  // namespace aoti::server
