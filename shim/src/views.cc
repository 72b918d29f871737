// Views: tensors that share another tensor's storage.
#include "shim/src/error.h"
#include "shim/src/tensor_object.h"

using aoti_shim::check_tensor;
using aoti_shim::fail;
using aoti_shim::Geometry;

extern "C" {

AOTITorchError aoti_torch__reinterpret_tensor(AtenTensorHandle self, int64_t ndim, const int64_t *sizes_ptr,
                                              const int64_t *strides_ptr, int64_t storage_offset,
                                              AtenTensorHandle *ret_new_tensor) {
  const char *function = "aoti_torch__reinterpret_tensor";
  if (check_tensor(function, self) != AOTI_TORCH_SUCCESS) return AOTI_TORCH_FAILURE;
  if (ret_new_tensor == nullptr) return aoti_shim::fail_null(function, "ret_new_tensor");
  int64_t offset = 0;
  if (__builtin_add_overflow(self->offset, storage_offset, &offset)) {
    return fail(function, "storage offset %lld is larger than memory can be addressed",
                (long long)storage_offset);
  }
  return aoti_shim::make_view(function, self, Geometry{ndim, sizes_ptr, strides_ptr, offset, self->dtype},
                              ret_new_tensor);
}

AOTITorchError aoti_torch_as_strided(AtenTensorHandle self, const int64_t *sizes_ptr,
                                     const int64_t *strides_ptr, AtenTensorHandle *ret) {
  const char *function = "aoti_torch_as_strided";
  if (check_tensor(function, self) != AOTI_TORCH_SUCCESS) return AOTI_TORCH_FAILURE;
  if (ret == nullptr) return aoti_shim::fail_null(function, "ret");
  return aoti_shim::make_view(function, self,
                              Geometry{self->ndim, sizes_ptr, strides_ptr, self->offset, self->dtype}, ret);
}

AOTITorchError aoti_torch__alloc_from_pool(AtenTensorHandle self, int64_t offset_bytes, int32_t dtype,
                                           int64_t ndim, const int64_t *sizes_ptr, const int64_t *strides_ptr,
                                           AtenTensorHandle *ret_new_tensor) {
  const char *function = "aoti_torch__alloc_from_pool";
  if (check_tensor(function, self) != AOTI_TORCH_SUCCESS) return AOTI_TORCH_FAILURE;
  if (ret_new_tensor == nullptr) return aoti_shim::fail_null(function, "ret_new_tensor");
  int64_t element_bytes = static_cast<int64_t>(aoti_torch_dtype_element_size(dtype));
  if (element_bytes == 0) return fail(function, "%d is not the number of a dtype", dtype);
  if (offset_bytes % element_bytes != 0) {
    return fail(function, "offset of %lld bytes is not a multiple of the element size %lld",
                (long long)offset_bytes, (long long)element_bytes);
  }
  return aoti_shim::make_view(function, self,
                              Geometry{ndim, sizes_ptr, strides_ptr, offset_bytes / element_bytes, dtype},
                              ret_new_tensor);
}

}  // extern "C"
