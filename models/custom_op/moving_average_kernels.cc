// Kernels of the operators in moving_average.py. They read operands of any strides and write contiguous
// outputs.
#include <stdio.h>
#include <string.h>

#include "aoti/custom_op.h"

typedef struct Matrix {
  float *data;
  int64_t rows, columns, row_stride, column_stride;
} Matrix;

static AOTITorchError read_matrix(AtenTensorHandle tensor, Matrix *ret) {
  int64_t *sizes = NULL, *strides = NULL, dim = 0;
  void *data = NULL;
  if (aoti_torch_get_dim(tensor, &dim) != AOTI_TORCH_SUCCESS || dim != 2) return AOTI_TORCH_FAILURE;
  if (aoti_torch_get_sizes(tensor, &sizes) != AOTI_TORCH_SUCCESS ||
      aoti_torch_get_strides(tensor, &strides) != AOTI_TORCH_SUCCESS ||
      aoti_torch_get_data_ptr(tensor, &data) != AOTI_TORCH_SUCCESS) {
    return AOTI_TORCH_FAILURE;
  }
  Matrix matrix = {(float *)data, sizes[0], sizes[1], strides[0], strides[1]};
  *ret = matrix;
  return AOTI_TORCH_SUCCESS;
}

static float at(const Matrix *m, int64_t row, int64_t column) {
  return m->data[row * m->row_stride + column * m->column_stride];
}

static AOTITorchError average(const AotiOpCall *call) {
  Matrix x, out;
  if (read_matrix(call->args[0].value.tensor, &x) != AOTI_TORCH_SUCCESS ||
      read_matrix(call->outputs[0], &out) != AOTI_TORCH_SUCCESS) {
    snprintf(call->message, call->message_bytes, "x is no matrix");
    return AOTI_TORCH_FAILURE;
  }
  const int64_t width = call->args[1].value.i64, half = width / 2;
  if (width < 1) {
    snprintf(call->message, call->message_bytes, "the width is %lld; expected 1 or more", (long long)width);
    return AOTI_TORCH_FAILURE;
  }
  for (int64_t i = 0; i < x.rows; ++i) {
    for (int64_t j = 0; j < x.columns; ++j) {
      double sum = 0;
      for (int64_t k = j - half; k < j - half + width; ++k) {
        sum += at(&x, i, k < 0 ? 0 : k >= x.columns ? x.columns - 1 : k);
      }
      out.data[i * out.row_stride + j] = (float)(sum / (double)width);
    }
  }
  return AOTI_TORCH_SUCCESS;
}

static AOTITorchError combine(const AotiOpCall *call) {
  const AotiOpValue *parts = &call->args[0], *weights = &call->args[1], *bias = &call->args[2];
  const double scale = call->args[3].value.f64;
  const double sign = strcmp(call->args[4].value.string, "negate") == 0 ? -1 : 1;
  const int64_t dtype = call->args[5].value.i64;
  const AotiOpValue *order = &call->args[7];
  Matrix x;
  void *total = NULL, *rows = NULL;
  float *offsets = NULL;
  if (read_matrix(parts->value.list[0].value.tensor, &x) != AOTI_TORCH_SUCCESS ||
      aoti_torch_get_data_ptr(call->outputs[0], &total) != AOTI_TORCH_SUCCESS ||
      aoti_torch_get_data_ptr(call->outputs[1], &rows) != AOTI_TORCH_SUCCESS) {
    return AOTI_TORCH_FAILURE;
  }
  if (bias->kind == AOTI_OP_TENSOR &&
      aoti_torch_get_data_ptr(bias->value.tensor, (void **)&offsets) != AOTI_TORCH_SUCCESS) {
    return AOTI_TORCH_FAILURE;
  }
  for (int64_t i = 0; i < x.rows; ++i) {
    double row = 0;
    for (int64_t j = 0; j < x.columns; ++j) {
      double sum = 0;
      for (int64_t k = 0; k < order->count; ++k) {
        const int64_t part = order->value.list[k].value.i64;
        Matrix m;
        if (part < 0 || part >= parts->count ||
            read_matrix(parts->value.list[part].value.tensor, &m) != AOTI_TORCH_SUCCESS) {
          snprintf(call->message, call->message_bytes, "there is no part %lld", (long long)part);
          return AOTI_TORCH_FAILURE;
        }
        sum += at(&m, i, j) * weights->value.list[part].value.f64;
      }
      sum = sign * (sum * scale + (offsets != NULL ? offsets[j] : 0));
      if (dtype == AOTI_DTYPE_FLOAT64) {
        ((double *)total)[i * x.columns + j] = sum;
      } else {
        ((float *)total)[i * x.columns + j] = (float)sum;
      }
      row += sum;
    }
    ((float *)rows)[i] = (float)row;
  }
  return AOTI_TORCH_SUCCESS;
}

AOTI_REGISTER_OP(smoothing_average, "smoothing::average(Tensor x, SymInt width) -> Tensor", average)
AOTI_REGISTER_OP(smoothing_combine,
                 "smoothing::combine(Tensor[] parts, float[] weights, Tensor? bias, float scale, str mode, "
                 "ScalarType dtype, "
                 "bool keep, SymInt[] order) -> (Tensor, Tensor)",
                 combine)
