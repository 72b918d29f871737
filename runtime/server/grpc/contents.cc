#include "runtime/server/grpc/contents.h"

#include <string.h>

#include <limits>

namespace aoti::server::grpc {
namespace {

constexpr const char *kFieldNames[] = {nullptr,          "bool_contents", "int_contents",
                                       "int64_contents", "uint_contents", "uint64_contents",
                                       "fp32_contents",  "fp64_contents", "bytes_contents"};
constexpr uint32_t kLastField = 8;

// 0: none.
uint32_t field_of(Datatype datatype) {
  switch (datatype) {
    case Datatype::kBool:
      return 1;
    case Datatype::kInt8:
    case Datatype::kInt16:
    case Datatype::kInt32:
      return 2;
    case Datatype::kInt64:
      return 3;
    case Datatype::kUint8:
    case Datatype::kUint16:
    case Datatype::kUint32:
      return 4;
    case Datatype::kUint64:
      return 5;
    case Datatype::kFp32:
      return 6;
    case Datatype::kFp64:
      return 7;
    case Datatype::kFp16:
    case Datatype::kBf16:
      return 0;
  }
  return 0;
}

// From is the field's type, To the datatype's: of equal size, or To is narrower.
template <class To, class From>
Status read(const Reader &contents, uint32_t number, std::string *bytes) {
  const Span<From> values = contents.numbers<From>(number);
  bytes->resize(values.size * sizeof(To));
  if constexpr (sizeof(To) == sizeof(From)) {
    if (values.size) memcpy(bytes->data(), values.data, bytes->size());
    return {};
  }
  for (size_t i = 0; i < values.size; ++i) {
    const From value = values.data[i];
    if (value < std::numeric_limits<To>::min() || value > std::numeric_limits<To>::max()) {
      return invalid("element " + std::to_string(i) + " is " + std::to_string(value) + "; expected " +
                     std::to_string(std::numeric_limits<To>::min()) + " to " +
                     std::to_string(std::numeric_limits<To>::max()));
    }
    const To narrow = static_cast<To>(value);
    memcpy(bytes->data() + i * sizeof(To), &narrow, sizeof narrow);
  }
  return {};
}

template <class From, class To>
void write(const Buffer &bytes, uint32_t number, Writer *contents) {
  const size_t count = bytes.size / sizeof(From);
  if (count == 0) return;
  To *values = contents->resize<To>(number, count);
  if constexpr (sizeof(To) == sizeof(From)) {
    memcpy(values, bytes.data, count * sizeof(To));
    return;
  }
  for (size_t i = 0; i < count; ++i) {
    From value;
    memcpy(&value, bytes.data + i * sizeof(From), sizeof value);
    values[i] = value;
  }
}

Status only_field(const Reader &contents, uint32_t expected) {
  for (uint32_t number = 1; number <= kLastField; ++number) {
    if (number != expected && contents.count(number) > 0) {
      return invalid(std::string("its elements are in ") + kFieldNames[number] + "; expected " +
                     (expected ? kFieldNames[expected] : "raw_input_contents, it has no typed form"));
    }
  }
  return {};
}

}  // namespace

bool has_typed_form(Datatype datatype) { return field_of(datatype) != 0; }

Status read_contents(const Reader &contents, Datatype datatype, std::string *bytes) {
  const uint32_t number = field_of(datatype);
  Status status = only_field(contents, number);
  if (!status.ok()) return status;
  switch (datatype) {
    case Datatype::kBool:
      return read<bool, bool>(contents, number, bytes);
    case Datatype::kInt8:
      return read<int8_t, int32_t>(contents, number, bytes);
    case Datatype::kInt16:
      return read<int16_t, int32_t>(contents, number, bytes);
    case Datatype::kInt32:
      return read<int32_t, int32_t>(contents, number, bytes);
    case Datatype::kInt64:
      return read<int64_t, int64_t>(contents, number, bytes);
    case Datatype::kUint8:
      return read<uint8_t, uint32_t>(contents, number, bytes);
    case Datatype::kUint16:
      return read<uint16_t, uint32_t>(contents, number, bytes);
    case Datatype::kUint32:
      return read<uint32_t, uint32_t>(contents, number, bytes);
    case Datatype::kUint64:
      return read<uint64_t, uint64_t>(contents, number, bytes);
    case Datatype::kFp32:
      return read<float, float>(contents, number, bytes);
    case Datatype::kFp64:
      return read<double, double>(contents, number, bytes);
    case Datatype::kFp16:
    case Datatype::kBf16:
      break;
  }
  return {};  // without elements, as only_field has seen
}

void write_contents(const Buffer &bytes, Datatype datatype, Writer *contents) {
  const uint32_t number = field_of(datatype);
  switch (datatype) {
    case Datatype::kBool:
      return write<bool, bool>(bytes, number, contents);
    case Datatype::kInt8:
      return write<int8_t, int32_t>(bytes, number, contents);
    case Datatype::kInt16:
      return write<int16_t, int32_t>(bytes, number, contents);
    case Datatype::kInt32:
      return write<int32_t, int32_t>(bytes, number, contents);
    case Datatype::kInt64:
      return write<int64_t, int64_t>(bytes, number, contents);
    case Datatype::kUint8:
      return write<uint8_t, uint32_t>(bytes, number, contents);
    case Datatype::kUint16:
      return write<uint16_t, uint32_t>(bytes, number, contents);
    case Datatype::kUint32:
      return write<uint32_t, uint32_t>(bytes, number, contents);
    case Datatype::kUint64:
      return write<uint64_t, uint64_t>(bytes, number, contents);
    case Datatype::kFp32:
      return write<float, float>(bytes, number, contents);
    case Datatype::kFp64:
      return write<double, double>(bytes, number, contents);
    case Datatype::kFp16:
    case Datatype::kBf16:
      return;
  }
}

}  // namespace aoti::server::grpc
