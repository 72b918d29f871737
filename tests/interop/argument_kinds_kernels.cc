// The kernel of the operator in argument_kinds_model.py: gives back what it was told, as numbers.
#include <stdio.h>
#include <string.h>

#include "aoti/custom_op.h"

namespace {

struct Floats {
  const float *data;
  int64_t ndim;
  int64_t *sizes, *strides;
};

bool read(AtenTensorHandle tensor, Floats *ret) {
  void *data = nullptr;
  if (aoti_torch_get_data_ptr(tensor, &data) != AOTI_TORCH_SUCCESS ||
      aoti_torch_get_dim(tensor, &ret->ndim) != AOTI_TORCH_SUCCESS ||
      aoti_torch_get_sizes(tensor, &ret->sizes) != AOTI_TORCH_SUCCESS ||
      aoti_torch_get_strides(tensor, &ret->strides) != AOTI_TORCH_SUCCESS) {
    return false;
  }
  ret->data = (const float *)data;
  return ret->ndim <= 2;
}

// Row `i`, column `j`; of a vector, element `j`, which repeats for each row.
float at(const Floats &x, int64_t i, int64_t j) {
  return x.ndim == 2 ? x.data[i * x.strides[0] + j * x.strides[1]] : x.data[j * x.strides[0]];
}

double number(const AotiOpValue &v) {
  switch (v.kind) {
    case AOTI_OP_NONE:
      return -1;
    case AOTI_OP_FLOAT:
      return v.value.f64;
    case AOTI_OP_STRING:
      return (double)strlen(v.value.string);
    default:
      return (double)v.value.i64;
  }
}

double total(const AotiOpValue &list) {
  double sum = 0;
  for (int64_t i = 0; i < list.count; ++i) sum += number(list.value.list[i]);
  return sum;
}

AOTITorchError fail(const AotiOpCall *call, const char *what) {
  snprintf(call->message, call->message_bytes, "%s", what);
  return AOTI_TORCH_FAILURE;
}

// The sum of all tensors in the list; -1 in `first_none` where each is one.
bool sum_tensors(const AotiOpValue &list, double *sum, int64_t *first_none) {
  *sum = 0;
  *first_none = -1;
  for (int64_t k = 0; k < list.count; ++k) {
    const AotiOpValue &item = list.value.list[k];
    Floats x;
    if (item.kind == AOTI_OP_NONE) {
      if (*first_none < 0) *first_none = k;
      continue;
    }
    if (item.kind != AOTI_OP_TENSOR || !read(item.value.tensor, &x) || x.ndim != 2) return false;
    for (int64_t i = 0; i < x.sizes[0]; ++i) {
      for (int64_t j = 0; j < x.sizes[1]; ++j) *sum += at(x, i, j);
    }
  }
  return true;
}

AOTITorchError told(const AotiOpCall *call) {
  const AotiOpValue *args = call->args;
  if (call->num_args != 17 || call->num_outputs != 2)
    return fail(call, "expected 17 arguments and 2 outputs");
  Floats x, bias{};
  double sum = 0;
  int64_t first_none = -1;
  void *scaled = nullptr, *numbers = nullptr;
  if (!read(args[0].value.tensor, &x) || !sum_tensors(args[1], &sum, &first_none) ||
      (args[5].kind != AOTI_OP_NONE && !read(args[5].value.tensor, &bias)) ||
      aoti_torch_get_data_ptr(call->outputs[0], &scaled) != AOTI_TORCH_SUCCESS ||
      aoti_torch_get_data_ptr(call->outputs[1], &numbers) != AOTI_TORCH_SUCCESS) {
    return fail(call, "a tensor is not what the schema says");
  }
  for (int64_t i = 0; i < x.sizes[0]; ++i) {
    for (int64_t j = 0; j < x.sizes[1]; ++j) {
      const double shift = sum + (bias.data != nullptr ? at(bias, i, j) : 0);
      ((float *)scaled)[i * x.sizes[1] + j] = (float)(at(x, i, j) * number(args[4]) + shift);
    }
  }
  const AotiOpValue &alpha = args[4], &beta = args[14], &sizes = args[15], &weights = args[16];
  const double found[] = {
      (double)args[1].count,
      (double)first_none,
      number(args[2]),
      number(args[3]),
      number(alpha),
      alpha.kind == AOTI_OP_INT ? 1.0 : 0.0,
      number(args[6]),
      number(args[7]),
      number(args[8]),
      number(args[9]),
      number(args[10]),
      number(args[11]),
      number(args[12]),
      number(args[13]),
      number(beta),
      beta.kind == AOTI_OP_INT ? 1.0 : 0.0,
      sizes.kind == AOTI_OP_NONE ? -1 : total(sizes) + 100 * (double)sizes.count,
      weights.kind == AOTI_OP_NONE ? -1 : total(weights),
  };
  memcpy(numbers, found, sizeof found);
  return AOTI_TORCH_SUCCESS;
}

}  // namespace

AOTI_REGISTER_OP(
    interop_told,
    "interop::told(Tensor x, Tensor?[] maybe, Device device, SymInt rows, Scalar alpha, *, Tensor? "
    "bias=None, "
    "SymInt? count=None, float? factor=2., bool? flag=None, str? name=None, ScalarType? dtype=None, "
    "Layout? layout=None, MemoryFormat? memory_format=None, Device? where=None, Scalar? beta=None, "
    "SymInt[]? sizes=None, float[]? weights=None) -> (Tensor, Tensor)",
    told)
