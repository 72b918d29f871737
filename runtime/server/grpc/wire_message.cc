#include "runtime/server/grpc/wire_message.h"

#include <stdlib.h>

#include <new>

#include "upb/message/accessors.h"
#include "upb/wire/decode.h"
#include "upb/wire/encode.h"

namespace aoti::server::grpc {
namespace {

template <class T>
T *there(T *pointer) {
  if (!pointer) throw std::bad_alloc();
  return pointer;
}

std::string_view view(upb_StringView text) { return {text.data, text.size}; }
upb_StringView view(std::string_view text) {
  return upb_StringView_FromDataAndSize(text.data(), text.size());
}

}  // namespace

Arena::Arena(size_t limit_bytes) : allocator_{{&Arena::allocate}, 0, limit_bytes, false} {
  arena_ = there(upb_Arena_Init(nullptr, 0, &allocator_.base));
}

Arena::~Arena() { upb_Arena_Free(arena_); }

void *Arena::allocate(upb_alloc *base, void *block, size_t, size_t size, size_t *) {
  auto *self = reinterpret_cast<Allocator *>(base);
  if (size == 0) {
    free(block);
    return nullptr;
  }
  // Blocks are given back only with the whole arena, so the sum never falls.
  if (size > self->limit_bytes - self->used_bytes) {
    self->hit_limit = true;
    return nullptr;
  }
  void *result = realloc(block, size);
  if (result) self->used_bytes += size;
  return result;
}

Status Reader::decode(const uint8_t *bytes, size_t size, Wire message, Arena *arena, Reader *reader) {
  reader->table_ = wire_table(message);
  upb_Message *decoded = there(upb_Message_New(reader->table_, arena->get()));
  reader->message_ = decoded;
  const upb_DecodeStatus status =
      upb_Decode(reinterpret_cast<const char *>(bytes), size, decoded, reader->table_, nullptr,
                 kUpb_DecodeOption_AliasString, arena->get());
  switch (status) {
    case kUpb_DecodeStatus_Ok:
      return {};
    case kUpb_DecodeStatus_BadUtf8:
      return invalid("the message has a text that is no UTF-8");
    case kUpb_DecodeStatus_OutOfMemory:
      if (!arena->hit_limit()) throw std::bad_alloc();
      return {StatusCode::kResourceExhausted,
              "the message takes more memory than is allowed once it is decoded; send tensors in "
              "raw_input_contents"};
    default:
      return invalid("the message is no valid protocol buffer (" +
                     std::string(upb_DecodeStatus_String(status)) +
                     "); expected the messages of the Open Inference Protocol");
  }
}

const upb_MiniTableField *Reader::field(uint32_t number) const {
  return upb_MiniTable_FindFieldByNumber(table_, number);
}

std::string_view Reader::text(uint32_t number) const {
  if (!message_) return {};
  return view(upb_Message_GetString(message_, field(number), upb_StringView_FromDataAndSize(nullptr, 0)));
}

bool Reader::flag(uint32_t number) const {
  return message_ && upb_Message_GetBool(message_, field(number), false);
}

int64_t Reader::int64(uint32_t number) const {
  return message_ ? upb_Message_GetInt64(message_, field(number), 0) : 0;
}

uint64_t Reader::uint64(uint32_t number) const {
  return message_ ? upb_Message_GetUInt64(message_, field(number), 0) : 0;
}

double Reader::float64(uint32_t number) const {
  return message_ ? upb_Message_GetDouble(message_, field(number), 0) : 0;
}

bool Reader::has(uint32_t number) const {
  return message_ && upb_Message_HasBaseField(message_, field(number));
}

Reader Reader::message(uint32_t number) const {
  Reader inner;
  inner.table_ = upb_MiniTable_SubMessage(field(number));
  if (message_) inner.message_ = upb_Message_GetMessage(message_, field(number));
  return inner;
}

const upb_Array *Reader::array(uint32_t number) const {
  return message_ ? upb_Message_GetArray(message_, field(number)) : nullptr;
}

size_t Reader::count(uint32_t number) const {
  const upb_Array *items = array(number);
  return items ? upb_Array_Size(items) : 0;
}

Reader Reader::item(uint32_t number, size_t index) const {
  Reader inner;
  inner.table_ = upb_MiniTable_SubMessage(field(number));
  inner.message_ = upb_Array_Get(array(number), index).msg_val;
  return inner;
}

std::string_view Reader::text_item(uint32_t number, size_t index) const {
  return view(upb_Array_Get(array(number), index).str_val);
}

Writer::Writer(Arena *arena, Wire message)
    : arena_(arena),
      message_(there(upb_Message_New(wire_table(message), arena->get()))),
      table_(wire_table(message)) {}

const upb_MiniTableField *Writer::field(uint32_t number) const {
  return upb_MiniTable_FindFieldByNumber(table_, number);
}

void Writer::set(uint32_t number, std::string_view text) {
  upb_Message_SetBaseFieldString(message_, field(number), view(text));
}

void Writer::set_flag(uint32_t number, bool flag) {
  upb_Message_SetBaseFieldBool(message_, field(number), flag);
}

void Writer::set_int32(uint32_t number, int32_t value) {
  upb_Message_SetBaseFieldInt32(message_, field(number), value);
}

Writer Writer::set_message(uint32_t number) {
  upb_Message *inner = there(upb_Message_GetOrCreateMutableMessage(message_, field(number), arena_->get()));
  return {arena_, inner, upb_MiniTable_SubMessage(field(number))};
}

Writer Writer::add_message(uint32_t number) {
  const upb_MiniTable *table = upb_MiniTable_SubMessage(field(number));
  upb_Message *inner = there(upb_Message_New(table, arena_->get()));
  upb_Array *items = there(upb_Message_GetOrCreateMutableArray(message_, field(number), arena_->get()));
  upb_MessageValue value;
  value.msg_val = inner;
  if (!upb_Array_Append(items, value, arena_->get())) throw std::bad_alloc();
  return {arena_, inner, table};
}

void Writer::add(uint32_t number, std::string_view text) {
  upb_Array *items = there(upb_Message_GetOrCreateMutableArray(message_, field(number), arena_->get()));
  upb_MessageValue value;
  value.str_val = view(text);
  if (!upb_Array_Append(items, value, arena_->get())) throw std::bad_alloc();
}

void *Writer::resize_bytes(uint32_t number, size_t size) {
  return there(upb_Message_ResizeArrayUninitialized(message_, field(number), size, arena_->get()));
}

std::string Writer::encode() const {
  char *bytes = nullptr;
  size_t size = 0;
  if (upb_Encode(message_, table_, 0, arena_->get(), &bytes, &size) != kUpb_EncodeStatus_Ok)
    throw std::bad_alloc();
  return {bytes, size};
}

}  // namespace aoti::server::grpc
