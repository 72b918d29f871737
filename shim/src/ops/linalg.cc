// Linear algebra of small dense matrices, in double: LU with partial pivoting and what follows from it
// (inverse, solution, determinant), Cholesky, triangular systems, QR by Householder reflections with LAPACK's
// signs.
//
// Each function is the kernel of one operator "aoti::linalg_..."; compiler/lowering/linalg.py says which of
// PyTorch's it stands for. A library links those that its model calls. As in PyTorch, a singular matrix is an
// error where the result does not exist; a determinant of one is 0.
//
// Formulas: G. H. Golub, C. F. Van Loan, Matrix Computations, 4th edition, sections 3.4, 4.2, 5.2.
#include <math.h>
#include <string.h>

#include "shim/src/ops/linalg.h"
#include "shim/src/ops/matrices.h"

namespace aoti_ops {
namespace {

AOTITorchError no_memory(const AotiOpCall *call) { return fail(call, "there is no memory for its matrices"); }

AOTITorchError singular(const AotiOpCall *call, const char *what, int64_t matrix, int64_t at) {
  snprintf(call->message, call->message_bytes, "%s (matrix %lld of the batch, row %lld)", what,
           (long long)matrix, (long long)at);
  return AOTI_TORCH_FAILURE;
}

void swap_rows(double *a, int64_t columns, int64_t p, int64_t q) {
  for (int64_t j = 0; p != q && j < columns; ++j) {
    const double kept = a[p * columns + j];
    a[p * columns + j] = a[q * columns + j];
    a[q * columns + j] = kept;
  }
}

// a [rows, columns] becomes L (below the diagonal, whose ones are not stored) and U; pivots[k]: the row that
// k was exchanged with. Returns the first k whose pivot is 0, or -1.
int64_t lu(double *a, int64_t rows, int64_t columns, int64_t *pivots) {
  int64_t zero = -1;
  const int64_t steps = rows < columns ? rows : columns;
  for (int64_t k = 0; k < steps; ++k) {
    int64_t best = k;
    for (int64_t i = k + 1; i < rows; ++i)
      if (fabs(a[i * columns + k]) > fabs(a[best * columns + k])) best = i;
    pivots[k] = best;
    swap_rows(a, columns, k, best);
    const double pivot = a[k * columns + k];
    if (pivot == 0) {
      if (zero < 0) zero = k;
      continue;
    }
    for (int64_t i = k + 1; i < rows; ++i) {
      const double factor = a[i * columns + k] /= pivot;
      for (int64_t j = k + 1; j < columns; ++j) a[i * columns + j] -= factor * a[k * columns + j];
    }
  }
  return zero;
}

// x [n, m] := T^-1 x for the triangle of t [n, n].
void solve_triangle(const double *t, int64_t n, bool upper, bool unit, double *x, int64_t m) {
  for (int64_t step = 0; step < n; ++step) {
    const int64_t i = upper ? n - 1 - step : step;
    for (int64_t k = upper ? i + 1 : 0; k < (upper ? n : i); ++k)
      for (int64_t j = 0; j < m; ++j) x[i * m + j] -= t[i * n + k] * x[k * m + j];
    if (!unit)
      for (int64_t j = 0; j < m; ++j) x[i * m + j] /= t[i * n + i];
  }
}

void solve_lu(const double *a, int64_t n, const int64_t *pivots, double *x, int64_t m) {
  for (int64_t k = 0; k < n; ++k) swap_rows(x, m, k, pivots[k]);
  solve_triangle(a, n, false, true, x, m);
  solve_triangle(a, n, true, false, x, m);
}

void transpose(const double *a, int64_t rows, int64_t columns, double *to) {
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j) to[j * rows + i] = a[i * columns + j];
}

void identity(double *a, int64_t rows, int64_t columns) {
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j) a[i * columns + j] = i == j ? 1 : 0;
}

// Pivots of one call, freed at its end.
struct Pivots {
  explicit Pivots(int64_t n)
      : data(static_cast<int64_t *>(malloc(static_cast<size_t>(n > 0 ? n : 1) * sizeof(int64_t)))) {}
  ~Pivots() { free(data); }
  Pivots(const Pivots &) = delete;
  Pivots &operator=(const Pivots &) = delete;
  int64_t *const data;
};

