// The element types of the Open Inference Protocol, their names, sizes and PyTorch's numbers for them.
#ifndef RUNTIME_SERVER_DATATYPE_H_
#define RUNTIME_SERVER_DATATYPE_H_

#include <stddef.h>
#include <stdint.h>

#include <string_view>
#include <vector>

namespace aoti::server {

// BYTES (strings) is in the protocol, but no model has such tensors: requests with it are refused by name.
enum class Datatype {
  kBool,
  kUint8,
  kUint16,
  kUint32,
  kUint64,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kFp16,
  kBf16,
  kFp32,
  kFp64
};

// "FP32". A literal.
const char *datatype_name(Datatype datatype);
// False when there is none of that name.
bool datatype_of_name(std::string_view name, Datatype *datatype);

// Of one element.
size_t datatype_bytes(Datatype datatype);

// AOTI_DTYPE_*.
int32_t datatype_dtype(Datatype datatype);
// False for dtypes that the protocol does not have (complex, float8).
bool datatype_of_dtype(int32_t dtype, Datatype *datatype);

// Bytes of a tensor; false when a size is negative or the product does not fit.
bool tensor_bytes(Datatype datatype, const std::vector<int64_t> &shape, size_t *bytes);

}  // namespace aoti::server

#endif  // RUNTIME_SERVER_DATATYPE_H_
