#include "runtime/server/session.h"

#include <utility>

namespace aoti::server {

Buffer Buffer::of(std::string bytes) {
  auto owner = std::make_shared<const std::string>(std::move(bytes));
  return {reinterpret_cast<const uint8_t *>(owner->data()), owner->size(), owner};
}

void Output::append(std::string bytes) { append(Buffer::of(std::move(bytes))); }

void Output::append(Buffer bytes) {
  if (bytes.size == 0) return;
  size_ += bytes.size;
  pieces_.push_back(std::move(bytes));
}

void Output::consume(size_t count) {
  size_ -= count;
  while (count > 0) {
    Buffer &first = pieces_[first_];
    if (count < first.size) {
      first.data += count;
      first.size -= count;
      break;
    }
    count -= first.size;
    first = {};
    first_ += 1;
  }
  // Written pieces are moved out of the way once they are most, so that it costs a constant for each.
  if (first_ * 2 < pieces_.size()) return;
  pieces_.erase(pieces_.begin(), pieces_.begin() + static_cast<ptrdiff_t>(first_));
  first_ = 0;
}

}  // namespace aoti::server
