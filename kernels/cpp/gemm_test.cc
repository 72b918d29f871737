// gemm_f32_packed and gemm_f32 against a plain triple loop in double, over odd sizes, all kinds of strides,
// tails, K = 0, K of several blocks, special values and 1 to 4 threads.
#include "kernels/cpp/gemm.h"

#include <math.h>

#include "kernels/cpp/scratch.h"
#include "kernels/cpp/testing/isa_check.h"
#include "kernels/cpp/testing/numbers.h"
#include "kernels/cpp/testing/threads.h"
#include "tools/testing/check.h"

using namespace aoti;
using aoti_testing::Context;
using aoti_testing::Floats;
using aoti_testing::Threads;

namespace {

// Counts how often each element was passed, and keeps the value plus one (so that a missing call shows).
struct Collector {
  int64_t m, n;
  float *values;
  float *calls;
  void operator()(const float *acc, int64_t ld, int64_t batch, int64_t m0, int64_t n0, int64_t m_count,
                  int64_t n_count) const {
    CHECK(m_count >= 1 && m_count <= 8);
    CHECK(n_count == 16 || n0 + n_count == n);
    for (int64_t i = 0; i < m_count; ++i) {
      for (int64_t j = 0; j < n_count; ++j) {
        const int64_t at = (batch * m + m0 + i) * n + n0 + j;
        values[at] = acc[i * ld + j];
        calls[at] += 1.0f;
      }
    }
  }
};

struct View {
  int64_t batch, row, column, offset;
};

// What a product must give, and how large its terms are.
struct Sum {
  double value, magnitude;
};
Sum dot(const float *a, int64_t a_stride, const float *b, int64_t b_stride, int64_t k) {
  Sum sum{0, 0};
  for (int64_t i = 0; i < k; ++i) {
    const double term = double(a[i * a_stride]) * double(b[i * b_stride]);
    sum.value += term;
    sum.magnitude += fabs(term);
  }
  return sum;
}

bool all_once(const Floats &calls) {
  for (int64_t i = 0; i < calls.size; ++i) {
    if (calls[i] != 1.0f) return false;
  }
  return true;
}

// One message for a whole product: the first element that is wrong.
void compare(const char *what, int64_t batch, int64_t m, int64_t n, int64_t k, const Floats &got,
             const float *a, View va, const float *b, View vb, bool exact) {
  for (int64_t z = 0; z < batch; ++z) {
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        const Sum sum = dot(a + va.offset + z * va.batch + i * va.row, va.column,
                            b + vb.offset + z * vb.batch + j * vb.column, vb.row, k);
        const double value = got[(z * m + i) * n + j], bound = exact ? 0 : double(k) * 6e-8 * sum.magnitude;
        if (fabs(value - sum.value) <= bound) continue;
        fprintf(stderr, "%s %lldx%lldx%lld: element (%lld, %lld, %lld)\n", what, (long long)m, (long long)n,
                (long long)k, (long long)z, (long long)i, (long long)j);
        CHECK_NEAR(value, sum.value, bound);
        return;
      }
    }
  }
  CHECK(true);
}

void pack(const Floats &b, int64_t k, int64_t n, Floats *packed) {
  for (int64_t j = 0; j < n; ++j) {
    for (int64_t i = 0; i < k; ++i) (*packed)[(j / 16 * k + i) * 16 + j % 16] = b[i * n + j];
  }
}

void check_packed(Threads *threads, int64_t m, int64_t n, int64_t k, int64_t lda, bool exact) {
  Context context(threads, kGemmPackedScratchBytes);
  Floats a((m - 1) * lda + k), b(k * n), packed((n + 15) / 16 * 16 * k), values(m * n), calls(m * n);
  if (exact) {
    a.fill_whole(1), b.fill_whole(2);
  } else {
    a.fill_uniform(1), b.fill_uniform(2);
  }
  pack(b, k, n, &packed);
  gemm_f32_packed(&context.base, m, n, k, a.data, lda, packed.data, Collector{m, n, values.data, calls.data});
  CHECK(all_once(calls));
  CHECK(context.intact());
  CHECK(context.base.error == nullptr);
  compare("packed", 1, m, n, k, values, a.data, View{0, lda, 1, 0}, b.data, View{0, n, 1, 0}, exact);
}

