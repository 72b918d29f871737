#include "shim/src/ops/matrices.h"

namespace aoti_ops {
namespace {

double element(const Batch &batch, int64_t at) {
  return batch.dtype == AOTI_DTYPE_FLOAT64 ? static_cast<const double *>(batch.data)[at]
                                           : static_cast<double>(static_cast<const float *>(batch.data)[at]);
}

}  // namespace

AOTITorchError fail(const AotiOpCall *call, const char *what) {
  snprintf(call->message, call->message_bytes, "%s", what);
  return AOTI_TORCH_FAILURE;
}

bool read_tensor(const AotiOpCall *call, AtenTensorHandle tensor, int64_t matrix_dims, Batch *ret) {
  int64_t dims = 0, *sizes = nullptr, *strides = nullptr;
  if (aoti_torch_get_dim(tensor, &dims) != AOTI_TORCH_SUCCESS ||
      aoti_torch_get_sizes(tensor, &sizes) != AOTI_TORCH_SUCCESS ||
      aoti_torch_get_strides(tensor, &strides) != AOTI_TORCH_SUCCESS ||
      aoti_torch_get_dtype(tensor, &ret->dtype) != AOTI_TORCH_SUCCESS ||
      aoti_torch_get_data_ptr(tensor, &ret->data) != AOTI_TORCH_SUCCESS || dims < matrix_dims ||
      dims > kMostDims) {
    fail(call, "an operand is no batch of matrices");
    return false;
  }
  ret->batch_dims = dims - matrix_dims;
  ret->sizes = sizes;
  ret->strides = strides;
  ret->count = 1;
  for (int64_t d = 0; d < ret->batch_dims; ++d) ret->count *= sizes[d];
  ret->rows = matrix_dims > 0 ? sizes[ret->batch_dims] : 1;
  ret->row_stride = matrix_dims > 0 ? strides[ret->batch_dims] : 0;
  ret->columns = matrix_dims > 1 ? sizes[ret->batch_dims + 1] : 1;
  ret->column_stride = matrix_dims > 1 ? strides[ret->batch_dims + 1] : 0;
  return true;
}

int64_t offset_of(const Batch &batch, const Batch &like, int64_t k) {
  int64_t offset = 0;
  for (int64_t d = like.batch_dims - 1; d >= 0; --d) {
    const int64_t own = d - (like.batch_dims - batch.batch_dims);
    const int64_t position = k % like.sizes[d];
    k /= like.sizes[d];
    if (own >= 0 && batch.sizes[own] != 1) offset += position * batch.strides[own];
  }
  return offset;
}

void load(const Batch &batch, const Batch &like, int64_t k, double *to) {
  const int64_t offset = offset_of(batch, like, k);
  for (int64_t i = 0; i < batch.rows; ++i)
    for (int64_t j = 0; j < batch.columns; ++j)
      to[i * batch.columns + j] = element(batch, offset + i * batch.row_stride + j * batch.column_stride);
}

void store(const Batch &batch, int64_t k, const double *from) {
  const int64_t offset = offset_of(batch, batch, k);
  for (int64_t i = 0; i < batch.rows; ++i) {
    for (int64_t j = 0; j < batch.columns; ++j) {
      const int64_t at = offset + i * batch.row_stride + j * batch.column_stride;
      const double value = from[i * batch.columns + j];
      if (batch.dtype == AOTI_DTYPE_FLOAT64) {
        static_cast<double *>(batch.data)[at] = value;
      } else {
        static_cast<float *>(batch.data)[at] = static_cast<float>(value);
      }
    }
  }
}

void store_int(const Batch &batch, int64_t k, int64_t at, int32_t value) {
  static_cast<int32_t *>(batch.data)[offset_of(batch, batch, k) + at * batch.row_stride] = value;
}

}  // namespace aoti_ops