// Sign and logarithm of the size of the determinant of an LU factorisation; or, for `plain`, the determinant
// itself.
double determinant(const double *a, int64_t n, const int64_t *pivots, bool plain, double *ret_log) {
  double value = 1, log_size = 0;
  for (int64_t k = 0; k < n; ++k) {
    const double d = a[k * n + k];
    value *= pivots[k] == k ? 1 : -1;
    if (plain) {
      value *= d;
    } else {
      value *= d > 0 ? 1 : d < 0 ? -1 : d;  // 0 and NaN stay
      log_size += log(fabs(d));
    }
  }
  *ret_log = log_size;
  return value;
}

// R in the upper triangle of a [rows, columns], the reflections below it, their factors in tau.
void householder(double *a, int64_t rows, int64_t columns, double *tau) {
  const int64_t steps = rows < columns ? rows : columns;
  for (int64_t k = 0; k < steps; ++k) {
    double rest = 0;
    for (int64_t i = k + 1; i < rows; ++i) rest += a[i * columns + k] * a[i * columns + k];
    const double alpha = a[k * columns + k];
    tau[k] = 0;
    if (rest == 0) continue;
    const double beta = -copysign(sqrt(alpha * alpha + rest), alpha);
    tau[k] = (beta - alpha) / beta;
    for (int64_t i = k + 1; i < rows; ++i) a[i * columns + k] /= alpha - beta;
    a[k * columns + k] = beta;
    for (int64_t j = k + 1; j < columns; ++j) {
      double sum = a[k * columns + j];
      for (int64_t i = k + 1; i < rows; ++i) sum += a[i * columns + k] * a[i * columns + j];
      sum *= tau[k];
      a[k * columns + j] -= sum;
      for (int64_t i = k + 1; i < rows; ++i) a[i * columns + j] -= sum * a[i * columns + k];
    }
  }
}

// q [rows, width] := the first columns of the product of the reflections.
void form_q(const double *a, int64_t rows, int64_t columns, const double *tau, double *q, int64_t width) {
  identity(q, rows, width);
  for (int64_t k = (rows < columns ? rows : columns) - 1; k >= 0; --k) {
    for (int64_t j = 0; j < width; ++j) {
      double sum = q[k * width + j];
      for (int64_t i = k + 1; i < rows; ++i) sum += a[i * columns + k] * q[i * width + j];
      sum *= tau[k];
      q[k * width + j] -= sum;
      for (int64_t i = k + 1; i < rows; ++i) q[i * width + j] -= sum * a[i * columns + k];
    }
  }
}

// Of each matrix the determinant; with `logarithm` its sign, and the logarithm of its size there.
AOTITorchError determinants(const AotiOpCall *call, const Batch *logarithm) {
  Batch a, out;
  if (!read_argument(call, 0, 2, &a) || !read_output(call, 0, 0, &out)) return AOTI_TORCH_FAILURE;
  Scratch matrix(a.rows * a.rows);
  Pivots pivots(a.rows);
  if (matrix.data == nullptr || pivots.data == nullptr) return no_memory(call);
  for (int64_t k = 0; k < out.count; ++k) {
    load(a, out, k, matrix.data);
    lu(matrix.data, a.rows, a.rows, pivots.data);
    double log_size = 0;
    const double value = determinant(matrix.data, a.rows, pivots.data, logarithm == nullptr, &log_size);
    store(out, k, &value);
    if (logarithm != nullptr) store(*logarithm, k, &log_size);
  }
  return AOTI_TORCH_SUCCESS;
}

}  // namespace
}  // namespace aoti_ops

using namespace aoti_ops;

