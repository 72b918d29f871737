#include "runtime/server/grpc/message_reader.h"

#include <string.h>

#include <algorithm>
#include <utility>

namespace aoti::server::grpc {
namespace {

// Memory grows with what came, not with what was announced.
constexpr size_t kReserve = 1 << 20;

}  // namespace

Status MessageReader::read_prefix() {
  if (prefix_[0] > 1) {
    return invalid("the request begins with byte " + std::to_string(prefix_[0]) +
                   "; expected 0, then four bytes of length and the message");
  }
  if (prefix_[0] == 1) {
    return {StatusCode::kUnimplemented, "the request is compressed; send it with grpc-encoding: identity"};
  }
  for (size_t i = 1; i < kMessagePrefix; ++i) length_ = length_ << 8 | prefix_[i];
  if (length_ > max_bytes_) {
    return {StatusCode::kResourceExhausted, "the request has " + std::to_string(length_) +
                                                " bytes; at most " + std::to_string(max_bytes_) +
                                                " are taken"};
  }
  body_.reserve(std::min(length_, kReserve));
  return {};
}

Status MessageReader::append(const uint8_t *data, size_t size) {
  if (size == 0) return {};
  if (prefix_size_ < kMessagePrefix) {
    const size_t count = std::min(size, kMessagePrefix - prefix_size_);
    memcpy(prefix_ + prefix_size_, data, count);
    prefix_size_ += count;
    data += count;
    size -= count;
    if (prefix_size_ < kMessagePrefix) return {};
    if (Status status = read_prefix(); !status.ok()) return status;
  }
  if (size > length_ - body_.size()) {
    return {StatusCode::kUnimplemented,
            "there is something behind the request's message; every method takes one"};
  }
  body_.append(reinterpret_cast<const char *>(data), size);
  return {};
}

Status MessageReader::finish(Buffer *message) {
  if (prefix_size_ == 0) {
    return {StatusCode::kUnimplemented, "the request has no message; every method takes one"};
  }
  if (prefix_size_ < kMessagePrefix) {
    return invalid("the request ends after " + std::to_string(prefix_size_) + " of the " +
                   std::to_string(kMessagePrefix) + " bytes before its message");
  }
  if (body_.size() < length_) {
    return invalid("the request ends after " + std::to_string(body_.size()) + " of its message's " +
                   std::to_string(length_) + " bytes");
  }
  *message = Buffer::of(std::exchange(body_, {}));
  return {};
}

std::string message_prefix(uint32_t size) {
  std::string prefix(1, '\0');
  for (int shift = 24; shift >= 0; shift -= 8) prefix += static_cast<char>(size >> shift);
  return prefix;
}

}  // namespace aoti::server::grpc
