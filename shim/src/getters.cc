// Questions about a tensor.
#include "aoti/device.h"
#include "shim/src/error.h"
#include "shim/src/tensor_object.h"

using aoti_shim::check_handle;
using aoti_shim::check_tensor;
using aoti_shim::fail;

namespace {

template <class T>
AOTITorchError answer(const char *function, const T &value, T *ret) {
  if (ret == nullptr) return aoti_shim::fail_null(function, "the out-parameter");
  *ret = value;
  return AOTI_TORCH_SUCCESS;
}

AOTITorchError wrap_dim(const char *function, AtenTensorHandle tensor, int64_t d, int64_t *ret_dim) {
  if (d < -tensor->ndim || d >= tensor->ndim) {
    return fail(function, "dimension %lld of a tensor of rank %lld; expected %lld to %lld", (long long)d,
                (long long)tensor->ndim, (long long)-tensor->ndim, (long long)tensor->ndim - 1);
  }
  *ret_dim = d < 0 ? d + tensor->ndim : d;
  return AOTI_TORCH_SUCCESS;
}

}  // namespace

// Defines a getter whose answer is `value`, an expression over `tensor`.
#define AOTI_GETTER(name, type, value)                                                \
  AOTITorchError name(AtenTensorHandle tensor, type *ret) {                           \
    if (check_tensor(#name, tensor) != AOTI_TORCH_SUCCESS) return AOTI_TORCH_FAILURE; \
    return answer<type>(#name, value, ret);                                           \
  }

extern "C" {

AOTI_GETTER(aoti_torch_get_data_ptr, void *, aoti_shim::data_of(tensor))
AOTI_GETTER(aoti_torch_get_storage_size, int64_t, tensor->storage->bytes)
AOTI_GETTER(aoti_torch_get_storage_numel, int64_t,
            tensor->storage->bytes / static_cast<int64_t>(aoti_torch_dtype_element_size(tensor->dtype)))
AOTI_GETTER(aoti_torch_get_dim, int64_t, tensor->ndim)
AOTI_GETTER(aoti_torch_get_numel, int64_t, tensor->numel)
AOTI_GETTER(aoti_torch_get_sizes, int64_t *, tensor->sizes)
AOTI_GETTER(aoti_torch_get_strides, int64_t *, tensor->strides)
AOTI_GETTER(aoti_torch_get_dtype, int32_t, tensor->dtype)
AOTI_GETTER(aoti_torch_get_device_type, int32_t, tensor->storage->device_type)
// PyTorch's CPU tensors carry no index: -1.
AOTI_GETTER(aoti_torch_get_device_index, int32_t, tensor->storage->device_index)
AOTI_GETTER(aoti_torch_get_layout, int32_t, aoti_torch_layout_strided())
AOTI_GETTER(aoti_torch_get_storage_offset, int64_t, tensor->offset)
AOTI_GETTER(aoti_torch_is_contiguous, bool, aoti_shim::is_contiguous(tensor))

AOTITorchError aoti_torch_is_defined(AtenTensorHandle tensor, bool *ret_is_defined) {
  const char *function = "aoti_torch_is_defined";
  if (check_handle(function, tensor) != AOTI_TORCH_SUCCESS) return AOTI_TORCH_FAILURE;
  return answer<bool>(function, tensor->storage != nullptr, ret_is_defined);
}

AOTITorchError aoti_torch_get_size(AtenTensorHandle tensor, int64_t d, int64_t *ret_size) {
  const char *function = "aoti_torch_get_size";
  int64_t dim = 0;
  if (check_tensor(function, tensor) != AOTI_TORCH_SUCCESS) return AOTI_TORCH_FAILURE;
  if (wrap_dim(function, tensor, d, &dim) != AOTI_TORCH_SUCCESS) return AOTI_TORCH_FAILURE;
  return answer<int64_t>(function, tensor->sizes[dim], ret_size);
}

AOTITorchError aoti_torch_get_stride(AtenTensorHandle tensor, int64_t d, int64_t *ret_stride) {
  const char *function = "aoti_torch_get_stride";
  int64_t dim = 0;
  if (check_tensor(function, tensor) != AOTI_TORCH_SUCCESS) return AOTI_TORCH_FAILURE;
  if (wrap_dim(function, tensor, d, &dim) != AOTI_TORCH_SUCCESS) return AOTI_TORCH_FAILURE;
  return answer<int64_t>(function, tensor->strides[dim], ret_stride);
}

}  // extern "C"
