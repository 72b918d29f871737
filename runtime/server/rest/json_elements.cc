#include "runtime/server/rest/json_elements.h"

#include <math.h>
#include <string.h>

#include <limits>
#include <type_traits>

namespace aoti::server {
namespace {

template <class T>
bool element(yyjson_val *value, T *result) {
  if constexpr (std::is_floating_point_v<T>) {
    if (!yyjson_is_num(value)) return false;
    const double number = yyjson_get_num(value);
    if (!(fabs(number) <= static_cast<double>(std::numeric_limits<T>::max()))) return false;
    *result = static_cast<T>(number);
    return true;
  } else if (yyjson_is_uint(value)) {
    const uint64_t number = yyjson_get_uint(value);
    *result = static_cast<T>(number);
    return number <= static_cast<uint64_t>(std::numeric_limits<T>::max());
  } else if (yyjson_is_sint(value)) {
    const int64_t number = yyjson_get_sint(value);
    *result = static_cast<T>(number);
    return std::is_signed_v<T> && number >= static_cast<int64_t>(std::numeric_limits<T>::min());
  } else {
    return false;
  }
}

bool element(yyjson_val *value, bool *result) {
  *result = yyjson_get_bool(value);
  return yyjson_is_bool(value);
}

// What is wrong with which element; "" when nothing is.
struct Reader {
  const std::vector<int64_t> &shape;
  std::string *bytes;
  size_t count = 0;
  std::string wrong;

  template <class T>
  bool read_leaves(yyjson_val *array) {
    size_t i, n;
    yyjson_val *value;
    yyjson_arr_foreach(array, i, n, value) {
      T number;
      if (!element(value, &number)) {
        wrong = "element " + std::to_string(count) + " is no value of the datatype";
        return false;
      }
      bytes->append(reinterpret_cast<const char *>(&number), sizeof number);
      count += 1;
    }
    return true;
  }

  // The array of dimension `dim`, nested. As deep as the shape, whose length the caller has bounded.
  template <class T>
  bool read_nested(yyjson_val *array, size_t dim) {
    if (!yyjson_is_arr(array) || static_cast<uint64_t>(shape[dim]) != yyjson_arr_size(array)) {
      wrong = "dimension " + std::to_string(dim) + " of the nested arrays does not have " +
              std::to_string(shape[dim]) + " elements";
      return false;
    }
    if (dim + 1 == shape.size()) return read_leaves<T>(array);
    size_t i, n;
    yyjson_val *inner;
    yyjson_arr_foreach(array, i, n, inner) {
      if (!read_nested<T>(inner, dim + 1)) return false;
    }
    return true;
  }

  template <class T>
  bool read(yyjson_val *array, uint64_t numel) {
    const bool is_nested = shape.size() > 1 && yyjson_is_arr(yyjson_arr_get_first(array));
    if (is_nested) return read_nested<T>(array, 0);
    if (yyjson_arr_size(array) != numel) {
      wrong = std::to_string(yyjson_arr_size(array)) + " elements; expected " + std::to_string(numel);
      return false;
    }
    return read_leaves<T>(array);
  }
};

bool read_as(Reader *reader, Datatype datatype, yyjson_val *data, uint64_t numel) {
  switch (datatype) {
    case Datatype::kBool:
      return reader->read<bool>(data, numel);
    case Datatype::kUint8:
      return reader->read<uint8_t>(data, numel);
    case Datatype::kUint16:
      return reader->read<uint16_t>(data, numel);
    case Datatype::kUint32:
      return reader->read<uint32_t>(data, numel);
    case Datatype::kUint64:
      return reader->read<uint64_t>(data, numel);
    case Datatype::kInt8:
      return reader->read<int8_t>(data, numel);
    case Datatype::kInt16:
      return reader->read<int16_t>(data, numel);
    case Datatype::kInt32:
      return reader->read<int32_t>(data, numel);
    case Datatype::kInt64:
      return reader->read<int64_t>(data, numel);
    case Datatype::kFp32:
      return reader->read<float>(data, numel);
    case Datatype::kFp64:
      return reader->read<double>(data, numel);
    case Datatype::kFp16:
    case Datatype::kBf16:
      reader->wrong =
          std::string(datatype_name(datatype)) + " cannot be sent as JSON; send it with binary_data_size";
      return false;
  }
  return false;
}

}  // namespace

Status read_json_elements(yyjson_val *data, const std::string &name, Datatype datatype,
                          const std::vector<int64_t> &shape, std::string *bytes) {
  const std::string label = "input '" + name + "': ";
  size_t size = 0;
  if (!yyjson_is_arr(data)) return invalid(label + "data is no array");
  if (!tensor_bytes(datatype, shape, &size)) return invalid(label + "the shape is impossible");
  Reader reader{shape, bytes, 0, ""};
  if (read_as(&reader, datatype, data, size / datatype_bytes(datatype))) return {};
  return invalid(label + reader.wrong);
}

}  // namespace aoti::server
