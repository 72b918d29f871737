// Messages as upb keeps them, read and written by field number: what codec.cc is written with.
//
//   Arena arena(limit_bytes);
//   Reader request = ...;            request.text(1)   request.items(5)   request.numbers<int64_t>(3)
//   Writer response(&arena, Wire::kFlag);   response.set_flag(1, true);   std::string bytes =
//   response.encode();
//
// Everything lies in the arena: views that a Reader gives, and messages that a Writer makes, live as long as
// it. A Writer's texts are not copied before encode(). Where memory ends, Writers throw std::bad_alloc.
#ifndef RUNTIME_SERVER_GRPC_WIRE_MESSAGE_H_
#define RUNTIME_SERVER_GRPC_WIRE_MESSAGE_H_

#include <stddef.h>
#include <stdint.h>

#include <string>
#include <string_view>

#include "runtime/server/grpc/wire_schema.h"
#include "runtime/server/status.h"
#include "upb/mem/arena.h"
#include "upb/message/array.h"
#include "upb/message/message.h"

namespace aoti::server::grpc {

// Memory of one message, no more than a limit: a few bytes on the wire can be many in memory.
class Arena {
 public:
  explicit Arena(size_t limit_bytes);
  ~Arena();
  Arena(const Arena &) = delete;
  Arena &operator=(const Arena &) = delete;

  upb_Arena *get() const { return arena_; }
  // An allocation was refused for the limit, not for the machine's memory.
  bool hit_limit() const { return allocator_.hit_limit; }

 private:
  struct Allocator {
    upb_alloc base;  // first: upb hands its address to allocate
    size_t used_bytes, limit_bytes;
    bool hit_limit;
  };
  static void *allocate(upb_alloc *base, void *block, size_t old_size, size_t size, size_t *actual_size);

  Allocator allocator_;
  upb_Arena *arena_;
};

// The elements of a repeated field, where upb has them.
template <class T>
struct Span {
  const T *data = nullptr;
  size_t size = 0;
  const T *begin() const { return data; }
  const T *end() const { return data + size; }
};

class Reader {
 public:
  // `bytes` outlive the arena: texts stay in them.
  static Status decode(const uint8_t *bytes, size_t size, Wire message, Arena *arena, Reader *reader);

  std::string_view text(uint32_t number) const;
  bool flag(uint32_t number) const;
  int64_t int64(uint32_t number) const;
  uint64_t uint64(uint32_t number) const;
  double float64(uint32_t number) const;
  bool has(uint32_t number) const;  // a message, or a field of a choice
  // A message that is not there reads as one without fields.
  Reader message(uint32_t number) const;

  size_t count(uint32_t number) const;  // of a repeated field
  Reader item(uint32_t number, size_t index) const;
  std::string_view text_item(uint32_t number, size_t index) const;
  template <class T>  // bool, int32_t, int64_t, uint32_t, uint64_t, float, double: as the field is
  Span<T> numbers(uint32_t number) const {
    const upb_Array *array = this->array(number);
    if (!array) return {};
    return {static_cast<const T *>(upb_Array_DataPtr(array)), upb_Array_Size(array)};
  }

 private:
  const upb_MiniTableField *field(uint32_t number) const;
  const upb_Array *array(uint32_t number) const;

  const upb_Message *message_ = nullptr;  // null: without fields
  const upb_MiniTable *table_ = nullptr;
};

class Writer {
 public:
  Writer(Arena *arena, Wire message);

  void set(uint32_t number, std::string_view text);
  void set_flag(uint32_t number, bool flag);
  void set_int32(uint32_t number, int32_t value);
  Writer set_message(uint32_t number);
  Writer add_message(uint32_t number);
  void add(uint32_t number, std::string_view text);
  // Room for `size` elements of a repeated field, for the caller to fill.
  template <class T>
  T *resize(uint32_t number, size_t size) {
    return static_cast<T *>(resize_bytes(number, size));
  }

  std::string encode() const;

 private:
  Writer(Arena *arena, upb_Message *message, const upb_MiniTable *table)
      : arena_(arena), message_(message), table_(table) {}
  const upb_MiniTableField *field(uint32_t number) const;
  void *resize_bytes(uint32_t number, size_t size);

  Arena *arena_;
  upb_Message *message_;
  const upb_MiniTable *table_;
};

}  // namespace aoti::server::grpc

#endif  // RUNTIME_SERVER_GRPC_WIRE_MESSAGE_H_
