// How a request ended, in terms that both protocols have: the numbers are gRPC's status codes
// (https://grpc.github.io/grpc/core/md_doc_statuscodes.html), and each has an HTTP status.
#ifndef RUNTIME_SERVER_STATUS_H_
#define RUNTIME_SERVER_STATUS_H_

#include <string>
#include <utility>

namespace aoti::server {

enum class StatusCode {
  kOk = 0,                 // 200
  kCancelled = 1,          // 499: the client went away; nobody reads this
  kInvalidArgument = 3,    // 400
  kDeadlineExceeded = 4,   // 504: passed before the model began to run
  kNotFound = 5,           // 404
  kResourceExhausted = 8,  // 429: the model's queue is full
  kOutOfRange = 11,        // 413: larger than a limit of the server's
  kUnimplemented = 12,     // 501
  kInternal = 13,          // 500: the model failed, or memory is short
  kUnavailable = 14,       // 503: the server is stopping
};

struct Status {
  StatusCode code = StatusCode::kOk;
  std::string message;  // a sentence for the client: what was expected, what came; "" when ok

  bool ok() const { return code == StatusCode::kOk; }
};

inline Status invalid(std::string message) { return {StatusCode::kInvalidArgument, std::move(message)}; }

int http_status(StatusCode code);
// "INVALID_ARGUMENT".
const char *status_name(StatusCode code);

}  // namespace aoti::server

#endif  // RUNTIME_SERVER_STATUS_H_
