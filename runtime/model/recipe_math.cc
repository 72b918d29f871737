#include "runtime/model/recipe_math.h"

#include <math.h>

#include "runtime/model/error.h"
#include "runtime/model/tensor_ops.h"

namespace aoti_model {
namespace {

double apply(int64_t op, double x) {
  switch (op) {
    case AOTI_RECIPE_NEG:
      return -x;
    case AOTI_RECIPE_SQRT:
      return sqrt(x);
    case AOTI_RECIPE_RSQRT:
      return 1 / sqrt(x);
    case AOTI_RECIPE_RECIPROCAL:
      return 1 / x;
    case AOTI_RECIPE_EXP:
      return exp(x);
    case AOTI_RECIPE_SIN:
      return sin(x);
    default:
      return cos(x);
  }
}

double apply(int64_t op, double x, double y) {
  switch (op) {
    case AOTI_RECIPE_ADD:
      return x + y;
    case AOTI_RECIPE_SUB:
      return x - y;
    case AOTI_RECIPE_MUL:
      return x * y;
    default:
      return x / y;
  }
}

struct Operand {
  RAIIAtenTensorHandle owner;
  TensorFacts facts;
  int64_t strides[kMaxTensorRank];  // seen from the result; 0 where it repeats
};

AOTIRuntimeError to_float64(AtenTensorHandle value, Operand *ret) {
  AtenTensorHandle handle = nullptr;
  if (as_contiguous(value, AOTI_DTYPE_FLOAT64, &handle) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  ret->owner = RAIIAtenTensorHandle(handle);
  return facts_of(handle, &ret->facts);
}

// Sizes of the result, and both operands' strides. Fails for sizes that do not fit.
AOTIRuntimeError broadcast(Operand *left, Operand *right, int64_t *ret_ndim, int64_t *sizes) {
  const int64_t ndim = left->facts.ndim > right->facts.ndim ? left->facts.ndim : right->facts.ndim;
  for (int64_t d = 0; d < ndim; ++d) sizes[d] = 1;
  Operand *const operands[] = {left, right};
  for (Operand *operand : operands) {
    const int64_t missing = ndim - operand->facts.ndim;
    int64_t stride = 1;
    for (int64_t d = ndim - 1; d >= 0; --d) {
      const int64_t size = d < missing ? 1 : operand->facts.sizes[d - missing];
      operand->strides[d] = size == 1 ? 0 : stride;
      stride *= size;
      if (size == 1) continue;
      if (sizes[d] != 1 && sizes[d] != size) {
        return fail("sizes %lld and %lld of dimension %lld do not fit", (long long)sizes[d], (long long)size,
                    (long long)d);
      }
      sizes[d] = size;
    }
  }
  *ret_ndim = ndim;
  return AOTI_RUNTIME_SUCCESS;
}

void calculate(int64_t op, const Operand &left, const Operand &right, int64_t ndim, const int64_t *sizes,
               double *out, int64_t numel) {
  const double *x = reinterpret_cast<const double *>(left.facts.data);
  const double *y = reinterpret_cast<const double *>(right.facts.data);
  const int64_t row = ndim == 0 ? 1 : sizes[ndim - 1];
  const int64_t x_step = ndim == 0 ? 0 : left.strides[ndim - 1];
  const int64_t y_step = ndim == 0 ? 0 : right.strides[ndim - 1];
  for (int64_t start = 0; start < numel; start += row) {
    int64_t rest = start / row, from_x = 0, from_y = 0;
    for (int64_t d = ndim - 2; d >= 0; --d) {
      from_x += rest % sizes[d] * left.strides[d];
      from_y += rest % sizes[d] * right.strides[d];
      rest /= sizes[d];
    }
    for (int64_t i = 0; i < row; ++i) {
      out[start + i] = apply(op, x[from_x + i * x_step], y[from_y + i * y_step]);
    }
  }
}

}  // namespace

AOTIRuntimeError unary(int64_t op, AtenTensorHandle value, AtenTensorHandle *ret) {
  if (op < AOTI_RECIPE_NEG || op > AOTI_RECIPE_COS) return fail("%lld is no function", (long long)op);
  Operand x{};
  AtenTensorHandle result = nullptr;
  TensorFacts facts{};
  if (to_float64(value, &x) != AOTI_RUNTIME_SUCCESS ||
      make_contiguous(x.facts.ndim, x.facts.sizes, AOTI_DTYPE_FLOAT64, &result) != AOTI_RUNTIME_SUCCESS) {
    return AOTI_RUNTIME_FAILURE;
  }
  RAIIAtenTensorHandle owner(result);
  if (facts_of(result, &facts) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  const double *in = reinterpret_cast<const double *>(x.facts.data);
  double *out = reinterpret_cast<double *>(facts.data);
  for (int64_t i = 0; i < facts.numel; ++i) out[i] = apply(op, in[i]);
  *ret = owner.release();
  return AOTI_RUNTIME_SUCCESS;
}

AOTIRuntimeError binary(int64_t op, AtenTensorHandle left, AtenTensorHandle right, AtenTensorHandle *ret) {
  if (op < AOTI_RECIPE_ADD || op > AOTI_RECIPE_DIV) return fail("%lld is no calculation", (long long)op);
  Operand x{}, y{};
  int64_t sizes[kMaxTensorRank], ndim = 0;
  AtenTensorHandle result = nullptr;
  TensorFacts facts{};
  if (to_float64(left, &x) != AOTI_RUNTIME_SUCCESS || to_float64(right, &y) != AOTI_RUNTIME_SUCCESS ||
      broadcast(&x, &y, &ndim, sizes) != AOTI_RUNTIME_SUCCESS ||
      make_contiguous(ndim, sizes, AOTI_DTYPE_FLOAT64, &result) != AOTI_RUNTIME_SUCCESS) {
    return AOTI_RUNTIME_FAILURE;
  }
  RAIIAtenTensorHandle owner(result);
  if (facts_of(result, &facts) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  calculate(op, x, y, ndim, sizes, reinterpret_cast<double *>(facts.data), facts.numel);
  *ret = owner.release();
  return AOTI_RUNTIME_SUCCESS;
}

}  // namespace aoti_model