extern "C" {

AOTITorchError aoti_op_linalg_inv(const AotiOpCall *call) {
  Batch a, out;
  if (!read_argument(call, 0, 2, &a) || !read_output(call, 0, 2, &out)) return AOTI_TORCH_FAILURE;
  const int64_t n = a.rows;
  Scratch matrix(n * n), inverse(n * n);
  Pivots pivots(n);
  if (matrix.data == nullptr || inverse.data == nullptr || pivots.data == nullptr) return no_memory(call);
  for (int64_t k = 0; k < out.count; ++k) {
    load(a, out, k, matrix.data);
    const int64_t zero = lu(matrix.data, n, n, pivots.data);
    if (zero >= 0) return singular(call, "the matrix is singular and has no inverse", k, zero);
    identity(inverse.data, n, n);
    solve_lu(matrix.data, n, pivots.data, inverse.data, n);
    store(out, k, inverse.data);
  }
  return AOTI_TORCH_SUCCESS;
}

// a, b, left, vector
AOTITorchError aoti_op_linalg_solve(const AotiOpCall *call) {
  const bool left = call->args[2].value.i64 != 0, vector = call->args[3].value.i64 != 0;
  Batch a, b, out;
  if (!read_argument(call, 0, 2, &a) || !read_argument(call, 1, vector ? 1 : 2, &b) ||
      !read_output(call, 0, vector ? 1 : 2, &out)) {
    return AOTI_TORCH_FAILURE;
  }
  const int64_t n = a.rows, m = left ? b.columns : b.rows;
  Scratch matrix(n * n), flipped(n * n), x(n * m), turned(n * m);
  Pivots pivots(n);
  if (matrix.data == nullptr || flipped.data == nullptr || x.data == nullptr || turned.data == nullptr ||
      pivots.data == nullptr) {
    return no_memory(call);
  }
  for (int64_t k = 0; k < out.count; ++k) {
    load(a, out, k, left ? matrix.data : flipped.data);
    load(b, out, k, left ? x.data : turned.data);
    if (!left) {  // x a = b is a^T x^T = b^T
      transpose(flipped.data, n, n, matrix.data);
      transpose(turned.data, m, n, x.data);
    }
    const int64_t zero = lu(matrix.data, n, n, pivots.data);
    if (zero >= 0)
      return singular(call, "the matrix is singular, so the system has no unique solution", k, zero);
    solve_lu(matrix.data, n, pivots.data, x.data, m);
    if (!left) transpose(x.data, n, m, turned.data);
    store(out, k, left ? x.data : turned.data);
  }
  return AOTI_TORCH_SUCCESS;
}

AOTITorchError aoti_op_linalg_det(const AotiOpCall *call) { return determinants(call, nullptr); }

AOTITorchError aoti_op_linalg_slogdet(const AotiOpCall *call) {
  Batch logarithm;
  if (!read_output(call, 1, 0, &logarithm)) return AOTI_TORCH_FAILURE;
  return determinants(call, &logarithm);
}

// a -> LU, pivots (int32, from 1)
AOTITorchError aoti_op_linalg_lu_factor(const AotiOpCall *call) {
  Batch a, factors, rows;
  if (!read_argument(call, 0, 2, &a) || !read_output(call, 0, 2, &factors) || !read_output(call, 1, 1, &rows))
    return AOTI_TORCH_FAILURE;
  Scratch matrix(a.rows * a.columns);
  Pivots pivots(rows.rows);
  if (matrix.data == nullptr || pivots.data == nullptr) return no_memory(call);
  for (int64_t k = 0; k < factors.count; ++k) {
    load(a, factors, k, matrix.data);
    const int64_t zero = lu(matrix.data, a.rows, a.columns, pivots.data);
    if (zero >= 0) return singular(call, "a pivot is 0, so the factors are not unique", k, zero);
    store(factors, k, matrix.data);
    for (int64_t i = 0; i < rows.rows; ++i) store_int(rows, k, i, static_cast<int32_t>(pivots.data[i] + 1));
  }
  return AOTI_TORCH_SUCCESS;
}

// a, upper. Reads the triangle that it is asked for, as PyTorch does.
AOTITorchError aoti_op_linalg_cholesky(const AotiOpCall *call) {
  const bool upper = call->args[1].value.i64 != 0;
  Batch a, out;
  if (!read_argument(call, 0, 2, &a) || !read_output(call, 0, 2, &out)) return AOTI_TORCH_FAILURE;
  const int64_t n = a.rows;
  Scratch matrix(n * n), factor(n * n);
  if (matrix.data == nullptr || factor.data == nullptr) return no_memory(call);
  for (int64_t k = 0; k < out.count; ++k) {
    load(a, out, k, matrix.data);
    if (upper) {
      transpose(matrix.data, n, n, factor.data);
      memcpy(matrix.data, factor.data, static_cast<size_t>(n * n) * sizeof(double));
    }
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t j = 0; j <= i; ++j) {
        double sum = matrix.data[i * n + j];
        for (int64_t p = 0; p < j; ++p) sum -= matrix.data[i * n + p] * matrix.data[j * n + p];
        if (i == j && !(sum > 0)) return singular(call, "the matrix is not positive-definite", k, i);
        matrix.data[i * n + j] = i == j ? sqrt(sum) : sum / matrix.data[j * n + j];
      }
      for (int64_t j = i + 1; j < n; ++j) matrix.data[i * n + j] = 0;
    }
    transpose(matrix.data, n, n, factor.data);
    store(out, k, upper ? factor.data : matrix.data);
  }
  return AOTI_TORCH_SUCCESS;
}

