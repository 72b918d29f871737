// Tensors with memory of their own, and tensors over memory that exists.
#include "aoti/device.h"
#include "shim/src/error.h"
#include "shim/src/tensor_object.h"

using aoti_shim::fail;
using aoti_shim::Geometry;

namespace {

AOTITorchError check_layout(const char *function, int32_t layout, int64_t metadata_bytes) {
  if (layout == aoti_torch_layout_strided() && metadata_bytes == 0) return AOTI_TORCH_SUCCESS;
  return fail(function,
              "layout %d with %lld bytes of metadata; the lean shim has strided tensors (0) only: link the "
              "model with shim = \"torch\"",
              layout, (long long)metadata_bytes);
}

}  // namespace

extern "C" {

AOTITorchError aoti_torch_empty_strided(int64_t ndim, const int64_t *sizes_ptr, const int64_t *strides_ptr,
                                        int32_t dtype, int32_t device_type, int32_t device_index,
                                        AtenTensorHandle *ret_new_tensor) {
  const char *function = "aoti_torch_empty_strided";
  if (ret_new_tensor == nullptr) return aoti_shim::fail_null(function, "ret_new_tensor");
  aoti_shim::Place place;
  if (aoti_shim::resolve_place(function, device_type, device_index, &place) != AOTI_TORCH_SUCCESS)
    return AOTI_TORCH_FAILURE;
  return aoti_shim::make_empty(function, Geometry{ndim, sizes_ptr, strides_ptr, 0, dtype}, place,
                               ret_new_tensor);
}

AOTITorchError aoti_torch_empty_strided_pinned(int64_t ndim, const int64_t *sizes_ptr,
                                               const int64_t *strides_ptr, int32_t dtype, int32_t device_type,
                                               int32_t device_index, AtenTensorHandle *ret_new_tensor) {
  return aoti_torch_empty_strided(ndim, sizes_ptr, strides_ptr, dtype, device_type, device_index,
                                  ret_new_tensor);
}

AOTITorchError torch_from_blob(void *data, int64_t ndim, const int64_t *sizes_ptr, const int64_t *strides_ptr,
                               int64_t storage_offset, int32_t dtype, int32_t device_type,
                               int32_t device_index, AtenTensorHandle *ret, int32_t layout,
                               const uint8_t *opaque_metadata, int64_t opaque_metadata_size,
                               void (*deleter)(void *data, void *ctx), void *deleter_ctx) {
  const char *function = "torch_from_blob";
  (void)opaque_metadata;
  if (ret == nullptr) return aoti_shim::fail_null(function, "ret");
  aoti_shim::Place place;
  if (aoti_shim::resolve_place(function, device_type, device_index, &place) != AOTI_TORCH_SUCCESS)
    return AOTI_TORCH_FAILURE;
  if (check_layout(function, layout, opaque_metadata_size) != AOTI_TORCH_SUCCESS) return AOTI_TORCH_FAILURE;
  Geometry geometry{ndim, sizes_ptr, strides_ptr, storage_offset, dtype};
  int64_t numel = 0, bytes = 0;
  if (aoti_shim::check_geometry(function, geometry, &numel, &bytes) != AOTI_TORCH_SUCCESS)
    return AOTI_TORCH_FAILURE;
  if (data == nullptr && numel != 0) {
    return fail(function, "data is null for a tensor of %lld elements; expected the address of its storage",
                (long long)numel);
  }
  // The deleter goes in last: until then a failure must leave `data` with the caller.
  aoti_shim::Storage *storage = aoti_shim::storage_adopt(data, bytes, nullptr, nullptr);
  if (storage == nullptr) return aoti_shim::fail_memory(function, sizeof(aoti_shim::Storage));
  storage->device_type = place.device_type;
  storage->device_index = place.device_index;
  AtenTensorHandle tensor = nullptr;
  if (aoti_shim::make_tensor(function, geometry, numel, storage, &tensor) != AOTI_TORCH_SUCCESS) {
    return AOTI_TORCH_FAILURE;
  }
  storage->deleter = deleter;
  storage->deleter_context = deleter_ctx;
  *ret = tensor;
  return AOTI_TORCH_SUCCESS;
}

AOTITorchError aoti_torch_create_tensor_from_blob(void *data, int64_t ndim, const int64_t *sizes_ptr,
                                                  const int64_t *strides_ptr, int64_t storage_offset,
                                                  int32_t dtype, int32_t device_type, int32_t device_index,
                                                  AtenTensorHandle *ret) {
  return torch_from_blob(data, ndim, sizes_ptr, strides_ptr, storage_offset, dtype, device_type, device_index,
                         ret, aoti_torch_layout_strided(), nullptr, 0, nullptr, nullptr);
}

AOTITorchError aoti_torch_create_tensor_from_blob_v2(void *data, int64_t ndim, const int64_t *sizes_ptr,
                                                     const int64_t *strides_ptr, int64_t storage_offset,
                                                     int32_t dtype, int32_t device_type, int32_t device_index,
                                                     AtenTensorHandle *ret, int32_t layout,
                                                     const uint8_t *opaque_metadata,
                                                     int64_t opaque_metadata_size) {
  return torch_from_blob(data, ndim, sizes_ptr, strides_ptr, storage_offset, dtype, device_type, device_index,
                         ret, layout, opaque_metadata, opaque_metadata_size, nullptr, nullptr);
}

}  // extern "C"
