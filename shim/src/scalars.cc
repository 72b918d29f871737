// Values in and out of tensors with one element.
#include <string.h>

#include "aoti/device.h"
#include "shim/src/copy.h"
#include "shim/src/error.h"
#include "shim/src/tensor_object.h"

using aoti_shim::check_tensor;
using aoti_shim::fail;

namespace {

AOTITorchError read_item(const char *function, AtenTensorHandle tensor, int32_t dtype, size_t bytes,
                         void *ret) {
  if (check_tensor(function, tensor) != AOTI_TORCH_SUCCESS) return AOTI_TORCH_FAILURE;
  if (ret == nullptr) return aoti_shim::fail_null(function, "ret_value");
  if (tensor->numel != 1) {
    return fail(function, "the tensor has %lld elements; expected 1", (long long)tensor->numel);
  }
  if (tensor->dtype != dtype)
    return fail(function, "the tensor has dtype %d; expected %d", tensor->dtype, dtype);
  AtenTensorHandle copy = nullptr;
  if (aoti_shim::copy_to_host(function, tensor, &copy) != AOTI_TORCH_SUCCESS) return AOTI_TORCH_FAILURE;
  memcpy(ret, aoti_shim::data_of(copy), bytes);
  aoti_shim::destroy_tensor(copy);
  return AOTI_TORCH_SUCCESS;
}

AOTITorchError write_item(const char *function, const void *value, int32_t dtype, size_t bytes,
                          AtenTensorHandle *ret_new_tensor) {
  if (ret_new_tensor == nullptr) return aoti_shim::fail_null(function, "ret_new_tensor");
  aoti_shim::Geometry scalar{0, nullptr, nullptr, 0, dtype};
  if (aoti_shim::make_empty(function, scalar, aoti_shim::Place{}, ret_new_tensor) != AOTI_TORCH_SUCCESS)
    return AOTI_TORCH_FAILURE;
  memcpy(aoti_shim::data_of(*ret_new_tensor), value, bytes);
  return AOTI_TORCH_SUCCESS;
}

}  // namespace

#define AOTI_ITEM(suffix, type, dtype)                                                    \
  AOTITorchError aoti_torch_item_##suffix(AtenTensorHandle tensor, type *ret_value) {     \
    return read_item("aoti_torch_item_" #suffix, tensor, dtype, sizeof(type), ret_value); \
  }

#define AOTI_SCALAR(suffix, type, dtype)                                                                    \
  AOTITorchError aoti_torch_scalar_to_tensor_##suffix(type value, AtenTensorHandle *ret_new_tensor) {       \
    return write_item("aoti_torch_scalar_to_tensor_" #suffix, &value, dtype, sizeof(type), ret_new_tensor); \
  }

extern "C" {

AOTI_ITEM(float16, AotiFloat16, AOTI_DTYPE_FLOAT16)
AOTI_ITEM(bfloat16, AotiBFloat16, AOTI_DTYPE_BFLOAT16)
AOTI_ITEM(float32, float, AOTI_DTYPE_FLOAT32)
AOTI_ITEM(float64, double, AOTI_DTYPE_FLOAT64)
AOTI_ITEM(uint8, uint8_t, AOTI_DTYPE_UINT8)
AOTI_ITEM(uint16, uint16_t, AOTI_DTYPE_UINT16)
AOTI_ITEM(uint32, uint32_t, AOTI_DTYPE_UINT32)
AOTI_ITEM(uint64, uint64_t, AOTI_DTYPE_UINT64)
AOTI_ITEM(int8, int8_t, AOTI_DTYPE_INT8)
AOTI_ITEM(int16, int16_t, AOTI_DTYPE_INT16)
AOTI_ITEM(int32, int32_t, AOTI_DTYPE_INT32)
AOTI_ITEM(int64, int64_t, AOTI_DTYPE_INT64)
AOTI_ITEM(bool, bool, AOTI_DTYPE_BOOL)
AOTI_ITEM(complex64, AotiComplex64, AOTI_DTYPE_COMPLEX64)

AOTI_SCALAR(float32, float, AOTI_DTYPE_FLOAT32)
AOTI_SCALAR(float64, double, AOTI_DTYPE_FLOAT64)
AOTI_SCALAR(uint8, uint8_t, AOTI_DTYPE_UINT8)
AOTI_SCALAR(uint16, uint16_t, AOTI_DTYPE_UINT16)
AOTI_SCALAR(uint32, uint32_t, AOTI_DTYPE_UINT32)
AOTI_SCALAR(uint64, uint64_t, AOTI_DTYPE_UINT64)
AOTI_SCALAR(int8, int8_t, AOTI_DTYPE_INT8)
AOTI_SCALAR(int16, int16_t, AOTI_DTYPE_INT16)
AOTI_SCALAR(int32, int32_t, AOTI_DTYPE_INT32)
AOTI_SCALAR(int64, int64_t, AOTI_DTYPE_INT64)
AOTI_SCALAR(bool, bool, AOTI_DTYPE_BOOL)
AOTI_SCALAR(complex64, AotiComplex64, AOTI_DTYPE_COMPLEX64)
AOTI_SCALAR(complex128, AotiComplex128, AOTI_DTYPE_COMPLEX128)

}  // extern "C"
