// The header fields of a gRPC request, and those of its answer.
//
//   :method POST, :path /PACKAGE.SERVICE/METHOD, content-type application/grpc[+proto], grpc-timeout 50m,
//   grpc-encoding identity           ->  CallHeaders, or why it is no gRPC request (an HTTP status)
//
// https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
#ifndef RUNTIME_SERVER_GRPC_CALL_HEADERS_H_
#define RUNTIME_SERVER_GRPC_CALL_HEADERS_H_

#include <stddef.h>
#include <stdint.h>

#include <string>
#include <string_view>

#include "runtime/server/session.h"

namespace aoti::server::grpc {

class CallHeaders {
 public:
  explicit CallHeaders(const SessionLimits &limits) : limits_(limits) {}

  // Fields that do not matter here are counted only.
  void add(std::string_view name, std::string_view value);

  // After the last one. 0, or the HTTP status that answers what is no gRPC request.
  int http_error() const;
  // As far as http_error is 0: not ok when the client asks for what there is not.
  Status check() const;

  const std::string &path() const { return path_; }
  int64_t timeout_ns() const { return timeout_ns_; }  // -1: none
  bool too_large() const { return bytes_ > limits_.max_header_bytes || count_ > limits_.max_headers; }

 private:
  const SessionLimits &limits_;
  std::string path_, content_type_, encoding_, timeout_;
  int64_t timeout_ns_ = -1;
  bool is_post_ = false, timeout_ok_ = true;
  size_t bytes_ = 0, count_ = 0;
};

// "50m" -> 50,000,000; false when it is no timeout. Times beyond 292 years are 292 years.
bool parse_timeout(std::string_view text, int64_t *timeout_ns);

// A status's sentence as grpc-message wants it: printable ASCII, others as %XX; cut at about 2 KiB, because
// clients refuse answers with large headers.
std::string percent_encode(std::string_view message);

}  // namespace aoti::server::grpc

#endif  // RUNTIME_SERVER_GRPC_CALL_HEADERS_H_