int64_t span(int64_t batch, int64_t rows, int64_t columns, View v) {
  return v.offset + 1 + (batch - 1) * (v.batch > 0 ? v.batch : 0) +
         (rows > 0 ? (rows - 1) * (v.row > 0 ? v.row : 0) : 0) +
         (columns > 0 ? (columns - 1) * (v.column > 0 ? v.column : 0) : 0);
}

void check_strided(Threads *threads, int64_t batch, int64_t m, int64_t n, int64_t k, View va, View vb) {
  Context context(threads, kGemmScratchBytes);
  Floats a(span(batch, m, k, va)), b(span(batch, k, n, vb)), values(batch * m * n), calls(batch * m * n);
  a.fill_whole(3), b.fill_whole(4);
  gemm_f32(&context.base, batch, m, n, k, a.data + va.offset, va.batch, va.row, va.column, b.data + vb.offset,
           vb.batch, vb.row, vb.column, Collector{m, n, values.data, calls.data});
  CHECK(all_once(calls));
  CHECK(context.intact());
  CHECK(context.base.error == nullptr);
  compare("strided", batch, m, n, k, values, a.data, va, b.data, vb, true);
}

void check_sizes(Threads *threads) {
  const int64_t ms[] = {1, 2, 3, 5, 6, 7, 8, 9, 13, 49, 130}, ns[] = {1, 5, 16, 17, 33, 48, 64, 80, 100, 113};
  const int64_t ks[] = {0, 1, 2, 7, 65};
  for (int64_t m : ms) {
    for (int64_t n : ns) {
      for (int64_t k : ks) check_packed(threads, m, n, k, k + m % 3, true);
    }
  }
  check_packed(threads, 9, 70, 5000, 5001, true);     // several blocks of K
  check_packed(threads, 450, 40, 3000, 3000, true);   // and more rows than partial sums have room for
  check_packed(threads, 300, 200, 1000, 1000, true);  // several chunks of rows
  for (int64_t n = 64; n <= 256; n += 64) check_packed(threads, 64, n, 64, 64, true);  // widest groups only
  check_packed(threads, 37, 53, 777, 777, false);
  check_packed(threads, 128, 384, 384, 384, false);
}

// Layouts of a [batch, rows, columns] operand.
void views(int64_t rows, int64_t columns, View *out) {
  out[0] = View{rows * columns, columns, 1, 0};                    // contiguous
  out[1] = View{rows * columns, 1, rows, 0};                       // transposed
  out[2] = View{0, columns + 3, 1, 5};                             // rows apart, shared by the batch
  out[3] = View{(2 * rows + 1) * 3 * columns, 3 * columns, 2, 1};  // neither stride is 1
  out[4] = View{rows * columns, -columns, 1, rows > 0 ? (rows - 1) * columns : 0};  // rows backwards
  out[5] = View{0, 0, 1, 0};                                                        // one row for all
}
constexpr int kViews = 6;

void check_views(Threads *threads) {
  const int64_t sizes[][4] = {{1, 1, 40, 33}, {2, 3, 17, 20},   {3, 8, 64, 5},
                              {2, 9, 31, 50}, {1, 70, 100, 37}, {4, 16, 16, 16}};
  for (const auto &s : sizes) {
    View a[kViews], b[kViews];
    views(s[1], s[3], a);
    views(s[3], s[2], b);
    for (const View &va : a) {
      for (const View &vb : b) check_strided(threads, s[0], s[1], s[2], s[3], va, vb);
    }
  }
  check_strided(threads, 1, 300, 90, 2500, View{0, 2500, 1, 0}, View{0, 1, 2500, 0});  // several blocks of K
  check_strided(threads, 1, 5, 33, 2500, View{0, 2500, 1, 0}, View{0, 33, 1, 0});
  for (int64_t m = 1; m <= 17; ++m) {  // dot products, and the first that is not
    check_strided(threads, 3, m, 23, 131, View{131 * 17, 131, 1, 0}, View{131 * 23, 1, 131, 0});
    check_strided(threads, 2, m, 37, 301, View{301 * 17, 301, 1, 0}, View{301 * 37, 1, 301, 0});
    check_strided(threads, 1, m, 64, 640, View{0, 640, 1, 0}, View{0, 1, 640, 0});
  }
  check_strided(threads, 2, 4, 7, 0, View{0, 0, 1, 0}, View{0, 7, 1, 0});
}

