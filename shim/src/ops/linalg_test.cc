// Linear algebra by its definition: what is found, put back, gives what was given; operands of any strides,
// batches that broadcast, empty ones; a matrix without a result is an error that names it. Numbers against
// PyTorch: tests/e2e/matrices.py, and the sweep in tests/ops.
#include "shim/src/ops/linalg.h"

#include <math.h>
#include <string.h>

#include <vector>

#include "tools/testing/check.h"

namespace {

struct Tensor {
  std::vector<double> values;
  std::vector<int64_t> sizes, strides;
  AtenTensorHandle handle = nullptr;

  Tensor(std::vector<int64_t> shape, std::vector<double> given, bool transposed = false)
      : values(given), sizes(shape), strides(shape.size(), 1) {
    int64_t count = 1;
    for (size_t d = shape.size(); d-- > 0; count *= shape[d]) strides[d] = count;
    if (values.empty()) values.resize(static_cast<size_t>(count > 0 ? count : 1));
    if (transposed) {
      const size_t last = shape.size() - 1;
      strides[last] = shape[last - 1];
      strides[last - 1] = 1;
    }
    CHECK_EQ(
        aoti_torch_create_tensor_from_blob(values.data(), static_cast<int64_t>(sizes.size()), sizes.data(),
                                           strides.data(), 0, AOTI_DTYPE_FLOAT64, 0, 0, &handle),
        0);
  }
  ~Tensor() { aoti_torch_delete_tensor_object(handle); }
  Tensor(const Tensor &) = delete;
  Tensor &operator=(const Tensor &) = delete;
};

AotiOpValue tensor(const Tensor &t) {
  AotiOpValue v{AOTI_OP_TENSOR, 0, 0, {}};
  v.value.tensor = t.handle;
  return v;
}
AotiOpValue flag(bool on) {
  AotiOpValue v{AOTI_OP_BOOL, 0, 0, {}};
  v.value.i64 = on;
  return v;
}

char message[256];

AOTITorchError call(AotiOpKernel kernel, std::vector<AotiOpValue> args,
                    std::vector<AtenTensorHandle> outputs) {
  message[0] = '\0';
  const AotiOpCall given{sizeof(AotiOpCall),
                         0,
                         "",
                         args.data(),
                         static_cast<int64_t>(args.size()),
                         outputs.data(),
                         static_cast<int64_t>(outputs.size()),
                         message,
                         sizeof message,
                         nullptr,
                         0};
  return kernel(&given);
}

void check_near(const Tensor &t, std::vector<double> wanted) {
  for (size_t i = 0; i < wanted.size(); ++i) CHECK_NEAR(t.values[i], wanted[i], 1e-12);
}

const std::vector<double> kMatrix = {4, 1, 2, 1, 3, 0.5, 2, 0.5, 5};  // symmetric, positive-definite
const std::vector<double> kPermuting = {0, 2, 1, 1, 0, 0, 0, 1, 3};   // needs exchanges of rows

void test_inverse_times_matrix_is_one() {
  for (const auto &values : {kMatrix, kPermuting}) {
    Tensor a({3, 3}, values), inverse({3, 3}, {});
    CHECK_EQ(call(aoti_op_linalg_inv, {tensor(a)}, {inverse.handle}), AOTI_TORCH_SUCCESS);
    for (int i = 0; i < 3; ++i) {
      for (int j = 0; j < 3; ++j) {
        double sum = 0;
        for (int k = 0; k < 3; ++k) sum += inverse.values[size_t(i * 3 + k)] * values[size_t(k * 3 + j)];
        CHECK_NEAR(sum, i == j ? 1.0 : 0.0, 1e-12);
      }
    }
  }
}

void test_solve_broadcasts_and_takes_both_sides() {
  // a [3, 3] with b [2, 3, 1]: x = (1, 2, 3) and twice that.
  Tensor a({3, 3}, kMatrix), b({2, 3, 1}, {12, 8.5, 18, 24, 17, 36}), x({2, 3, 1}, {});
  CHECK_EQ(call(aoti_op_linalg_solve, {tensor(a), tensor(b), flag(true), flag(false)}, {x.handle}), 0);
  check_near(x, {1, 2, 3, 2, 4, 6});
  Tensor vector({3}, {12, 8.5, 18}), solved({3}, {});
  CHECK_EQ(call(aoti_op_linalg_solve, {tensor(a), tensor(vector), flag(true), flag(true)}, {solved.handle}),
           0);
  check_near(solved, {1, 2, 3});
  Tensor row({1, 3}, {4, 6, 6}), left({1, 3}, {}), p({3, 3}, kPermuting);  // (6, 4, 0) p = (4, 12, 6)
  row.values = {4, 12, 6};
  CHECK_EQ(call(aoti_op_linalg_solve, {tensor(p), tensor(row), flag(false), flag(false)}, {left.handle}), 0);
  check_near(left, {6, 4, 0});
}

void test_determinants() {
  Tensor a({2, 3, 3}, {4, 1, 2, 1, 3, 0.5, 2, 0.5, 5, 0, 2, 1, 1, 0, 0, 0, 1, 3}), det({2}, {}),
      sign({2}, {}), log_det({2}, {});
  CHECK_EQ(call(aoti_op_linalg_det, {tensor(a)}, {det.handle}), 0);
  check_near(det, {44, -5});
  CHECK_EQ(call(aoti_op_linalg_slogdet, {tensor(a)}, {sign.handle, log_det.handle}), 0);
  check_near(sign, {1, -1});
  check_near(log_det, {log(44.0), log(5.0)});
  Tensor singular({2, 2}, {1, 2, 2, 4}), zero({}, {});
  CHECK_EQ(call(aoti_op_linalg_det, {tensor(singular)}, {zero.handle}), 0);
  CHECK_EQ(zero.values[0], 0.0);
  Tensor nothing({0, 0}, {}), one({}, {});
  CHECK_EQ(call(aoti_op_linalg_det, {tensor(nothing)}, {one.handle}), 0);
  CHECK_EQ(one.values[0], 1.0);
}

void test_cholesky_and_triangles() {
  Tensor a({3, 3}, kMatrix, true), lower({3, 3}, {}), upper({3, 3}, {});
  CHECK_EQ(call(aoti_op_linalg_cholesky, {tensor(a), flag(false)}, {lower.handle}), 0);
  CHECK_EQ(call(aoti_op_linalg_cholesky, {tensor(a), flag(true)}, {upper.handle}), 0);
  for (size_t i = 0; i < 3; ++i) {
    for (size_t j = 0; j < 3; ++j) {
      double sum = 0;
      for (size_t k = 0; k < 3; ++k) sum += lower.values[i * 3 + k] * lower.values[j * 3 + k];
      CHECK_NEAR(sum, kMatrix[i * 3 + j], 1e-12);
      CHECK_NEAR(upper.values[i * 3 + j], lower.values[j * 3 + i], 1e-15);
    }
  }
  // [[2, 0], [1, 4]]: on the left, on the right, with ones on the diagonal, and the other triangle ignored.
  Tensor t({2, 2}, {2, 7, 1, 4}), b({2, 1}, {4, 10}), x({2, 1}, {}), row({1, 2}, {4, 8}), y({1, 2}, {});
  CHECK_EQ(call(aoti_op_linalg_solve_triangular, {tensor(t), tensor(b), flag(false), flag(true), flag(false)},
                {x.handle}),
           0);
  check_near(x, {2, 2});
  CHECK_EQ(call(aoti_op_linalg_solve_triangular,
                {tensor(t), tensor(row), flag(false), flag(false), flag(false)}, {y.handle}),
           0);
  check_near(y, {1, 2});
  CHECK_EQ(call(aoti_op_linalg_solve_triangular, {tensor(t), tensor(b), flag(true), flag(true), flag(true)},
                {x.handle}),
           0);
  check_near(x, {-66, 10});
}

void check_qr(int64_t rows, int64_t columns, int64_t width) {
  std::vector<double> values(static_cast<size_t>(rows * columns));
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i * 7 % 11) - 4;
  Tensor a({rows, columns}, values), q({rows, width}, {}), r({width, columns}, {});
  CHECK_EQ(call(aoti_op_linalg_qr, {tensor(a)}, {q.handle, r.handle}), 0);
  const auto at = [](const Tensor &t, int64_t i, int64_t j) { return t.values[size_t(i * t.sizes[1] + j)]; };
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; ++j) {
      double sum = 0;
      for (int64_t k = 0; k < width; ++k) sum += at(q, i, k) * at(r, k, j);
      CHECK_NEAR(sum, at(a, i, j), 1e-12);
      if (i < width && i > j) CHECK_EQ(at(r, i, j), 0.0);
    }
  }
  for (int64_t i = 0; i < width; ++i) {
    for (int64_t j = 0; j < width; ++j) {
      double sum = 0;
      for (int64_t k = 0; k < rows; ++k) sum += at(q, k, i) * at(q, k, j);
      CHECK_NEAR(sum, i == j ? 1.0 : 0.0, 1e-12);
    }
  }
}

