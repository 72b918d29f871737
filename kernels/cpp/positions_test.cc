// Positions of rows against the C++ library's sorts: every length around the runs that are sorted by
// insertion, many equal elements, NaN, both directions, one and several threads, every type that a kernel is
// made for.
#include "kernels/cpp/positions.h"

#include <math.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "kernels/cpp/testing/isa_check.h"
#include "kernels/cpp/testing/threads.h"
#include "tools/testing/check.h"

using namespace aoti;

namespace {

const int64_t kLengths[] = {1, 2, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 257, 1000};

uint64_t state = 0x9e3779b97f4a7c15ull;
uint64_t random_bits() {
  state ^= state << 13, state ^= state >> 7, state ^= state << 17;
  return state;
}

template <class T>
constexpr bool has_nan = T(0.5) != T(0);

// Few different values, so that most elements have equals.
template <class T>
T element(bool nans) {
  const uint64_t bits = random_bits();
  if (nans && has_nan<T> && bits % 7 == 0) return T(NAN);
  return T(T(bits >> 32 & 15) - T(sizeof(T) > 1 && T(-1) < T(0) ? 8 : 0));
}

template <class T>
std::vector<T> elements(int64_t count, bool nans) {
  std::vector<T> made(static_cast<size_t>(count));
  for (auto &&e : made) e = element<T>(nans);
  return made;
}

template <class T>
bool before(T a, T b) {
  return a < b || (b != b && a == a);
}

template <class T>
std::vector<int64_t> expected_order(const T *row, int64_t n, bool descending) {
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), int64_t{0});
  std::stable_sort(order.begin(), order.end(), [=](int64_t p, int64_t q) {
    return descending ? before(row[q], row[p]) : before(row[p], row[q]);
  });
  return order;
}

template <class T>
void check_sort(AotiKernelContext *ctx, int64_t rows, int64_t n, bool descending,
                const std::vector<T> &keys) {
  std::vector<int64_t> out(static_cast<size_t>(2 * rows * n), -1);
  sort_positions(ctx, rows, n, keys.data(), descending, out.data());
  for (int64_t r = 0; r < rows; ++r) {
    const auto wanted = expected_order(keys.data() + r * n, n, descending);
    CHECK(std::equal(wanted.begin(), wanted.end(), out.begin() + r * n));
  }
}

template <class T>
void check_topk(AotiKernelContext *ctx, int64_t rows, int64_t n, bool largest, const std::vector<T> &keys) {
  for (int64_t k : {int64_t{0}, int64_t{1}, int64_t{2}, n / 2, n}) {
    if (k > n) continue;
    std::vector<int64_t> out(static_cast<size_t>(rows * k) + 1, -1);
    topk_positions(ctx, rows, n, k, keys.data(), largest, out.data());
    for (int64_t r = 0; r < rows; ++r) {
      const auto wanted = expected_order(keys.data() + r * n, n, largest);
      CHECK(std::equal(wanted.begin(), wanted.begin() + k, out.begin() + r * k));
    }
    CHECK_EQ(out[static_cast<size_t>(rows * k)], int64_t{-1});
  }
}

template <class T>
void check_extremes(AotiKernelContext *ctx, int64_t rows, int64_t n, bool largest,
                    const std::vector<T> &keys) {
  std::vector<int64_t> out(static_cast<size_t>(rows * n), -1);
  extreme_positions(ctx, rows, n, keys.data(), largest, out.data());
  for (int64_t r = 0; r < rows; ++r) {
    const T *const row = keys.data() + r * n;
    for (int64_t i = 0; i < n; ++i) {
      int64_t best = 0;
      for (int64_t j = 0; j <= i; ++j) {
        const bool first_nan = row[j] != row[j];
        const bool reigning = row[best] != row[best];
        const bool better = largest ? row[j] >= row[best] : row[j] <= row[best];
        if (first_nan || (!reigning && better)) best = j;
      }
      CHECK_EQ(out[static_cast<size_t>(r * n + i)], best);
    }
  }
}

template <class T>
void check_search(AotiKernelContext *ctx, int64_t rows, int64_t n, bool shared, bool right, bool nans) {
  const int64_t m = 37;
  std::vector<T> sorted = elements<T>((shared ? 1 : rows) * n, nans);
  for (int64_t r = 0; r < (shared ? 1 : rows); ++r)
    std::stable_sort(sorted.begin() + r * n, sorted.begin() + (r + 1) * n,
                     [](T a, T b) { return before(a, b); });
  const std::vector<T> values = elements<T>(rows * m, nans);
  std::vector<int64_t> out(static_cast<size_t>(rows * m), -1);
  search_positions(ctx, rows, n, m, sorted.data(), values.data(), shared, right, out.data());
  for (int64_t at = 0; at < rows * m; ++at) {
    const T *const row = sorted.data() + (shared ? 0 : at / m * n);
    const T value = values[static_cast<size_t>(at)];
    // PyTorch's rule: an element stays before the place unless it is known to be beyond it; NaN compares with
    // nothing.
    int64_t wanted = 0;
    while (wanted < n && (right ? !(row[wanted] > value) : !(row[wanted] >= value))) ++wanted;
    if (!nans) CHECK_EQ(out[static_cast<size_t>(at)], wanted);
    CHECK(out[static_cast<size_t>(at)] >= 0 && out[static_cast<size_t>(at)] <= n);
  }
}

template <class T>
void check_type(AotiKernelContext *ctx) {
  for (int64_t n : kLengths) {
    const int64_t rows = n < 64 ? 5 : 3;
    for (bool nans : {false, true}) {
      const std::vector<T> keys = elements<T>(rows * n, nans);
      for (bool flag : {false, true}) {
        check_sort(ctx, rows, n, flag, keys);
        check_topk(ctx, rows, n, flag, keys);
        check_extremes(ctx, rows, n, flag, keys);
        check_search<T>(ctx, rows, n, false, flag, nans);
        check_search<T>(ctx, rows, n, true, flag, nans);
      }
    }
  }
}

}  // namespace

int main() {
  if (!aoti_testing::processor_has_isa()) return 0;
  aoti_testing::Threads threads(3);
  for (aoti_testing::Threads *pool : {static_cast<aoti_testing::Threads *>(nullptr), &threads}) {
    aoti_testing::Context context(pool, 64);
    check_type<float>(&context.base);
    check_type<double>(&context.base);
    check_type<int64_t>(&context.base);
    check_type<int32_t>(&context.base);
    check_type<int8_t>(&context.base);
    check_type<uint8_t>(&context.base);
    CHECK(context.intact());
  }
  return aoti_test::result();
}
