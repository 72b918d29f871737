#include "kernels/cpp/engine/dot.h"

#include "kernels/cpp/engine/plan.h"
#include "kernels/cpp/engine/tile.h"

AOTI_BEGIN_NAMESPACE
namespace {

constexpr int64_t kColumns = 4;
constexpr int64_t kTileRows = 4;
// Below this, adding up the lanes costs more than the products; with more rows, more than a copy of B would.
constexpr int64_t kMinK = 64, kMinKOfManyRows = 256;
// Multiply-adds that are worth a thread; these wait for memory.
constexpr int64_t kMinMacsPerThread = 1 << 16;

// out[i * kPanel + j] = row i of a times column j of b
template <int kRows>
void dot_tile(const float *a, int64_t a_stride, const float *b, int64_t b_stride, int64_t k, float *out) {
  vf acc[kRows][kColumns] = {};
  int64_t i = 0;
  AOTI_NO_UNROLL
  for (; i + kLanes <= k; i += kLanes) {
    vf x[kRows];
    AOTI_UNROLL
    for (int r = 0; r < kRows; ++r) x[r] = vf_load(a + r * a_stride + i);
    AOTI_UNROLL
    for (int c = 0; c < kColumns; ++c) {
      const vf y = vf_load(b + c * b_stride + i);
      AOTI_UNROLL
      for (int r = 0; r < kRows; ++r) acc[r][c] += x[r] * y;
    }
  }
  for (int r = 0; r < kRows; ++r) {
    for (int c = 0; c < kColumns; ++c) {
      float sum = vf_sum(acc[r][c]);
      for (int64_t rest = i; rest < k; ++rest) sum += a[r * a_stride + rest] * b[c * b_stride + rest];
      out[r * kPanel + c] = sum;
    }
  }
}

typedef void (*DotTileFn)(const float *, int64_t, const float *, int64_t, int64_t, float *);
constexpr DotTileFn kDotTiles[kTileRows] = {&dot_tile<1>, &dot_tile<2>, &dot_tile<3>, &dot_tile<4>};

struct DotProducts {
  int64_t m, n, k;
  const Strided &a, &b;
  EpilogueRef epilogue;

  // Tasks are panels of one batch after the other.
  static void run_panels(void *self, int64_t begin, int64_t end, int32_t) {
    const DotProducts &p = *static_cast<const DotProducts *>(self);
    const int64_t panels = ceil_div(p.n, kPanel);
    for (int64_t task = begin; task < end; ++task) p.run_panel(task / panels, task % panels * kPanel);
  }

  void run_panel(int64_t batch, int64_t n0) const {
    alignas(64) float out[kMaxDotRows * kPanel];
    const int64_t columns = n - n0 < kPanel ? n - n0 : kPanel;
    const float *rows = a.data + batch * a.batch_stride;
    const float *first = b.data + batch * b.batch_stride + n0 * b.column_stride;
    for (int64_t j = 0; j < columns; j += kColumns) {
      for (int64_t i = 0; i < m; i += kTileRows) {
        const int64_t count = m - i < kTileRows ? m - i : kTileRows;
        run_columns(kDotTiles[count - 1], count, rows + i * a.row_stride, first + j * b.column_stride,
                    columns - j, out + i * kPanel + j);
      }
    }
    for (int64_t i = 0; i < m; i += kMaxTileRows) {
      const int64_t count = m - i < kMaxTileRows ? m - i : kMaxTileRows;
      epilogue.call(epilogue.epilogue, Tile{out + i * kPanel, kPanel, batch, i, n0, count, columns});
    }
  }

  // Four columns; where fewer are left, each of them four times.
  void run_columns(DotTileFn tile, int64_t row_count, const float *rows, const float *first, int64_t left,
                   float *out) const {
    if (left >= kColumns) {
      tile(rows, a.row_stride, first, b.column_stride, k, out);
      return;
    }
    float same[kTileRows * kPanel];
    for (int64_t j = 0; j < left; ++j) {
      tile(rows, a.row_stride, first + j * b.column_stride, 0, k, same);
      for (int64_t i = 0; i < row_count; ++i) out[i * kPanel + j] = same[i * kPanel];
    }
  }
};

}  // namespace

bool prefers_dot_products(int64_t m, int64_t k, const Strided &a, const Strided &b) {
  const int64_t min_k = m <= kTileRows ? kMinK : kMinKOfManyRows;
  return m <= kMaxDotRows && k >= min_k && a.column_stride == 1 && b.row_stride == 1 && b.column_stride != 1;
}

void run_dot_products(AotiKernelContext *context, int64_t batch, int64_t m, int64_t n, int64_t k,
                      const Strided &a, const Strided &b, EpilogueRef epilogue) {
  DotProducts work{m, n, k, a, b, epilogue};
  const int64_t grain = ceil_div(kMinMacsPerThread, m * k * kPanel);
  aoti_parallel_for(context->threads, batch * ceil_div(n, kPanel), grain, &DotProducts::run_panels, &work);
}

AOTI_END_NAMESPACE