void test_what_has_no_result_is_named() {
  Tensor a({2, 2, 2}, {1, 0, 0, 1, 1, 2, 2, 4}), inverse({2, 2, 2}, {});
  CHECK(call(aoti_op_linalg_inv, {tensor(a)}, {inverse.handle}) != AOTI_TORCH_SUCCESS);
  CHECK_CONTAINS(message, "singular");
  CHECK_CONTAINS(message, "matrix 1 of the batch, row 1");
  CHECK(call(aoti_op_linalg_cholesky, {tensor(a), flag(false)}, {inverse.handle}) != AOTI_TORCH_SUCCESS);
  CHECK_CONTAINS(message, "not positive-definite");
  CHECK(call(aoti_op_linalg_solve, {tensor(a), tensor(a), flag(true), flag(false)}, {inverse.handle}) != 0);
  CHECK_CONTAINS(message, "no unique solution");
}

}  // namespace

int main() {
  test_inverse_times_matrix_is_one();
  test_solve_broadcasts_and_takes_both_sides();
  test_determinants();
  test_cholesky_and_triangles();
  check_qr(3, 3, 3);
  check_qr(5, 3, 3);
  check_qr(5, 3, 5);
  check_qr(2, 4, 2);
  test_what_has_no_result_is_named();
  return aoti_test::result();
}
