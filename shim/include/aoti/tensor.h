// Tensors: creation, views, copies, getters, scalars.
//
// Ownership: a function that writes an AtenTensorHandle to its last parameter gives the caller a new handle,
// to be freed with aoti_torch_delete_tensor_object; handles passed in are borrowed. Storage is counted
// atomically and shared by views, so a view outlives the tensor that it was made from.
// Nullability: no pointer may be null unless said so; a null or foreign handle is refused with a message.
// Thread-safety: different handles may be used by different threads, also when they share storage (the data
// itself is not locked); one handle may be read by many threads, and written (assign, delete) by one.
// Errors: AOTI_TORCH_FAILURE and a message (aoti_torch_get_last_error); out-parameters are then unchanged.
// Every function that allocates can fail for want of memory.
// Strides and storage offsets are in elements.
#ifndef AOTI_TENSOR_H_
#define AOTI_TENSOR_H_

#include "aoti/dtypes.h"

#ifdef __cplusplus
extern "C" {
#endif

// ---- Lifetime ----

// Frees a tensor object and drops its reference to the storage. Consumes `tensor`; null is accepted.
AOTI_SHIM_API AOTITorchError aoti_torch_delete_tensor_object(AtenTensorHandle tensor);

// A second handle of the same tensor: same sizes, strides and storage.
AOTI_SHIM_API AOTITorchError aoti_torch_new_tensor_handle(AtenTensorHandle orig_handle,
                                                          AtenTensorHandle *new_handle);

// A handle without a tensor in it ("undefined"), to be filled by aoti_torch_assign_tensors.
AOTI_SHIM_API AOTITorchError aoti_torch_new_uninitialized_tensor(AtenTensorHandle *ret);

// Makes dst another name of src's tensor; dst keeps its handle and drops what it held. Writes dst.
AOTI_SHIM_API AOTITorchError aoti_torch_assign_tensors(AtenTensorHandle src, AtenTensorHandle dst);

// A new handle that shares src's storage.
AOTI_SHIM_API AOTITorchError aoti_torch_assign_tensors_out(AtenTensorHandle src, AtenTensorHandle *ret_dst);

// ---- Creation ----

// A tensor with its own uninitialised storage, 64-byte aligned. sizes_ptr and strides_ptr hold ndim numbers
// and may be null when ndim is 0. Fails for a negative size or stride, an overflow, an unknown dtype or a
// device other than the CPU.
AOTI_SHIM_API AOTITorchError aoti_torch_empty_strided(int64_t ndim, const int64_t *sizes_ptr,
                                                      const int64_t *strides_ptr, int32_t dtype,
                                                      int32_t device_type, int32_t device_index,
                                                      AtenTensorHandle *ret_new_tensor);

// The same: memory pinned for a GPU has no meaning without one.
AOTI_SHIM_API AOTITorchError aoti_torch_empty_strided_pinned(int64_t ndim, const int64_t *sizes_ptr,
                                                             const int64_t *strides_ptr, int32_t dtype,
                                                             int32_t device_type, int32_t device_index,
                                                             AtenTensorHandle *ret_new_tensor);

// A tensor over memory of the caller, who keeps it alive until the tensor and all its views are gone. `data`
// is the start of the storage (element 0 is at data + storage_offset); it may be null only for a tensor
// without elements.
AOTI_SHIM_API AOTITorchError aoti_torch_create_tensor_from_blob(
    void *data, int64_t ndim, const int64_t *sizes_ptr, const int64_t *strides_ptr, int64_t storage_offset,
    int32_t dtype, int32_t device_type, int32_t device_index, AtenTensorHandle *ret);

// The same with a layout, which must be strided (aoti_torch_layout_strided()); opaque_metadata belongs to
// layouts that the lean shim refuses, so it must be null or empty.
AOTI_SHIM_API AOTITorchError aoti_torch_create_tensor_from_blob_v2(
    void *data, int64_t ndim, const int64_t *sizes_ptr, const int64_t *strides_ptr, int64_t storage_offset,
    int32_t dtype, int32_t device_type, int32_t device_index, AtenTensorHandle *ret, int32_t layout,
    const uint8_t *opaque_metadata, int64_t opaque_metadata_size);

// The same with a deleter: the tensor owns `data`, and when the last reference to it goes, deleter(data,
// deleter_ctx) is called once, by whichever thread dropped it. `deleter` may be null (memory of the caller,
// as above). On failure the deleter is not called and the caller still owns `data`. (stable/c/shim.h of
// PyTorch 2.11 and later.)
AOTI_SHIM_API AOTITorchError torch_from_blob(void *data, int64_t ndim, const int64_t *sizes_ptr,
                                             const int64_t *strides_ptr, int64_t storage_offset,
                                             int32_t dtype, int32_t device_type, int32_t device_index,
                                             AtenTensorHandle *ret, int32_t layout,
                                             const uint8_t *opaque_metadata, int64_t opaque_metadata_size,
                                             void (*deleter)(void *data, void *ctx), void *deleter_ctx);

// ---- Views: they share self's storage ----

// A view with the sizes and strides given; storage_offset counts from self's own first element, as in
// PyTorch. Fails when the view would reach outside the storage.
AOTI_SHIM_API AOTITorchError aoti_torch__reinterpret_tensor(AtenTensorHandle self, int64_t ndim,
                                                            const int64_t *sizes_ptr,
                                                            const int64_t *strides_ptr,
                                                            int64_t storage_offset,
                                                            AtenTensorHandle *ret_new_tensor);

// The same with self's rank and storage offset.
AOTI_SHIM_API AOTITorchError aoti_torch_as_strided(AtenTensorHandle self, const int64_t *sizes_ptr,
                                                   const int64_t *strides_ptr, AtenTensorHandle *ret);

// A tensor of another dtype at offset_bytes (a multiple of the element size) of self's storage: a planned
// buffer.
AOTI_SHIM_API AOTITorchError aoti_torch__alloc_from_pool(AtenTensorHandle self, int64_t offset_bytes,
                                                         int32_t dtype, int64_t ndim,
                                                         const int64_t *sizes_ptr, const int64_t *strides_ptr,
                                                         AtenTensorHandle *ret_new_tensor);

// ---- Copies ----

// A copy with its own storage; strides follow self's order when self is dense and non-overlapping, else
// contiguous.
AOTI_SHIM_API AOTITorchError aoti_torch_clone(AtenTensorHandle self, AtenTensorHandle *ret);

// A copy with exactly self's strides.
AOTI_SHIM_API AOTITorchError aoti_torch_clone_preserve_strides(AtenTensorHandle self, AtenTensorHandle *ret);

// Copies src into self, with PyTorch's broadcasting of src and its conversion to self's dtype. Fails when src
// cannot be broadcast to self's sizes; the lean shim does not convert 8- and 4-bit floating-point numbers and
// complex32. non_blocking is ignored. Overlap is undefined.
AOTI_SHIM_API AOTITorchError aoti_torch_copy_(AtenTensorHandle self, AtenTensorHandle src,
                                              int32_t non_blocking);

// aoti_torch_copy_ under its older name and with its older order of arguments.
AOTI_SHIM_API AOTITorchError aoti_torch_tensor_copy_(AtenTensorHandle src, AtenTensorHandle dst);

// Sets every element to zero.
AOTI_SHIM_API AOTITorchError aoti_torch_zero_(AtenTensorHandle self);

// ---- Getters ----

// Address of the first element (storage start plus storage offset). Borrowed: lives as long as the storage.
AOTI_SHIM_API AOTITorchError aoti_torch_get_data_ptr(AtenTensorHandle tensor, void **ret_data_ptr);

// Bytes of the storage. For memory of a caller: as many as sizes, strides and offset reach.
AOTI_SHIM_API AOTITorchError aoti_torch_get_storage_size(AtenTensorHandle tensor, int64_t *ret_size);

AOTI_SHIM_API AOTITorchError aoti_torch_get_storage_numel(AtenTensorHandle tensor, int64_t *ret_numel);
AOTI_SHIM_API AOTITorchError aoti_torch_get_dim(AtenTensorHandle tensor, int64_t *ret_dim);
AOTI_SHIM_API AOTITorchError aoti_torch_get_numel(AtenTensorHandle tensor, int64_t *ret_numel);

// Borrowed arrays of get_dim numbers; they live as long as the handle is neither deleted nor assigned to.
AOTI_SHIM_API AOTITorchError aoti_torch_get_sizes(AtenTensorHandle tensor, int64_t **ret_sizes);
AOTI_SHIM_API AOTITorchError aoti_torch_get_strides(AtenTensorHandle tensor, int64_t **ret_strides);

// Size and stride of dimension d; a negative d counts from the end. Fails for d out of range.
AOTI_SHIM_API AOTITorchError aoti_torch_get_size(AtenTensorHandle tensor, int64_t d, int64_t *ret_size);
AOTI_SHIM_API AOTITorchError aoti_torch_get_stride(AtenTensorHandle tensor, int64_t d, int64_t *ret_stride);

AOTI_SHIM_API AOTITorchError aoti_torch_get_dtype(AtenTensorHandle tensor, int32_t *ret_dtype);
AOTI_SHIM_API AOTITorchError aoti_torch_get_device_type(AtenTensorHandle tensor, int32_t *ret_device_type);
AOTI_SHIM_API AOTITorchError aoti_torch_get_device_index(AtenTensorHandle tensor, int32_t *ret_device_index);
AOTI_SHIM_API AOTITorchError aoti_torch_get_layout(AtenTensorHandle tensor, int32_t *ret_layout);
AOTI_SHIM_API AOTITorchError aoti_torch_get_storage_offset(AtenTensorHandle tensor,
                                                           int64_t *ret_storage_offset);
AOTI_SHIM_API AOTITorchError aoti_torch_is_contiguous(AtenTensorHandle tensor, bool *ret_is_contiguous);
AOTI_SHIM_API AOTITorchError aoti_torch_is_defined(AtenTensorHandle tensor, bool *ret_is_defined);

// ---- Scalars ----

// The value of a tensor with one element. Fails when it has another number of elements or another dtype than
// the name says (PyTorch refuses that too).
AOTI_SHIM_API AOTITorchError aoti_torch_item_float16(AtenTensorHandle tensor, AotiFloat16 *ret_value);
AOTI_SHIM_API AOTITorchError aoti_torch_item_bfloat16(AtenTensorHandle tensor, AotiBFloat16 *ret_value);
AOTI_SHIM_API AOTITorchError aoti_torch_item_float32(AtenTensorHandle tensor, float *ret_value);
AOTI_SHIM_API AOTITorchError aoti_torch_item_float64(AtenTensorHandle tensor, double *ret_value);
AOTI_SHIM_API AOTITorchError aoti_torch_item_uint8(AtenTensorHandle tensor, uint8_t *ret_value);
AOTI_SHIM_API AOTITorchError aoti_torch_item_uint16(AtenTensorHandle tensor, uint16_t *ret_value);
AOTI_SHIM_API AOTITorchError aoti_torch_item_uint32(AtenTensorHandle tensor, uint32_t *ret_value);
AOTI_SHIM_API AOTITorchError aoti_torch_item_uint64(AtenTensorHandle tensor, uint64_t *ret_value);
AOTI_SHIM_API AOTITorchError aoti_torch_item_int8(AtenTensorHandle tensor, int8_t *ret_value);
AOTI_SHIM_API AOTITorchError aoti_torch_item_int16(AtenTensorHandle tensor, int16_t *ret_value);
AOTI_SHIM_API AOTITorchError aoti_torch_item_int32(AtenTensorHandle tensor, int32_t *ret_value);
AOTI_SHIM_API AOTITorchError aoti_torch_item_int64(AtenTensorHandle tensor, int64_t *ret_value);
AOTI_SHIM_API AOTITorchError aoti_torch_item_bool(AtenTensorHandle tensor, bool *ret_value);
AOTI_SHIM_API AOTITorchError aoti_torch_item_complex64(AtenTensorHandle tensor, AotiComplex64 *ret_value);

// A tensor of rank 0 that holds `value`.
AOTI_SHIM_API AOTITorchError aoti_torch_scalar_to_tensor_float32(float value,
                                                                 AtenTensorHandle *ret_new_tensor);
AOTI_SHIM_API AOTITorchError aoti_torch_scalar_to_tensor_float64(double value,
                                                                 AtenTensorHandle *ret_new_tensor);
AOTI_SHIM_API AOTITorchError aoti_torch_scalar_to_tensor_uint8(uint8_t value,
                                                               AtenTensorHandle *ret_new_tensor);
AOTI_SHIM_API AOTITorchError aoti_torch_scalar_to_tensor_uint16(uint16_t value,
                                                                AtenTensorHandle *ret_new_tensor);
AOTI_SHIM_API AOTITorchError aoti_torch_scalar_to_tensor_uint32(uint32_t value,
                                                                AtenTensorHandle *ret_new_tensor);
AOTI_SHIM_API AOTITorchError aoti_torch_scalar_to_tensor_uint64(uint64_t value,
                                                                AtenTensorHandle *ret_new_tensor);
AOTI_SHIM_API AOTITorchError aoti_torch_scalar_to_tensor_int8(int8_t value, AtenTensorHandle *ret_new_tensor);
AOTI_SHIM_API AOTITorchError aoti_torch_scalar_to_tensor_int16(int16_t value,
                                                               AtenTensorHandle *ret_new_tensor);
AOTI_SHIM_API AOTITorchError aoti_torch_scalar_to_tensor_int32(int32_t value,
                                                               AtenTensorHandle *ret_new_tensor);
AOTI_SHIM_API AOTITorchError aoti_torch_scalar_to_tensor_int64(int64_t value,
                                                               AtenTensorHandle *ret_new_tensor);
AOTI_SHIM_API AOTITorchError aoti_torch_scalar_to_tensor_bool(bool value, AtenTensorHandle *ret_new_tensor);
AOTI_SHIM_API AOTITorchError aoti_torch_scalar_to_tensor_complex64(AotiComplex64 value,
                                                                   AtenTensorHandle *ret_new_tensor);
AOTI_SHIM_API AOTITorchError aoti_torch_scalar_to_tensor_complex128(AotiComplex128 value,
                                                                    AtenTensorHandle *ret_new_tensor);

// ---- Debugging ----

// Prints `msg` (may be null), sizes, strides, dtype and the first and last elements of `self` to stdout. A
// handle that cannot be read is said to be so. Cannot fail.
AOTI_SHIM_API void aoti_torch_print_tensor_handle(AtenTensorHandle self, const char *msg);

// Fails, naming `tensor_name` and the first place, when a floating-point tensor holds an infinity or a NaN.
// Tensors of other dtypes pass.
AOTI_SHIM_API AOTITorchError aoti_torch_check_inf_and_nan(const char *tensor_name, AtenTensorHandle tensor);

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // AOTI_TENSOR_H_
