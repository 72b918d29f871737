// The kernel of the operator that stock_models.py defines in Python, for the library that AOTInductor made of
// it.
#include <string.h>

#include "aoti/op_output.h"

static AOTITorchError scaled_add(const AotiOpCall *call) {
  const AotiOpValue *args = call->args;
  int64_t count = 0, ndim = 0, *sizes = nullptr;
  float *x = nullptr, *y = nullptr, *out = nullptr;
  if (aoti_torch_get_dim(args[0].value.tensor, &ndim) != AOTI_TORCH_SUCCESS ||
      aoti_torch_get_sizes(args[0].value.tensor, &sizes) != AOTI_TORCH_SUCCESS ||
      aoti_torch_get_numel(args[0].value.tensor, &count) != AOTI_TORCH_SUCCESS ||
      aoti_torch_get_data_ptr(args[0].value.tensor, reinterpret_cast<void **>(&x)) != AOTI_TORCH_SUCCESS ||
      aoti_torch_get_data_ptr(args[1].value.tensor, reinterpret_cast<void **>(&y)) != AOTI_TORCH_SUCCESS ||
      aoti_op_make_output(call, 0, ndim, sizes, AOTI_DTYPE_FLOAT32) != AOTI_TORCH_SUCCESS ||
      aoti_torch_get_data_ptr(call->outputs[0], reinterpret_cast<void **>(&out)) != AOTI_TORCH_SUCCESS) {
    return AOTI_TORCH_FAILURE;
  }
  const float factor = static_cast<float>(args[2].value.f64 * static_cast<double>(args[3].value.i64));
  for (int64_t i = 0; i < count; ++i) out[i] = x[i] + y[i] * factor;
  return AOTI_TORCH_SUCCESS;
}

AOTI_REGISTER_OP(scaled_add,
                 "aoti_interop::scaled_add(Tensor x, Tensor y, float scale, SymInt times) -> Tensor",
                 scaled_add)
