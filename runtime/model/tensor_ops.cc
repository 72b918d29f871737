#include "runtime/model/tensor_ops.h"

#include "runtime/model/error.h"

namespace aoti_model {

AOTIRuntimeError facts_of(AtenTensorHandle tensor, TensorFacts *ret_facts) {
  TensorFacts facts{};
  void *data = nullptr;
  if (aoti_torch_get_dtype(tensor, &facts.dtype) != AOTI_TORCH_SUCCESS ||
      aoti_torch_get_dim(tensor, &facts.ndim) != AOTI_TORCH_SUCCESS ||
      aoti_torch_get_numel(tensor, &facts.numel) != AOTI_TORCH_SUCCESS ||
      aoti_torch_get_sizes(tensor, &facts.sizes) != AOTI_TORCH_SUCCESS ||
      aoti_torch_get_strides(tensor, &facts.strides) != AOTI_TORCH_SUCCESS ||
      aoti_torch_get_storage_offset(tensor, &facts.offset) != AOTI_TORCH_SUCCESS ||
      aoti_torch_get_data_ptr(tensor, &data) != AOTI_TORCH_SUCCESS) {
    return fail_shim("a tensor");
  }
  facts.data = static_cast<char *>(data);
  *ret_facts = facts;
  return AOTI_RUNTIME_SUCCESS;
}

void row_major(int64_t ndim, const int64_t *sizes, int64_t *strides) {
  int64_t stride = 1;
  for (int64_t i = ndim - 1; i >= 0; --i) {
    strides[i] = stride;
    stride *= sizes[i] > 0 ? sizes[i] : 1;
  }
}

AOTIRuntimeError make_contiguous(int64_t ndim, const int64_t *sizes, int32_t dtype, AtenTensorHandle *ret) {
  int64_t strides[kMaxTensorRank];
  if (ndim < 0 || ndim > kMaxTensorRank) return fail("a tensor of rank %lld", (long long)ndim);
  row_major(ndim, sizes, strides);
  if (aoti_torch_empty_strided(ndim, sizes, strides, dtype, AOTI_DEVICE_CPU, 0, ret) == AOTI_TORCH_SUCCESS) {
    return AOTI_RUNTIME_SUCCESS;
  }
  return fail_shim("memory for a constant");
}

AOTIRuntimeError as_contiguous(AtenTensorHandle tensor, int32_t dtype, AtenTensorHandle *ret) {
  TensorFacts facts{};
  bool contiguous = false;
  if (facts_of(tensor, &facts) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  if (aoti_torch_is_contiguous(tensor, &contiguous) != AOTI_TORCH_SUCCESS) return fail_shim("a tensor");
  if (contiguous && facts.dtype == dtype) {
    return aoti_torch_new_tensor_handle(tensor, ret) == AOTI_TORCH_SUCCESS ? AOTI_RUNTIME_SUCCESS
                                                                           : fail_shim("a tensor");
  }
  AtenTensorHandle copy = nullptr;
  if (make_contiguous(facts.ndim, facts.sizes, dtype, &copy) != AOTI_RUNTIME_SUCCESS) {
    return AOTI_RUNTIME_FAILURE;
  }
  if (aoti_torch_copy_(copy, tensor, 0) != AOTI_TORCH_SUCCESS) {
    fail_shim("a copy of a constant");
    aoti_torch_delete_tensor_object(copy);
    return AOTI_RUNTIME_FAILURE;
  }
  *ret = copy;
  return AOTI_RUNTIME_SUCCESS;
}

AOTIRuntimeError on_host(AtenTensorHandle tensor, AtenTensorHandle *ret) {
  int32_t device_type = 0;
  TensorFacts facts{};
  if (aoti_torch_get_device_type(tensor, &device_type) != AOTI_TORCH_SUCCESS) return fail_shim("a tensor");
  if (device_type == AOTI_DEVICE_CPU) {
    return aoti_torch_new_tensor_handle(tensor, ret) == AOTI_TORCH_SUCCESS ? AOTI_RUNTIME_SUCCESS
                                                                           : fail_shim("a tensor");
  }
  AtenTensorHandle copy = nullptr;
  if (facts_of(tensor, &facts) != AOTI_RUNTIME_SUCCESS ||
      make_contiguous(facts.ndim, facts.sizes, facts.dtype, &copy) != AOTI_RUNTIME_SUCCESS) {
    return AOTI_RUNTIME_FAILURE;
  }
  RAIIAtenTensorHandle owner(copy);
  if (aoti_torch_copy_(copy, tensor, 0) != AOTI_TORCH_SUCCESS) return fail_shim("a copy of a constant");
  *ret = owner.release();
  return AOTI_RUNTIME_SUCCESS;
}

AOTIRuntimeError view_of(AtenTensorHandle contiguous, int64_t ndim, const int64_t *sizes,
                         const int64_t *strides, int64_t offset, AtenTensorHandle *ret) {
  TensorFacts facts{};
  if (facts_of(contiguous, &facts) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  int64_t last = offset;
  bool empty = false, wrong = offset < 0;
  for (int64_t d = 0; d < ndim && !wrong; ++d) {
    int64_t reach = 0;
    wrong = sizes[d] < 0 || strides[d] < 0;
    empty |= sizes[d] == 0;
    wrong |= sizes[d] > 0 && (__builtin_mul_overflow(sizes[d] - 1, strides[d], &reach) ||
                              __builtin_add_overflow(last, reach, &last));
  }
  if (wrong || (!empty && last >= facts.numel)) {
    return fail("a view that ends at element %lld of %lld", (long long)last, (long long)facts.numel);
  }
  if (aoti_torch__reinterpret_tensor(contiguous, ndim, sizes, strides, offset, ret) == AOTI_TORCH_SUCCESS) {
    return AOTI_RUNTIME_SUCCESS;
  }
  return fail_shim("a view of a constant");
}

}  // namespace aoti_model
