// Tensors as rows of one wide type, for operators that stock AOTInductor's libraries call in the lean
// stand-in for libtorch.
//
// Each operator reads its operands as contiguous float64 or int64, computes, and stores in the result's
// dtype: one short loop for all dtypes, right rather than fast. Code of our own compiler calls none of them.
#ifndef SHIM_SRC_COMPAT_WIDE_H_
#define SHIM_SRC_COMPAT_WIDE_H_

#include "aoti/tensor.h"

namespace aoti_compat {

constexpr int64_t kMaxRank = 64;

// A tensor owned, and what it says of itself.
struct Tensor {
  AtenTensorHandle handle = nullptr;
  int32_t dtype = 0;
  int64_t ndim = 0, numel = 0;
  int64_t *sizes = nullptr;
  void *data = nullptr;

  Tensor() = default;
  Tensor(const Tensor &) = delete;
  Tensor &operator=(const Tensor &) = delete;
  ~Tensor() {
    if (handle != nullptr) aoti_torch_delete_tensor_object(handle);
  }
  AtenTensorHandle release() {
    AtenTensorHandle given = handle;
    handle = nullptr;
    return given;
  }
  double *doubles() const { return static_cast<double *>(data); }
  int64_t *integers() const { return static_cast<int64_t *>(data); }
};

bool is_integer(int32_t dtype);

// False, with the shim's message, when it fails. All results are contiguous.
bool look_at(AtenTensorHandle handle, Tensor *ret);  // takes the handle over
bool make(int64_t ndim, const int64_t *sizes, int32_t dtype, Tensor *ret);
// A copy of `value` in `dtype`.
bool load(AtenTensorHandle value, int32_t dtype, Tensor *ret);
// The values of `wide` in `dtype`, as a handle for the caller of the operator.
bool give(const Tensor &wide, int32_t dtype, AtenTensorHandle *ret);

// The same with the dimensions in memory in this order, outermost first.
bool give_in_order(const Tensor &wide, int32_t dtype, const int64_t *order, AtenTensorHandle *ret);

// A dimension, counted from the end when it is negative; -1 when there is none such.
int64_t dimension(const Tensor &tensor, int64_t dim);

// How a tensor falls into rows along `dim`: row r's element i is at start(r) + i * step.
struct Rows {
  int64_t count, length, step;
  int64_t start(int64_t row) const { return row / step * step * length + row % step; }
};
Rows rows_along(const Tensor &tensor, int64_t dim);

}  // namespace aoti_compat

#endif  // SHIM_SRC_COMPAT_WIDE_H_
