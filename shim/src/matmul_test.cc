// mm, addmm, bmm and baddbmm against sums in double, with every operand's strides turned around. The numbers
// are such that sums in float32 are exact: every dtype's result is the sum, rounded once.
#include <string.h>

#include <initializer_list>

#include "aoti/shim.h"
#include "tools/testing/check.h"

namespace {

constexpr int64_t kBatch = 2, kRows = 3, kColumns = 5, kDepth = 4;

// bfloat16 in software: the runtime of the compiler here has no conversions of __bf16.
struct Bfloat16 {
  uint16_t bits;

  Bfloat16() = default;
  explicit Bfloat16(double value) {  // the number is exact in float32; ties to even
    const float narrow = static_cast<float>(value);
    uint32_t word;
    memcpy(&word, &narrow, sizeof word);
    bits = static_cast<uint16_t>((word + 0x7fff + (word >> 16 & 1)) >> 16);
  }
  explicit operator double() const {
    const uint32_t word = static_cast<uint32_t>(bits) << 16;
    float value;
    memcpy(&value, &word, sizeof value);
    return static_cast<double>(value);
  }
};

template <class T>
constexpr int32_t kDtype = AOTI_DTYPE_FLOAT32;
template <>
constexpr int32_t kDtype<double> = AOTI_DTYPE_FLOAT64;
template <>
constexpr int32_t kDtype<_Float16> = AOTI_DTYPE_FLOAT16;
template <>
constexpr int32_t kDtype<Bfloat16> = AOTI_DTYPE_BFLOAT16;

// [kBatch, rows, columns] of small numbers; element (b, i, j) is at b * batch + i * row + j * column.
template <class T>
struct Matrix {
  T values[256];
  int64_t sizes[3], strides[3];
  AtenTensorHandle tensor = nullptr;

  Matrix(int64_t ndim, int64_t rows, int64_t columns, bool transposed, int seed) {
    const int64_t all_sizes[] = {kBatch, rows, columns};
    const int64_t all_strides[] = {rows * columns, transposed ? 1 : columns, transposed ? rows : 1};
    for (int i = 0; i < 3; ++i) sizes[i] = all_sizes[i];
    for (int i = 0; i < 3; ++i) strides[i] = all_strides[i];
    for (int i = 0; i < 256; ++i) values[i] = static_cast<T>(((i * 7 + seed * 5) % 13 - 6) / 4.0);
    CHECK_EQ(aoti_torch_create_tensor_from_blob(values, ndim, sizes + 3 - ndim, strides + 3 - ndim, 0,
                                                kDtype<T>, 0, 0, &tensor),
             0);
  }
  ~Matrix() { aoti_torch_delete_tensor_object(tensor); }

  T at(int64_t b, int64_t i, int64_t j) const {
    return values[b * strides[0] + i * strides[1] + j * strides[2]];
  }
};

template <class T>
double expected(const Matrix<T> &left, const Matrix<T> &right, int64_t b, int64_t i, int64_t j) {
  double sum = 0;
  for (int64_t k = 0; k < kDepth; ++k) {
    sum += static_cast<double>(left.at(b, i, k)) * static_cast<double>(right.at(b, k, j));
  }
  return sum;
}

template <class T>
void test_products(bool left_t, bool right_t, bool out_t) {
  for (int64_t ndim = 2; ndim <= 3; ++ndim) {
    Matrix<T> left(ndim, kRows, kDepth, left_t, 1), right(ndim, kDepth, kColumns, right_t, 2);
    Matrix<T> out(ndim, kRows, kColumns, out_t, 3), addend(ndim, 1, kColumns, false, 4);
    for (bool add : {false, true}) {
      if (add) addend.values[0] = static_cast<T>(2.0);
      AOTITorchError status =
          add ? (ndim == 2
                     ? aoti_torch_cpu_addmm_out(out.tensor, addend.tensor, left.tensor, right.tensor, 3, 0.5)
                     : aoti_torch_cpu_baddbmm_out(out.tensor, addend.tensor, left.tensor, right.tensor, 3,
                                                  0.5))
              : (ndim == 2 ? aoti_torch_cpu_mm_out(out.tensor, left.tensor, right.tensor)
                           : aoti_torch_cpu_bmm_out(out.tensor, left.tensor, right.tensor));
      CHECK_EQ(status, 0);
      for (int64_t b = 0; b < (ndim == 2 ? 1 : kBatch); ++b) {
        for (int64_t i = 0; i < kRows; ++i) {
          for (int64_t j = 0; j < kColumns; ++j) {
            const double product = expected(left, right, b, i, j);
            const double sum = add ? 3 * static_cast<double>(addend.at(b, 0, j)) + 0.5 * product : product;
            CHECK_EQ(static_cast<double>(out.at(b, i, j)), static_cast<double>(static_cast<T>(sum)));
          }
        }
      }
    }
  }
}

void test_beta_zero_ignores_self() {
  Matrix<float> left(2, kRows, kDepth, false, 1), right(2, kDepth, kColumns, false, 2);
  Matrix<float> out(2, kRows, kColumns, false, 3), addend(2, kRows, kColumns, false, 4);
  for (float &value : addend.values) value = NAN;
  CHECK_EQ(aoti_torch_cpu_addmm_out(out.tensor, addend.tensor, left.tensor, right.tensor, 0, 1), 0);
  CHECK_NEAR(static_cast<double>(out.at(0, 1, 1)), expected(left, right, 0, 1, 1), 1e-5);
}

void test_refusals() {
  Matrix<float> left(2, kRows, kDepth, false, 1), right(2, kDepth, kColumns, false, 2);
  Matrix<float> out(2, kRows, kColumns, false, 3), batch(3, kRows, kDepth, false, 1);
  Matrix<double> wide(2, kDepth, kColumns, false, 2);
  CHECK_EQ(aoti_torch_cpu_mm_out(out.tensor, left.tensor, left.tensor), AOTI_TORCH_FAILURE);
  CHECK_CONTAINS(aoti_torch_get_last_error(), "the right operand has sizes [3, 4], which do not fit");
  CHECK_EQ(aoti_torch_cpu_mm_out(left.tensor, left.tensor, right.tensor), AOTI_TORCH_FAILURE);
  CHECK_CONTAINS(aoti_torch_get_last_error(), "out has sizes");
  CHECK_EQ(aoti_torch_cpu_mm_out(out.tensor, batch.tensor, right.tensor), AOTI_TORCH_FAILURE);
  CHECK_CONTAINS(aoti_torch_get_last_error(), "rank 3; expected 2");
  CHECK_EQ(aoti_torch_cpu_mm_out(out.tensor, left.tensor, wide.tensor), AOTI_TORCH_FAILURE);
  CHECK_CONTAINS(aoti_torch_get_last_error(), "dtype 7 beside dtype 6");
  CHECK_EQ(aoti_torch_cpu_mm_out(nullptr, left.tensor, right.tensor), AOTI_TORCH_FAILURE);
  CHECK_CONTAINS(aoti_torch_get_last_error(), "null");
}

}  // namespace

int main() {
  for (int turn = 0; turn < 8; ++turn) {
    test_products<float>((turn & 1) != 0, (turn & 2) != 0, (turn & 4) != 0);
    test_products<double>((turn & 1) != 0, (turn & 2) != 0, (turn & 4) != 0);
    test_products<_Float16>((turn & 1) != 0, (turn & 2) != 0, (turn & 4) != 0);
    test_products<Bfloat16>((turn & 1) != 0, (turn & 2) != 0, (turn & 4) != 0);
  }
  test_beta_zero_ignores_self();
  test_refusals();
  return aoti_test::result();
}
