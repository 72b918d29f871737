// Batches of matrices as the kernels of linear algebra see them: tensors of float32 or float64 with any
// strides, read and written one matrix at a time as row-major doubles. Everything is computed in double.
//
//   Batch a;
//   if (!read_batch(call, 0, &a)) return AOTI_TORCH_FAILURE;         // argument 0, [..., rows, columns]
//   Scratch work(call, a.rows * a.columns);
//   load(a, k, work.data);  ...  store(out, k, work.data);
#ifndef SHIM_SRC_OPS_MATRICES_H_
#define SHIM_SRC_OPS_MATRICES_H_

#include <stdio.h>
#include <stdlib.h>

#include "aoti/custom_op.h"

namespace aoti_ops {

constexpr int64_t kMostDims = 16;

// A tensor [..., rows, columns]; a vector is one column, a scalar one element.
struct Batch {
  void *data;
  int32_t dtype;
  int64_t batch_dims;  // before the last two
  const int64_t *sizes, *strides;
  int64_t count;  // of matrices
  int64_t rows, columns, row_stride, column_stride;
};

// Memory of one call, freed at its end.
class Scratch {
 public:
  explicit Scratch(int64_t elements)
      : data(static_cast<double *>(
            malloc(static_cast<size_t>(elements > 0 ? elements : 1) * sizeof(double)))) {}
  ~Scratch() { free(data); }
  Scratch(const Scratch &) = delete;
  Scratch &operator=(const Scratch &) = delete;
  double *const data;  // null: there is no memory
};

AOTITorchError fail(const AotiOpCall *call, const char *what);

// How many of the last dims are the matrix: 2, 1 (a vector, as a column), 0 (a scalar, as one element).
bool read_tensor(const AotiOpCall *call, AtenTensorHandle tensor, int64_t matrix_dims, Batch *ret);
inline bool read_argument(const AotiOpCall *call, int64_t argument, int64_t matrix_dims, Batch *ret) {
  return read_tensor(call, call->args[argument].value.tensor, matrix_dims, ret);
}
inline bool read_output(const AotiOpCall *call, int64_t output, int64_t matrix_dims, Batch *ret) {
  return read_tensor(call, call->outputs[output], matrix_dims, ret);
}

// Where matrix `k` of batch `like` lies in `batch`, whose dims are broadcast to those of `like`, in elements.
int64_t offset_of(const Batch &batch, const Batch &like, int64_t k);

// Matrix `k` of `like`'s batch: [rows, columns] of doubles, row-major.
void load(const Batch &batch, const Batch &like, int64_t k, double *to);
void store(const Batch &batch, int64_t k, const double *from);
// One integer to matrix k's element `at`, of an int32 tensor.
void store_int(const Batch &batch, int64_t k, int64_t at, int32_t value);

}  // namespace aoti_ops

#endif  // SHIM_SRC_OPS_MATRICES_H_
