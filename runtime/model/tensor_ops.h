// The few things that recipes and updates do with tensors, over the C shim.
#ifndef RUNTIME_MODEL_TENSOR_OPS_H_
#define RUNTIME_MODEL_TENSOR_OPS_H_

#include "aoti/model.h"

namespace aoti_model {

constexpr int64_t kMaxTensorRank = 64;

// What a handle says of itself; sizes and strides are the handle's.
struct TensorFacts {
  int32_t dtype;
  int64_t ndim;
  int64_t numel;
  int64_t *sizes;
  int64_t *strides;
  int64_t offset;
  char *data;
};

AOTIRuntimeError facts_of(AtenTensorHandle tensor, TensorFacts *ret_facts);

// Row-major strides of `sizes`.
void row_major(int64_t ndim, const int64_t *sizes, int64_t *strides);

// A new contiguous tensor on the CPU, with undefined contents.
AOTIRuntimeError make_contiguous(int64_t ndim, const int64_t *sizes, int32_t dtype, AtenTensorHandle *ret);

// A handle on `tensor` itself where it is contiguous and of `dtype`, else on a copy that is.
AOTIRuntimeError as_contiguous(AtenTensorHandle tensor, int32_t dtype, AtenTensorHandle *ret);

// A handle on `tensor` itself where it is on the CPU, else on a contiguous copy there.
AOTIRuntimeError on_host(AtenTensorHandle tensor, AtenTensorHandle *ret);

// A view of a contiguous tensor: `offset` counts from its own first element. Fails when it reaches outside.
AOTIRuntimeError view_of(AtenTensorHandle contiguous, int64_t ndim, const int64_t *sizes,
                         const int64_t *strides, int64_t offset, AtenTensorHandle *ret);

}  // namespace aoti_model

#endif  // RUNTIME_MODEL_TENSOR_OPS_H_
