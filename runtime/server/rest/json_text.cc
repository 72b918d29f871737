#include "runtime/server/rest/json_text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <charconv>
#include <type_traits>

namespace aoti::server {
namespace {

// Bytes of the UTF-8 sequence at the start of `text`; 0 when there is none (RFC 3629: no surrogates, nothing
// overlong, nothing above U+10FFFF).
size_t utf8_length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto follows = [&](size_t i, unsigned lo, unsigned hi) {
    return i < text.size() && byte(i) >= lo && byte(i) <= hi;
  };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return follows(1, 0x80, 0xbf) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const unsigned lo = first == 0xe0 ? 0xa0 : 0x80, hi = first == 0xed ? 0x9f : 0xbf;
    return follows(1, lo, hi) && follows(2, 0x80, 0xbf) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const unsigned lo = first == 0xf0 ? 0x90 : 0x80, hi = first == 0xf4 ? 0x8f : 0xbf;
    return follows(1, lo, hi) && follows(2, 0x80, 0xbf) && follows(3, 0x80, 0xbf) ? 4 : 0;
  }
  return 0;
}

void append_escaped(std::string *text, char c) {
  char escape[8];
  snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(static_cast<unsigned char>(c)));
  *text += escape;
}

template <class T>
bool append_numbers(std::string *text, const Tensor &tensor) {
  const size_t count = tensor.bytes.size / sizeof(T);
  char number[64];
  for (size_t i = 0; i < count; ++i) {
    T value;
    memcpy(&value, tensor.bytes.data + i * sizeof(T), sizeof(T));
    if constexpr (std::is_floating_point_v<T>) {
      if (!isfinite(value)) return false;
    }
    if (i > 0) *text += ',';
    const auto result = std::to_chars(number, number + sizeof number, value);
    text->append(number, result.ptr);
  }
  return true;
}

bool append_elements(std::string *text, const Tensor &tensor) {
  switch (tensor.datatype) {
    case Datatype::kUint8:
      return append_numbers<uint8_t>(text, tensor);
    case Datatype::kUint16:
      return append_numbers<uint16_t>(text, tensor);
    case Datatype::kUint32:
      return append_numbers<uint32_t>(text, tensor);
    case Datatype::kUint64:
      return append_numbers<uint64_t>(text, tensor);
    case Datatype::kInt8:
      return append_numbers<int8_t>(text, tensor);
    case Datatype::kInt16:
      return append_numbers<int16_t>(text, tensor);
    case Datatype::kInt32:
      return append_numbers<int32_t>(text, tensor);
    case Datatype::kInt64:
      return append_numbers<int64_t>(text, tensor);
    case Datatype::kFp32:
      return append_numbers<float>(text, tensor);
    case Datatype::kFp64:
      return append_numbers<double>(text, tensor);
    case Datatype::kBool:
      for (size_t i = 0; i < tensor.bytes.size; ++i) {
        *text += i > 0 ? "," : "";
        *text += tensor.bytes.data[i] != 0 ? "true" : "false";
      }
      return true;
    case Datatype::kFp16:
    case Datatype::kBf16:
      return false;
  }
  return false;
}

}  // namespace

void append_json_string(std::string *text, std::string_view value) {
  *text += '"';
  while (!value.empty()) {
    const char c = value[0];
    const size_t length = utf8_length(value);
    if (c == '"' || c == '\\') {
      *text += '\\';
      *text += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      append_escaped(text, c);
    } else if (length == 0) {
      *text += "\xef\xbf\xbd";
    } else {
      text->append(value.substr(0, length));
    }
    value.remove_prefix(length == 0 ? 1 : length);
  }
  *text += '"';
}

void append_json_shape(std::string *text, const std::vector<int64_t> &shape) {
  *text += '[';
  for (size_t i = 0; i < shape.size(); ++i) *text += (i > 0 ? "," : "") + std::to_string(shape[i]);
  *text += ']';
}

bool append_json_data(std::string *text, const Tensor &tensor, std::string *error) {
  *text += '[';
  if (!append_elements(text, tensor)) {
    const bool is_half = tensor.datatype == Datatype::kFp16 || tensor.datatype == Datatype::kBf16;
    *error = "output '" + tensor.name + "' " +
             (is_half ? std::string("is ") + datatype_name(tensor.datatype) + ", which JSON cannot carry"
                      : std::string("has a NaN or an infinity, which JSON cannot carry")) +
             "; ask for it with the parameter binary_data";
    return false;
  }
  *text += ']';
  return true;
}

}  // namespace aoti::server
