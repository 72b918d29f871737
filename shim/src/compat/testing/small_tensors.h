// Small tensors for the tests of the stand-in's operators.
#ifndef SHIM_SRC_COMPAT_TESTING_SMALL_TENSORS_H_
#define SHIM_SRC_COMPAT_TESTING_SMALL_TENSORS_H_

#include <stdint.h>

#include <utility>
#include <vector>

#include "aoti/compat_ops.h"
#include "aoti/shim.h"
#include "tools/testing/check.h"

namespace compat_testing {

inline int32_t dtype_of(float) { return AOTI_DTYPE_FLOAT32; }
inline int32_t dtype_of(int64_t) { return AOTI_DTYPE_INT64; }

// A row-major tensor and its values; the operators borrow it.
template <class T>
class Small {
 public:
  Small(std::vector<int64_t> sizes, std::vector<T> values) : values_(std::move(values)) {
    std::vector<int64_t> strides(sizes.size(), 1);
    for (size_t d = sizes.size(); d-- > 1;) strides[d - 1] = strides[d] * sizes[d];
    CHECK_EQ(
        aoti_torch_create_tensor_from_blob(values_.data(), static_cast<int64_t>(sizes.size()), sizes.data(),
                                           strides.data(), 0, dtype_of(T()), 0, 0, &handle_),
        AOTI_TORCH_SUCCESS);
  }
  ~Small() { CHECK_EQ(aoti_torch_delete_tensor_object(handle_), AOTI_TORCH_SUCCESS); }
  Small(const Small &) = delete;
  Small &operator=(const Small &) = delete;

  AtenTensorHandle handle() const { return handle_; }
  const std::vector<T> &values() const { return values_; }

 private:
  std::vector<T> values_;
  AtenTensorHandle handle_ = nullptr;
};

// 0, 1, 2, ... each modulo `wrap` (0: none), plus `shift`.
inline std::vector<float> ramp(int64_t count, int64_t wrap, float shift) {
  std::vector<float> values;
  for (int64_t i = 0; i < count; ++i) values.push_back(static_cast<float>(wrap != 0 ? i % wrap : i) + shift);
  return values;
}

// Compares sizes and values in row-major order whatever the strides, and deletes the tensor.
template <class T>
void check_result(AtenTensorHandle tensor, const std::vector<int64_t> &sizes, const std::vector<T> &expected,
                  double tolerance = 0) {
  int64_t ndim = -1, *got_sizes = nullptr, *strides = nullptr;
  int32_t dtype = -1;
  T *values = nullptr;
  CHECK_EQ(aoti_torch_get_dim(tensor, &ndim) | aoti_torch_get_sizes(tensor, &got_sizes) |
               aoti_torch_get_strides(tensor, &strides) | aoti_torch_get_dtype(tensor, &dtype) |
               aoti_torch_get_data_ptr(tensor, reinterpret_cast<void **>(&values)),
           AOTI_TORCH_SUCCESS);
  CHECK_EQ(dtype, dtype_of(T()));
  CHECK_EQ(ndim, static_cast<int64_t>(sizes.size()));
  bool is_same = ndim == static_cast<int64_t>(sizes.size());
  for (size_t d = 0; is_same && d < sizes.size(); ++d) {
    CHECK_EQ(got_sizes[d], sizes[d]);
    is_same = got_sizes[d] == sizes[d];
  }
  for (size_t i = 0; is_same && i < expected.size(); ++i) {
    int64_t at = 0, rest = static_cast<int64_t>(i);
    for (size_t d = sizes.size(); d-- > 0; rest /= sizes[d]) at += rest % sizes[d] * strides[d];
    if (tolerance == 0) CHECK_EQ(values[at], expected[i]);
    if (tolerance != 0)
      CHECK_NEAR(static_cast<double>(values[at]), static_cast<double>(expected[i]), tolerance);
  }
  CHECK_EQ(aoti_torch_delete_tensor_object(tensor), AOTI_TORCH_SUCCESS);
}

}  // namespace compat_testing

#endif  // SHIM_SRC_COMPAT_TESTING_SMALL_TENSORS_H_
