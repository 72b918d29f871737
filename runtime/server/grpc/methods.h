// The methods of inference.GRPCInferenceService, and grpc.health.v1.Health/Check, by which Kubernetes and
// others look after gRPC servers: a message in, a message or a status out.
//
//   methods.call("/inference.GRPCInferenceService/ModelInfer", message, context, answer);
#ifndef RUNTIME_SERVER_GRPC_METHODS_H_
#define RUNTIME_SERVER_GRPC_METHODS_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/server/service.h"
#include "runtime/server/session.h"

namespace aoti::server::grpc {

// How a call ends: the pieces are one message, and none when the status is not ok.
struct Answer {
  Status status;
  std::vector<Buffer> message;
};

struct CallContext {
  int64_t now_ns = 0;
  int64_t timeout_ns = -1;  // of grpc-timeout; -1: none
  std::shared_ptr<Cancellation> cancellation;
};

class Methods {
 public:
  // The service outlives it.
  Methods(Service *service, const SessionLimits &limits);

  // kUnimplemented when there is no method at `path`.
  Status check(const std::string &path) const;

  // A method that there is. Calls `answer` exactly once: before it returns, or from a thread of the
  // service's. Throws std::bad_alloc, and then has not called it.
  void call(const std::string &path, const Buffer &message, const CallContext &context,
            std::function<void(Answer answer)> answer) const;

 private:
  using Unary = Status (Methods::*)(const Buffer &message, std::string *reply) const;
  static Unary unary(const std::string &path);

  Status server_live(const Buffer &message, std::string *reply) const;
  Status server_ready(const Buffer &message, std::string *reply) const;
  Status model_ready(const Buffer &message, std::string *reply) const;
  Status server_metadata(const Buffer &message, std::string *reply) const;
  Status model_metadata(const Buffer &message, std::string *reply) const;
  Status repository_index(const Buffer &message, std::string *reply) const;
  Status health(const Buffer &message, std::string *reply) const;
  void infer(const Buffer &message, const CallContext &context,
             std::function<void(Answer answer)> answer) const;
  int64_t deadline(const CallContext &context, int64_t parameter_ns) const;

  Service *const service_;
  const SessionLimits limits_;
  const size_t max_decoded_bytes_;  // what one message may take beside its own bytes
};

}  // namespace aoti::server::grpc

#endif  // RUNTIME_SERVER_GRPC_METHODS_H_
