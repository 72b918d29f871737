#include "kernels/cpp/engine/pack.h"

#include "kernels/cpp/engine/plan.h"
#include "kernels/cpp/engine/tile.h"

AOTI_BEGIN_NAMESPACE
namespace {

// Four columns of four k's each, read along k and written along the columns.
inline void transpose_4x4(const float *b, int64_t n_stride, float *out) {
  const vf4 a0 = *(const vf4_unaligned *)b, a1 = *(const vf4_unaligned *)(b + n_stride);
  const vf4 a2 = *(const vf4_unaligned *)(b + 2 * n_stride), a3 = *(const vf4_unaligned *)(b + 3 * n_stride);
  const vf4 low01 = __builtin_shufflevector(a0, a1, 0, 4, 1, 5),
            high01 = __builtin_shufflevector(a0, a1, 2, 6, 3, 7);
  const vf4 low23 = __builtin_shufflevector(a2, a3, 0, 4, 1, 5),
            high23 = __builtin_shufflevector(a2, a3, 2, 6, 3, 7);
  *(vf4_unaligned *)out = __builtin_shufflevector(low01, low23, 0, 1, 4, 5);
  *(vf4_unaligned *)(out + kTilePanel) = __builtin_shufflevector(low01, low23, 2, 3, 6, 7);
  *(vf4_unaligned *)(out + 2 * kTilePanel) = __builtin_shufflevector(high01, high23, 0, 1, 4, 5);
  *(vf4_unaligned *)(out + 3 * kTilePanel) = __builtin_shufflevector(high01, high23, 2, 3, 6, 7);
}

// One panel. Four columns are read a whole cache line at a time: columns that are a multiple of 4 KiB apart
// compete for the same few places in L1.
void pack_transposed(const float *b, int64_t n_stride, int64_t k, float *out) {
  int64_t i = 0;
  for (; i + kTilePanel <= k; i += kTilePanel) {
    for (int64_t j = 0; j < kTilePanel; j += 4) {
      for (int64_t ii = i; ii < i + kTilePanel; ii += 4) {
        transpose_4x4(b + j * n_stride + ii, n_stride, out + ii * kTilePanel + j);
      }
    }
  }
  for (; i < k; ++i) {
    for (int64_t j = 0; j < kTilePanel; ++j) out[i * kTilePanel + j] = b[j * n_stride + i];
  }
}

// Several panels: rows are read from end to end.
void pack_rows(const float *b, int64_t k_stride, int64_t k, int64_t panels, float *out) {
  constexpr int64_t kRowsAhead = 8;
  for (int64_t i = 0; i < k; ++i) {
    const float *row = b + i * k_stride;
    for (int64_t p = 0; p < panels; ++p) {
      __builtin_prefetch(row + kRowsAhead * k_stride + p * kTilePanel);
      for (int64_t v = 0; v < kTilePanel; v += kLanes) {
        vf_store(out + (p * k + i) * kTilePanel + v, vf_load(row + p * kTilePanel + v));
      }
    }
  }
}

void pack_strided(const float *b, int64_t k_stride, int64_t n_stride, int64_t k, int64_t columns,
                  float *out) {
  for (int64_t i = 0; i < k; ++i) {
    float *row = out + i * kTilePanel;
    for (int64_t j = 0; j < columns; ++j) row[j] = b[i * k_stride + j * n_stride];
    for (int64_t j = columns; j < kTilePanel; ++j) row[j] = 0.0f;
  }
}

typedef uint32_t word_may_alias __attribute__((may_alias));

// One row of words; null for a second row that is not there.
void pack_pair(const uint16_t *first, const uint16_t *second, int64_t width, word_may_alias *out) {
  if (second != nullptr && width == kTilePanel) {
    AOTI_VECTORIZE
    for (int64_t j = 0; j < kTilePanel; ++j) out[j] = first[j] | uint32_t(second[j]) << 16;
    return;
  }
  for (int64_t j = 0; j < width; ++j) out[j] = first[j] | uint32_t(second == nullptr ? 0 : second[j]) << 16;
  for (int64_t j = width; j < kTilePanel; ++j) out[j] = 0;
}

}  // namespace

void pack_panels(const float *b, int64_t k_stride, int64_t n_stride, int64_t k, int64_t columns, float *out) {
  const int64_t full = columns / kTilePanel, panel_floats = k * kTilePanel;
  if (n_stride == 1) {
    pack_rows(b, k_stride, k, full, out);
  } else {
    for (int64_t p = 0; p < full; ++p) {
      const float *panel = b + p * kTilePanel * n_stride;
      if (k_stride == 1) {
        pack_transposed(panel, n_stride, k, out + p * panel_floats);
      } else {
        pack_strided(panel, k_stride, n_stride, k, kTilePanel, out + p * panel_floats);
      }
    }
  }
  const int64_t done = full * kTilePanel;
  if (done < columns)
    pack_strided(b + done * n_stride, k_stride, n_stride, k, columns - done, out + full * panel_floats);
}

void pack_row_pairs(const uint16_t *b, int64_t row_stride, int64_t rows, int64_t columns, float *out) {
  const int64_t pairs = (rows + 1) / 2, ahead = rows_ahead(columns * 2);
  for (int64_t j = 0; j < columns; j += kTilePanel) {
    const int64_t width = columns - j < kTilePanel ? columns - j : kTilePanel;
    float *panel = out + j / kTilePanel * pairs * kTilePanel;
    for (int64_t i = 0; i < pairs; ++i) {
      const uint16_t *first = b + 2 * i * row_stride + j;
      const uint16_t *second = 2 * i + 1 < rows ? first + row_stride : nullptr;
      __builtin_prefetch(first + ahead * row_stride);
      __builtin_prefetch(first + (ahead + 1) * row_stride);
      pack_pair(first, second, width, reinterpret_cast<word_may_alias *>(panel + i * kTilePanel));
    }
  }
}

AOTI_END_NAMESPACE