// a, b, upper, left, unitriangular
AOTITorchError aoti_op_linalg_solve_triangular(const AotiOpCall *call) {
  const bool upper = call->args[2].value.i64 != 0, left = call->args[3].value.i64 != 0,
             unit = call->args[4].value.i64 != 0;
  Batch a, b, out;
  if (!read_argument(call, 0, 2, &a) || !read_argument(call, 1, 2, &b) || !read_output(call, 0, 2, &out))
    return AOTI_TORCH_FAILURE;
  const int64_t n = a.rows, m = left ? b.columns : b.rows;
  Scratch matrix(n * n), flipped(n * n), x(n * m), turned(n * m);
  if (matrix.data == nullptr || flipped.data == nullptr || x.data == nullptr || turned.data == nullptr)
    return no_memory(call);
  for (int64_t k = 0; k < out.count; ++k) {
    load(a, out, k, left ? matrix.data : flipped.data);
    load(b, out, k, left ? x.data : turned.data);
    if (!left) {
      transpose(flipped.data, n, n, matrix.data);
      transpose(turned.data, m, n, x.data);
    }
    solve_triangle(matrix.data, n, upper == left, unit, x.data, m);
    if (!left) transpose(x.data, n, m, turned.data);
    store(out, k, left ? x.data : turned.data);
  }
  return AOTI_TORCH_SUCCESS;
}

// a -> Q [rows, width], R [width, columns]; the width is that of the outputs. Q is empty where only R is
// wanted.
AOTITorchError aoti_op_linalg_qr(const AotiOpCall *call) {
  Batch a, q, r;
  if (!read_argument(call, 0, 2, &a) || !read_output(call, 1, 2, &r)) return AOTI_TORCH_FAILURE;
  int64_t q_elements = 0;
  if (aoti_torch_get_numel(call->outputs[0], &q_elements) != AOTI_TORCH_SUCCESS)
    return fail(call, "its first result is no tensor");
  if (q_elements > 0 && !read_output(call, 0, 2, &q)) return AOTI_TORCH_FAILURE;
  const int64_t width = r.rows, steps = a.rows < a.columns ? a.rows : a.columns;
  Scratch matrix(a.rows * a.columns), tau(steps), form(a.rows * (a.rows > width ? a.rows : width)),
      triangle(width * a.columns);
  if (matrix.data == nullptr || tau.data == nullptr || form.data == nullptr || triangle.data == nullptr)
    return no_memory(call);
  for (int64_t k = 0; k < r.count; ++k) {
    load(a, r, k, matrix.data);
    householder(matrix.data, a.rows, a.columns, tau.data);
    for (int64_t i = 0; i < width; ++i)
      for (int64_t j = 0; j < a.columns; ++j)
        triangle.data[i * a.columns + j] = i <= j && i < a.rows ? matrix.data[i * a.columns + j] : 0;
    store(r, k, triangle.data);
    if (q_elements == 0) continue;
    form_q(matrix.data, a.rows, a.columns, tau.data, form.data, q.columns);
    store(q, k, form.data);
  }
  return AOTI_TORCH_SUCCESS;
}

}  // extern "C"
