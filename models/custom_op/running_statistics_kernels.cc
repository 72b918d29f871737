// Kernels of the operators in running_statistics.py. What they write to may be a view of any strides, as may
// what they read.
#include <math.h>
#include <stdio.h>

#include "aoti/custom_op.h"

// A tensor of at most two dims as a matrix.
typedef struct Matrix {
  float *data;
  int64_t rows, columns, row_stride, column_stride;
} Matrix;

static bool read_matrix(const AotiOpCall *call, AtenTensorHandle tensor, Matrix *ret) {
  int64_t *sizes = NULL, *strides = NULL, dim = 0;
  void *data = NULL;
  if (aoti_torch_get_dim(tensor, &dim) != AOTI_TORCH_SUCCESS || dim < 1 || dim > 2 ||
      aoti_torch_get_sizes(tensor, &sizes) != AOTI_TORCH_SUCCESS ||
      aoti_torch_get_strides(tensor, &strides) != AOTI_TORCH_SUCCESS ||
      aoti_torch_get_data_ptr(tensor, &data) != AOTI_TORCH_SUCCESS) {
    snprintf(call->message, call->message_bytes, "expected tensors of one or two dims");
    return false;
  }
  const Matrix matrix = {(float *)data, dim == 2 ? sizes[0] : 1, sizes[dim - 1], dim == 2 ? strides[0] : 0,
                         strides[dim - 1]};
  *ret = matrix;
  return true;
}

static float *at(const Matrix *m, int64_t row, int64_t column) {
  return m->data + row * m->row_stride + column * m->column_stride;
}

static bool is_written(const AotiOpCall *call, const AotiOpValue *value) {
  if (value->kind == AOTI_OP_TENSOR && (value->flags & AOTI_OP_WRITTEN) != 0) return true;
  snprintf(call->message, call->message_bytes, "expected a tensor that may be written to");
  return false;
}

static AOTITorchError update(const AotiOpCall *call) {
  const AotiOpValue *spread_value = &call->args[1];
  const double decay = call->args[3].value.f64;
  Matrix mean, spread = {NULL, 0, 0, 0, 0}, x, distance;
  if (!is_written(call, &call->args[0]) || !read_matrix(call, call->args[0].value.tensor, &mean) ||
      !read_matrix(call, call->args[2].value.tensor, &x) || !read_matrix(call, call->outputs[0], &distance)) {
    return AOTI_TORCH_FAILURE;
  }
  if (spread_value->kind != AOTI_OP_NONE &&
      (!is_written(call, spread_value) || !read_matrix(call, spread_value->value.tensor, &spread))) {
    return AOTI_TORCH_FAILURE;
  }
  for (int64_t j = 0; j < x.columns; ++j) {
    const double old = *at(&mean, 0, j);
    double sum = 0, off = 0;
    for (int64_t i = 0; i < x.rows; ++i) {
      sum += *at(&x, i, j);
      off += fabs(*at(&x, i, j) - old);
    }
    *at(&distance, 0, j) = (float)(off / (double)x.rows);
    *at(&mean, 0, j) = (float)(old * decay + sum / (double)x.rows * (1 - decay));
    if (spread.data != NULL)
      *at(&spread, 0, j) = (float)(*at(&spread, 0, j) * decay + off / (double)x.rows * (1 - decay));
  }
  return AOTI_TORCH_SUCCESS;
}

static AOTITorchError rescale(const AotiOpCall *call) {
  const AotiOpValue *parts = &call->args[0], *factors = &call->args[1];
  for (int64_t k = 0; k < parts->count; ++k) {
    Matrix part;
    if (!is_written(call, &parts->value.list[k]) ||
        !read_matrix(call, parts->value.list[k].value.tensor, &part)) {
      return AOTI_TORCH_FAILURE;
    }
    for (int64_t i = 0; i < part.rows; ++i) {
      for (int64_t j = 0; j < part.columns; ++j) *at(&part, i, j) *= (float)factors->value.list[k].value.f64;
    }
  }
  return AOTI_TORCH_SUCCESS;
}

// The schema's result is the argument itself: there are no outputs.
static AOTITorchError clip(const AotiOpCall *call) {
  const float limit = (float)call->args[1].value.f64;
  Matrix x;
  if (!is_written(call, &call->args[0]) || !read_matrix(call, call->args[0].value.tensor, &x))
    return AOTI_TORCH_FAILURE;
  for (int64_t i = 0; i < x.rows; ++i) {
    for (int64_t j = 0; j < x.columns; ++j) {
      *at(&x, i, j) = fmaxf(-limit, fminf(limit, *at(&x, i, j)));
    }
  }
  return AOTI_TORCH_SUCCESS;
}

static AOTITorchError largest(const AotiOpCall *call) {
  Matrix x, out;
  if (!read_matrix(call, call->args[0].value.tensor, &x) || !is_written(call, &call->args[1]) ||
      !read_matrix(call, call->args[1].value.tensor, &out)) {
    return AOTI_TORCH_FAILURE;
  }
  for (int64_t i = 0; i < x.rows; ++i) {
    float best = -INFINITY;
    for (int64_t j = 0; j < x.columns; ++j) best = fmaxf(best, *at(&x, i, j));
    *at(&out, 0, i) = best;
  }
  return AOTI_TORCH_SUCCESS;
}

AOTI_REGISTER_OP(statistics_update,
                 "statistics::update(Tensor(a0!) mean, Tensor(a1!)? spread, Tensor x, float decay) -> Tensor",
                 update)
AOTI_REGISTER_OP(statistics_rescale, "statistics::rescale(Tensor(a0!)[] parts, float[] factors) -> ()",
                 rescale)
AOTI_REGISTER_OP(statistics_clip, "statistics::clip_(Tensor(a!) x, float limit) -> Tensor(a!)", clip)
AOTI_REGISTER_OP(statistics_largest, "statistics::largest.out(Tensor x, *, Tensor(a!) out) -> Tensor(a!)",
                 largest)
