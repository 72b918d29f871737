#include "kernels/cpp/engine/dot.h"

#include "kernels/cpp/engine/lane_sums.h"
#include "kernels/cpp/engine/plan.h"
#include "kernels/cpp/engine/tile.h"
#include "kernels/cpp/engine/words.h"

AOTI_BEGIN_NAMESPACE
namespace {

// Sums that a tile of rows and columns has; as many as vectors have lanes are added up together.
constexpr int kSums = kVectorRegisters == 32 ? 16 : 8;
static_assert(kSums % kLanes == 0, "lane_sums takes kLanes vectors");
// Columns that are read at the same time: more of them, a multiple of 4 KiB apart, compete for the same few
// places in L1.
constexpr int kColumnsAtOnce = 4;
// Below this, adding up the lanes costs more than the products; with more rows, more than a copy of B would.
constexpr int64_t kMinK = 64, kMinKOfManyRows = 256, kManyRows = 4;
// Multiply-adds that are worth a thread; these wait for memory.
constexpr int64_t kMinMacsPerThread = 1 << 16;

struct Float32Words {
  static constexpr int kParts = 1;
  static inline __attribute__((always_inline)) vf part(const float *words, int) { return vf_load(words); }
  static float product(const float *x, const float *y) { return *x * *y; }
};

struct Bfloat16Words {
  static constexpr int kParts = 2;
  static inline __attribute__((always_inline)) vf part(const float *words, int part) {
    return half_of(*(const vw_unaligned *)words, part);
  }
  static float product(const float *x, const float *y) {
    const uint32_t a = *(const word_unaligned *)x, b = *(const word_unaligned *)y;
    return bfloat16_half(a, 0) * bfloat16_half(b, 0) + bfloat16_half(a, 1) * bfloat16_half(b, 1);
  }
};

// acc[r * kStride + c] = row r times column c, without the k's behind the last whole vector.
template <class Kind, int kRows, int kColumns, int kStride>
void add_columns(const float *const *rows, const float *const *column, int64_t ahead, int64_t k, vf *out) {
  vf acc[kRows][kColumns] = {};
  AOTI_NO_UNROLL
  for (int64_t i = 0; i + kLanes <= k; i += kLanes) {
    AOTI_UNROLL
    for (int part = 0; part < Kind::kParts; ++part) {
      vf x[kRows];
      AOTI_UNROLL
      for (int r = 0; r < kRows; ++r) x[r] = Kind::part(rows[r] + i, part);
      AOTI_UNROLL
      for (int c = 0; c < kColumns; ++c) {
        if (part == 0) __builtin_prefetch(column[c] + ahead + i, 0, 2);
        const vf y = Kind::part(column[c] + i, part);
        AOTI_UNROLL
        for (int r = 0; r < kRows; ++r) acc[r][c] += x[r] * y;
      }
    }
  }
  AOTI_UNROLL
  for (int r = 0; r < kRows; ++r) {
    AOTI_UNROLL
    for (int c = 0; c < kColumns; ++c) out[r * kStride + c] = acc[r][c];
  }
}

// out[i * out_stride + j] = row i times column j, for kRows rows and kSums / kRows columns, of which those
// from `count` on are the last one again and are not written.
template <class Kind, int kRows>
void dot_tile(const float *const *rows, const float *columns, int64_t column_stride, int64_t count, int64_t k,
              float *out, int64_t out_stride) {
  constexpr int kColumns = kSums / kRows, kGroup = kColumns < kColumnsAtOnce ? kColumns : kColumnsAtOnce;
  const float *column[kColumns];
  for (int c = 0; c < kColumns; ++c) column[c] = columns + (c < count ? c : count - 1) * column_stride;
  vf acc[kSums];
  AOTI_UNROLL
  for (int c = 0; c < kColumns; c += kGroup)
    add_columns<Kind, kRows, kGroup, kColumns>(rows, column + c, rows_ahead(k * 4) * column_stride, k,
                                               acc + c);
  float sums[kSums];
  AOTI_UNROLL
  for (int s = 0; s < kSums; s += kLanes) vf_store(sums + s, lane_sums(acc + s));
  if (count >= kColumns && k % kLanes == 0) {
    AOTI_UNROLL
    for (int r = 0; r < kRows; ++r) __builtin_memcpy(out + r * out_stride, sums + r * kColumns, kColumns * 4);
    return;
  }
  for (int r = 0; r < kRows; ++r) {
    for (int c = 0; c < kColumns && c < count; ++c) {
      float sum = sums[r * kColumns + c];
      for (int64_t i = k / kLanes * kLanes; i < k; ++i) sum += Kind::product(rows[r] + i, column[c] + i);
      out[r * out_stride + c] = sum;
    }
  }
}

// All columns for kRows rows.
template <class Kind, int kRows>
void dot_rows(const DotBlock &b, int64_t row) {
  constexpr int kColumns = kSums / kRows;
  for (int64_t c = 0; c < b.column_count; c += kColumns) {
    const int64_t left = b.column_count - c;
    dot_tile<Kind, kRows>(b.rows + row, b.columns + c * b.column_stride, b.column_stride,
                          left < kColumns ? left : kColumns, b.k, b.out + row * b.out_stride + c,
                          b.out_stride);
  }
}

// Four rows, two or one at a time: their number divides that of the sums.
template <class Kind>
void dot_block(const DotBlock &b) {
  int64_t row = 0;
  for (; row + 4 <= b.row_count; row += 4) dot_rows<Kind, 4>(b, row);
  for (; row + 2 <= b.row_count; row += 2) dot_rows<Kind, 2>(b, row);
  if (row < b.row_count) dot_rows<Kind, 1>(b, row);
}

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
    const float *rows[kMaxDotRows];
    for (int64_t i = 0; i < m; ++i) rows[i] = a.data + batch * a.batch_stride + i * a.row_stride;
    const float *first = b.data + batch * b.batch_stride + n0 * b.column_stride;
    run_dot_block(Words::kFloat32, DotBlock{rows, m, first, b.column_stride, columns, k, out, kPanel});
    for (int64_t i = 0; i < m; i += kMaxTileRows) {
      const int64_t count = m - i < kMaxTileRows ? m - i : kMaxTileRows;
      epilogue.call(epilogue.epilogue, Tile{out + i * kPanel, kPanel, batch, i, n0, count, columns});
    }
  }
};

}  // namespace

void run_dot_block(Words words, const DotBlock &b) {
  if (words == Words::kFloat32) {
    dot_block<Float32Words>(b);
  } else {
    dot_block<Bfloat16Words>(b);
  }
}

bool prefers_dot_products(int64_t m, int64_t k, const Strided &a, const Strided &b) {
  const int64_t min_k = m <= kManyRows ? kMinK : kMinKOfManyRows;
  return m <= kMaxDotRows && k >= min_k && a.column_stride == 1 && b.row_stride == 1 && b.column_stride != 1;
}

void run_dot_products(AotiKernelContext *context, int64_t batch, int64_t m, int64_t n, int64_t k,
                      const Strided &a, const Strided &b, EpilogueRef epilogue) {
  DotProducts work{m, n, k, a, b, epilogue};
  const int64_t grain = ceil_div(kMinMacsPerThread, m * k * kPanel);
  aoti_parallel_for(context->threads, batch * ceil_div(n, kPanel), grain, &DotProducts::run_panels, &work);
}

AOTI_END_NAMESPACE
