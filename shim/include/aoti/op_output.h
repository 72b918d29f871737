// Outputs of kernels (aoti/custom_op.h) that serve libraries of any compiler: those of stock AOTInductor do
// not say what an operator returns, so its kernel makes its outputs itself.
//
//   if (aoti_op_make_output(call, 0, ndim, sizes, AOTI_DTYPE_FLOAT32) != AOTI_TORCH_SUCCESS) return
//   AOTI_TORCH_FAILURE;
#ifndef AOTI_OP_OUTPUT_H_
#define AOTI_OP_OUTPUT_H_

#include <stdio.h>
#include <string.h>

#include "aoti/custom_op.h"

#ifdef __cplusplus
extern "C" {
#endif

// Makes output number `index` a contiguous tensor of these sizes on the CPU, where it is an empty handle;
// where it is a tensor already, compares. Fails, with a message in the call, when the two differ or there is
// no memory. (Not a function of the ABI.)
static inline AOTITorchError aoti_op_make_output(const AotiOpCall *call, int64_t index, int64_t ndim,
                                                 const int64_t *sizes, int32_t dtype) {
  enum { kMaxRank = 64 };
  int64_t strides[kMaxRank], stride = 1, rank = 0, *present = NULL;
  int32_t present_dtype = 0;
  bool is_defined = false, is_too_large = false;
  AtenTensorHandle made = NULL;
  if (index < 0 || index >= call->num_outputs || ndim < 0 || ndim > kMaxRank) {
    snprintf(call->message, call->message_bytes, "there is no output %lld of rank %lld", (long long)index,
             (long long)ndim);
    return AOTI_TORCH_FAILURE;
  }
  if (aoti_torch_is_defined(call->outputs[index], &is_defined) != AOTI_TORCH_SUCCESS)
    return AOTI_TORCH_FAILURE;
  if (is_defined) {
    if (aoti_torch_get_dim(call->outputs[index], &rank) != AOTI_TORCH_SUCCESS ||
        aoti_torch_get_sizes(call->outputs[index], &present) != AOTI_TORCH_SUCCESS ||
        aoti_torch_get_dtype(call->outputs[index], &present_dtype) != AOTI_TORCH_SUCCESS) {
      return AOTI_TORCH_FAILURE;
    }
    if (rank == ndim && present_dtype == dtype &&
        (ndim == 0 || memcmp(sizes, present, sizeof(int64_t) * (size_t)ndim) == 0)) {
      return AOTI_TORCH_SUCCESS;
    }
    snprintf(call->message, call->message_bytes, "output %lld has another shape or dtype than export saw",
             (long long)index);
    return AOTI_TORCH_FAILURE;
  }
  for (int64_t d = ndim; d-- > 0;) {
    strides[d] = stride;
    is_too_large |= __builtin_mul_overflow(stride, sizes[d] > 0 ? sizes[d] : 1, &stride);
  }
  if (is_too_large || aoti_torch_empty_strided(ndim, sizes, strides, dtype, AOTI_DEVICE_CPU, 0, &made) !=
                          AOTI_TORCH_SUCCESS) {
    snprintf(call->message, call->message_bytes, "output %lld cannot be made", (long long)index);
    return AOTI_TORCH_FAILURE;
  }
  const AOTITorchError status = aoti_torch_assign_tensors(made, call->outputs[index]);
  aoti_torch_delete_tensor_object(made);
  return status;
}

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // AOTI_OP_OUTPUT_H_
