// gRPC's framing of one unary request: a byte that says whether the message is compressed, four of its
// length, the message; however the bytes are cut.
//
//   MessageReader reader(max_bytes);
//   status = reader.append(data, size);  ...  status = reader.finish(&message);
//
// https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md (Length-Prefixed-Message), and for the codes
// of what a library itself refuses, https://grpc.github.io/grpc/core/md_doc_statuscodes.html.
#ifndef RUNTIME_SERVER_GRPC_MESSAGE_READER_H_
#define RUNTIME_SERVER_GRPC_MESSAGE_READER_H_

#include <stddef.h>
#include <stdint.h>

#include <string>

#include "runtime/server/service.h"

namespace aoti::server::grpc {

constexpr size_t kMessagePrefix = 5;

class MessageReader {
 public:
  explicit MessageReader(size_t max_bytes) : max_bytes_(max_bytes) {}

  // Not ok: the request is refused, and the reader is not to be called again.
  Status append(const uint8_t *data, size_t size);
  // The client has sent all. Not ok unless that was one message.
  Status finish(Buffer *message);

  size_t size() const { return body_.size(); }  // bytes that are kept
  void drop() { body_ = {}; }                   // nothing more is called

 private:
  Status read_prefix();

  const size_t max_bytes_;
  uint8_t prefix_[kMessagePrefix];
  size_t prefix_size_ = 0;  // bytes of the prefix that have come
  size_t length_ = 0;       // of the message, once the prefix is there
  std::string body_;
};

// The five bytes before a message of `size` bytes.
std::string message_prefix(uint32_t size);

}  // namespace aoti::server::grpc

#endif  // RUNTIME_SERVER_GRPC_MESSAGE_READER_H_
