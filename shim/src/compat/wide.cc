#include "shim/src/compat/wide.h"

#include "aoti/device.h"

namespace aoti_compat {

bool is_integer(int32_t dtype) {
  switch (dtype) {
    case AOTI_DTYPE_FLOAT16:
    case AOTI_DTYPE_BFLOAT16:
    case AOTI_DTYPE_FLOAT32:
    case AOTI_DTYPE_FLOAT64:
      return false;
    default:
      return true;
  }
}

bool look_at(AtenTensorHandle handle, Tensor *ret) {
  ret->handle = handle;
  return aoti_torch_get_dtype(handle, &ret->dtype) == AOTI_TORCH_SUCCESS &&
         aoti_torch_get_dim(handle, &ret->ndim) == AOTI_TORCH_SUCCESS &&
         aoti_torch_get_numel(handle, &ret->numel) == AOTI_TORCH_SUCCESS &&
         aoti_torch_get_sizes(handle, &ret->sizes) == AOTI_TORCH_SUCCESS &&
         aoti_torch_get_data_ptr(handle, &ret->data) == AOTI_TORCH_SUCCESS;
}

bool make(int64_t ndim, const int64_t *sizes, int32_t dtype, Tensor *ret) {
  int64_t strides[kMaxRank] = {}, stride = 1;
  for (int64_t d = ndim - 1; d >= 0; --d) {
    strides[d] = stride;
    // Of a tensor that no memory holds: refused below by its sizes.
    if (__builtin_mul_overflow(stride, sizes[d] > 0 ? sizes[d] : 1, &stride)) stride = INT64_MAX;
  }
  AtenTensorHandle handle = nullptr;
  return aoti_torch_empty_strided(ndim, sizes, strides, dtype, AOTI_DEVICE_CPU, 0, &handle) ==
             AOTI_TORCH_SUCCESS &&
         look_at(handle, ret);
}

bool load(AtenTensorHandle value, int32_t dtype, Tensor *ret) {
  int64_t ndim = 0, *sizes = nullptr;
  return aoti_torch_get_dim(value, &ndim) == AOTI_TORCH_SUCCESS &&
         aoti_torch_get_sizes(value, &sizes) == AOTI_TORCH_SUCCESS && make(ndim, sizes, dtype, ret) &&
         aoti_torch_copy_(ret->handle, value, 0) == AOTI_TORCH_SUCCESS;
}

bool give(const Tensor &wide, int32_t dtype, AtenTensorHandle *ret) {
  Tensor result;
  if (!load(wide.handle, dtype, &result)) return false;
  *ret = result.release();
  return true;
}

bool give_in_order(const Tensor &wide, int32_t dtype, const int64_t *order, AtenTensorHandle *ret) {
  int64_t strides[kMaxRank] = {}, stride = 1;
  for (int64_t d = wide.ndim - 1; d >= 0; --d) {
    strides[order[d]] = stride;
    stride *= wide.sizes[order[d]] > 0 ? wide.sizes[order[d]] : 1;
  }
  AtenTensorHandle handle = nullptr;
  Tensor result;
  if (aoti_torch_empty_strided(wide.ndim, wide.sizes, strides, dtype, AOTI_DEVICE_CPU, 0, &handle) !=
          AOTI_TORCH_SUCCESS ||
      !look_at(handle, &result) || aoti_torch_copy_(handle, wide.handle, 0) != AOTI_TORCH_SUCCESS) {
    return false;
  }
  *ret = result.release();
  return true;
}

int64_t dimension(const Tensor &tensor, int64_t dim) {
  if (dim < 0) dim += tensor.ndim;
  return dim >= 0 && dim < tensor.ndim ? dim : -1;
}

Rows rows_along(const Tensor &tensor, int64_t dim) {
  int64_t step = 1;
  for (int64_t d = dim + 1; d < tensor.ndim; ++d) step *= tensor.sizes[d];
  const int64_t length = tensor.sizes[dim];
  return Rows{length > 0 ? tensor.numel / length : 0, length, step > 0 ? step : 1};
}

}  // namespace aoti_compat