// Infinity and NaN stay in their row, and the padding of B does not make NaN of them.
void check_special() {
  Context context(nullptr, kGemmPackedScratchBytes);
  const int64_t m = 9, n = 18, k = 4;
  Floats a(m * k), b(k * n), packed(32 * k), values(m * n), calls(m * n);
  a.fill_whole(5);
  for (int64_t i = 0; i < b.size; ++i) b[i] = 1.0f;
  a[2 * k + 1] = INFINITY;
  a[7 * k + 3] = NAN;
  pack(b, k, n, &packed);
  gemm_f32_packed(&context.base, m, n, k, a.data, k, packed.data, Collector{m, n, values.data, calls.data});
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      const float v = values[i * n + j];
      CHECK(i == 2 ? v == INFINITY : (i == 7 ? v != v : v == v && v - v == 0));
    }
  }
}

// The same bits from any number of threads.
void check_repeatable() {
  const int64_t m = 100, n = 200, k = 1500;
  Floats a(m * k), b(k * n), first(m * n), calls(m * n);
  a.fill_uniform(7), b.fill_uniform(8);
  for (int32_t count = 1; count <= 4; ++count) {
    Threads threads(count);
    Context context(&threads, kGemmScratchBytes);
    Floats values(m * n);
    gemm_f32(&context.base, 1, m, n, k, a.data, 0, k, 1, b.data, 0, n, 1,
             Collector{m, n, count == 1 ? first.data : values.data, calls.data});
    if (count > 1) CHECK(memcmp(first.data, values.data, m * n * 4) == 0);
  }
}

// Ones behind a number that swallows them are lost in its own chain only: a few rows have short ones.
void check_short_chains() {
  const int64_t k = 256, n = 16;
  Context context(nullptr, kGemmPackedScratchBytes);
  Floats a(k), b(k * n), packed(k * n), values(n), calls(n);
  for (int64_t i = 0; i < k; ++i) a[i] = i == 0 ? 16777216.0f : 1.0f;
  for (int64_t i = 0; i < k * n; ++i) b[i] = 1.0f;
  pack(b, k, n, &packed);
  gemm_f32_packed(&context.base, 1, n, k, a.data, k, packed.data, Collector{1, n, values.data, calls.data});
  for (int64_t j = 0; j < n; ++j) CHECK_NEAR(double(values[j]), 16777216.0 + 255, 32);
}

void check_empty_and_small_scratch() {
  Context context(nullptr, 64);
  const auto fail = [](const float *, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t) { CHECK(false); };
  Context enough(nullptr, kGemmScratchBytes);
  gemm_f32_packed(&enough.base, 0, 5, 5, nullptr, 5, nullptr, fail);
  gemm_f32(&enough.base, 0, 5, 5, 5, nullptr, 0, 0, 0, nullptr, 0, 0, 0, fail);
  gemm_f32(&enough.base, 1, 5, 0, 5, nullptr, 0, 0, 0, nullptr, 0, 0, 0, fail);
  CHECK(enough.base.error == nullptr);
  gemm_f32_packed(&context.base, 5, 5, 5, nullptr, 5, nullptr, fail);
  CHECK(context.base.error != nullptr);
  CHECK_CONTAINS(context.base.error, "gemm_f32_packed: the model's table states too little scratch");
  CHECK_EQ((long long)context.base.error_value, 64LL);
}

}  // namespace

int main() {
  if (!aoti_testing::processor_has_isa()) return 0;
  for (int32_t count = 1; count <= 4; ++count) {
    Threads threads(count);
    check_sizes(&threads);
    check_views(&threads);
  }
  check_special();
  check_repeatable();
  check_short_chains();
  check_empty_and_small_scratch();
  return aoti_test::result();
}
