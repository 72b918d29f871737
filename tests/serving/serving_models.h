// What tests/serving/models.py computes, in double, and helpers to call it.
#ifndef TESTS_SERVING_SERVING_MODELS_H_
#define TESTS_SERVING_SERVING_MODELS_H_

#include <stdint.h>
#include <string.h>

#include <vector>

#include "aoti/model_api.h"
#include "tools/testing/check.h"

namespace serving {

constexpr int64_t kWidth = 16, kLength = 32, kPrompt = 8;

inline double formula(int64_t factor, int64_t i, int64_t j) {
  return static_cast<double>((factor * i + 3 * j) % 11 - 5) / 8;
}

inline double project(const float *x, int64_t j) {
  double sum = formula(0, 0, j);
  for (int64_t k = 0; k < kWidth; ++k) sum += static_cast<double>(x[k]) * formula(7, j, k);
  return sum;
}

inline std::vector<float> numbers(int64_t count, int seed) {
  std::vector<float> values(static_cast<size_t>(count));
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(static_cast<int>((i * 5 + static_cast<size_t>(seed) * 3) % 17) - 8) / 4;
  }
  return values;
}

inline AtenTensorHandle tensor(const AotiModelApi &api, const void *data, int32_t dtype,
                               std::vector<int64_t> sizes) {
  std::vector<int64_t> strides(sizes.size(), 1);
  for (size_t i = sizes.size(); i-- > 1;) strides[i - 1] = strides[i] * sizes[i];
  AtenTensorHandle handle = nullptr;
  CHECK_EQ(api.create_tensor_from_blob_v2(const_cast<void *>(data), static_cast<int64_t>(sizes.size()),
                                          sizes.data(), strides.data(), 0, dtype, AOTI_DEVICE_CPU, 0, &handle,
                                          0, nullptr, 0),
           AOTI_TORCH_SUCCESS);
  return handle;
}

template <class T>
T element(const AotiModelApi &api, AtenTensorHandle handle, int64_t index) {
  void *data = nullptr;
  CHECK_EQ(api.get_data_ptr(handle, &data), AOTI_TORCH_SUCCESS);
  T value = T();
  memcpy(&value, static_cast<const char *>(data) + index * static_cast<int64_t>(sizeof(T)), sizeof(T));
  return value;
}

// The decoder's state, as eager would have it.
struct Decoder {
  double cache[kLength][kWidth] = {};
  int64_t count = 0;

  void run(const std::vector<float> &x) {
    const int64_t rows = static_cast<int64_t>(x.size()) / kWidth;
    if (rows == kPrompt) count = 0;
    for (int64_t i = 0; i < rows; ++i, ++count) {
      for (int64_t j = 0; j < kWidth; ++j) cache[count][j] = project(x.data() + i * kWidth, j);
    }
  }

  // Holds the outputs against the state after the run; deletes them.
  void check_and_delete(const AotiModelApi &api, AtenTensorHandle *outputs) const {
    for (int64_t j = 0; j < kWidth; ++j) {
      double sum = formula(5, 3, j);
      for (int64_t i = 0; i < kLength; ++i) sum += cache[i][j];
      CHECK_NEAR(static_cast<double>(element<float>(api, outputs[0], j)), sum, 1e-4);
    }
    CHECK_EQ(element<int64_t>(api, outputs[1], 0), count);
    for (int i = 0; i < 2; ++i) CHECK_EQ(api.delete_tensor_object(outputs[i]), AOTI_TORCH_SUCCESS);
  }
};

// One call of the model `rows`.
struct RowsCall {
  int64_t rows;
  std::vector<float> x;
  std::vector<int64_t> ids;

  RowsCall(int64_t count, int seed)
      : rows(count), x(numbers(count * kWidth, seed)), ids(static_cast<size_t>(count) * 2) {
    for (size_t i = 0; i < ids.size(); ++i)
      ids[i] = static_cast<int64_t>((i * 7 + static_cast<size_t>(seed)) % 50);
  }

  void handles(const AotiModelApi &api, AtenTensorHandle *inputs) const {
    inputs[0] = tensor(api, x.data(), AOTI_DTYPE_FLOAT32, {rows, kWidth});
    inputs[1] = tensor(api, ids.data(), AOTI_DTYPE_INT64, {rows, 2});
  }

  void check_and_delete(const AotiModelApi &api, AtenTensorHandle *outputs) const {
    int64_t *sizes = nullptr;
    CHECK_EQ(api.get_sizes(outputs[0], &sizes), AOTI_TORCH_SUCCESS);
    CHECK_EQ(sizes[0], rows);
    for (int64_t i = 0; i < rows; ++i) {
      double total = 0;
      for (int64_t j = 0; j < kWidth; ++j) {
        const double linear = project(x.data() + i * kWidth, j);
        double expected = linear > 0 ? linear : 0;
        for (int64_t k = 0; k < 2; ++k) expected += formula(5, ids[static_cast<size_t>(i * 2 + k)], j);
        CHECK_NEAR(static_cast<double>(element<float>(api, outputs[0], i * kWidth + j)), expected, 1e-4);
        total += expected;
      }
      CHECK_NEAR(static_cast<double>(element<float>(api, outputs[1], i)), total, 1e-3);
    }
    for (int i = 0; i < 2; ++i) CHECK_EQ(api.delete_tensor_object(outputs[i]), AOTI_TORCH_SUCCESS);
  }
};

}  // namespace serving

#endif  // TESTS_SERVING_SERVING_MODELS_H_
