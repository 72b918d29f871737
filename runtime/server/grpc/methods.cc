#include "runtime/server/grpc/methods.h"

#include <algorithm>
#include <new>
#include <utility>

#include "runtime/server/grpc/codec.h"

namespace aoti::server::grpc {
namespace {

constexpr std::string_view kService = "/inference.GRPCInferenceService/", kInfer = "ModelInfer",
                           kHealth = "/grpc.health.v1.Health/Check";

std::string_view method_of(const std::string &path) {
  if (path.compare(0, kService.size(), kService) != 0) return {};
  return std::string_view(path).substr(kService.size());
}

Answer infer_answer(Status status, const InferResponse *response, bool is_raw) {
  if (!status.ok()) return {std::move(status), {}};
  try {
    return {{}, encode_infer(*response, is_raw)};
  } catch (const std::bad_alloc &) {
    return {{StatusCode::kInternal, "no memory"}, {}};
  }
}

}  // namespace

Methods::Methods(Service *service, const SessionLimits &limits)
    : service_(service), limits_(limits), max_decoded_bytes_((1 << 20) + 4 * limits.max_body_bytes) {}

Methods::Unary Methods::unary(const std::string &path) {
  const std::pair<std::string_view, Unary> all[] = {
      {"ServerLive", &Methods::server_live},       {"ServerReady", &Methods::server_ready},
      {"ModelReady", &Methods::model_ready},       {"ServerMetadata", &Methods::server_metadata},
      {"ModelMetadata", &Methods::model_metadata}, {"RepositoryIndex", &Methods::repository_index},
  };
  if (path == kHealth) return &Methods::health;
  const std::string_view method = method_of(path);
  for (const auto &[name, function] : all) {
    if (name == method) return function;
  }
  return nullptr;
}

Status Methods::check(const std::string &path) const {
  if (method_of(path) == kInfer || unary(path) != nullptr) return {};
  return {StatusCode::kUnimplemented, "there is no method " + path + "; the service is " +
                                          std::string(kService.substr(1, kService.size() - 2))};
}

void Methods::call(const std::string &path, const Buffer &message, const CallContext &context,
                   std::function<void(Answer answer)> answer) const {
  if (method_of(path) == kInfer) return infer(message, context, std::move(answer));
  std::string reply;
  Status status = (this->*unary(path))(message, &reply);
  if (!status.ok()) return answer({std::move(status), {}});
  answer({{}, {Buffer::of(std::move(reply))}});
}

Status Methods::server_live(const Buffer &message, std::string *reply) const {
  *reply = encode_flag(true);
  return decode_empty(message, max_decoded_bytes_);
}

Status Methods::server_ready(const Buffer &message, std::string *reply) const {
  *reply = encode_flag(service_->is_ready());
  return decode_empty(message, max_decoded_bytes_);
}

Status Methods::model_ready(const Buffer &message, std::string *reply) const {
  ModelName model;
  if (Status status = decode_model_name(message, max_decoded_bytes_, &model); !status.ok()) return status;
  bool is_ready = false;
  Status status = service_->model_ready(model.name, model.version, &is_ready);
  *reply = encode_flag(is_ready);
  return status;
}

Status Methods::server_metadata(const Buffer &message, std::string *reply) const {
  *reply = encode_server_metadata(service_->server_metadata());
  return decode_empty(message, max_decoded_bytes_);
}

Status Methods::model_metadata(const Buffer &message, std::string *reply) const {
  ModelName model;
  if (Status status = decode_model_name(message, max_decoded_bytes_, &model); !status.ok()) return status;
  ModelMetadata metadata;
  Status status = service_->model_metadata(model.name, model.version, &metadata);
  if (status.ok()) *reply = encode_model_metadata(metadata);
  return status;
}

Status Methods::repository_index(const Buffer &message, std::string *reply) const {
  bool only_ready = false;
  if (Status status = decode_index(message, max_decoded_bytes_, &only_ready); !status.ok()) return status;
  std::vector<ModelIndexEntry> models = service_->index();
  const auto is_unready = [](const ModelIndexEntry &model) { return model.state != "READY"; };
  if (only_ready) models.erase(std::remove_if(models.begin(), models.end(), is_unready), models.end());
  *reply = encode_index(models);
  return {};
}

// Services are the server as a whole ("") and the protocol's.
Status Methods::health(const Buffer &message, std::string *reply) const {
  std::string service;
  if (Status status = decode_health(message, max_decoded_bytes_, &service); !status.ok()) return status;
  if (!service.empty() && service != kService.substr(1, kService.size() - 2)) {
    return {StatusCode::kNotFound,
            "there is no service '" + service + "'; models are asked for with ModelReady"};
  }
  *reply = encode_health(service_->is_ready());
  return {};
}

// The earliest of what the client asks for; the server's own only where it asks for nothing.
int64_t Methods::deadline(const CallContext &context, int64_t parameter_ns) const {
  int64_t after = INT64_MAX;
  if (context.timeout_ns >= 0) after = context.timeout_ns;
  if (parameter_ns > 0) after = std::min(after, parameter_ns);
  if (after == INT64_MAX && limits_.default_deadline_ns > 0) after = limits_.default_deadline_ns;
  if (after == INT64_MAX) return 0;
  int64_t deadline_ns = 0;
  return __builtin_add_overflow(context.now_ns, after, &deadline_ns) ? 0 : deadline_ns;
}

void Methods::infer(const Buffer &message, const CallContext &context,
                    std::function<void(Answer answer)> answer) const {
  InferCall call;
  if (Status status = decode_infer(message, max_decoded_bytes_, &call); !status.ok()) {
    return answer({std::move(status), {}});
  }
  call.request->deadline_ns = deadline(context, call.timeout_ns);
  call.request->cancellation = context.cancellation;
  service_->infer(std::move(call.request), [answer = std::move(answer), is_raw = call.is_raw](
                                               Status status, std::unique_ptr<InferResponse> response) {
    answer(infer_answer(std::move(status), response.get(), is_raw));
  });
}

}  // namespace aoti::server::grpc
