#include "kernels/cpp/engine/pack.h"

#include "kernels/cpp/engine/tile.h"

AOTI_BEGIN_NAMESPACE
namespace {

// Four columns of four k's each, read along k and written along the columns.
inline void transpose_4x4(const float *b, int64_t n_stride, float *out) {
  const vf4 a0 = *(const vf4_unaligned *)b, a1 = *(const vf4_unaligned *)(b + n_stride);
  const vf4 a2 = *(const vf4_unaligned *)(b + 2 * n_stride), a3 = *(const vf4_unaligned *)(b + 3 * n_stride);
  const vf4 low01 = __builtin_shufflevector(a0, a1, 0, 4, 1, 5), high01 = __builtin_shufflevector(a0, a1, 2, 6, 3, 7);
  const vf4 low23 = __builtin_shufflevector(a2, a3, 0, 4, 1, 5), high23 = __builtin_shufflevector(a2, a3, 2, 6, 3, 7);
  *(vf4_unaligned *)out = __builtin_shufflevector(low01, low23, 0, 1, 4, 5);
  *(vf4_unaligned *)(out + kTilePanel) = __builtin_shufflevector(low01, low23, 2, 3, 6, 7);
  *(vf4_unaligned *)(out + 2 * kTilePanel) = __builtin_shufflevector(high01, high23, 0, 1, 4, 5);
  *(vf4_unaligned *)(out + 3 * kTilePanel) = __builtin_shufflevector(high01, high23, 2, 3, 6, 7);
}

void pack_transposed(const float *b, int64_t n_stride, int64_t k, float *out) {
  int64_t i = 0;
  for (; i + 4 <= k; i += 4) {
    for (int64_t j = 0; j < kTilePanel; j += 4) transpose_4x4(b + j * n_stride + i, n_stride, out + i * kTilePanel + j);
  }
  for (; i < k; ++i) {
    for (int64_t j = 0; j < kTilePanel; ++j) out[i * kTilePanel + j] = b[j * n_stride + i];
  }
}

void pack_rows(const float *b, int64_t k_stride, int64_t k, float *out) {
  for (int64_t i = 0; i < k; ++i) {
    for (int v = 0; v < kTilePanel / kLanes; ++v) {
      vf_store(out + i * kTilePanel + v * kLanes, vf_load(b + i * k_stride + v * kLanes));
    }
  }
}

void pack_strided(const float *b, int64_t k_stride, int64_t n_stride, int64_t k, int64_t columns, float *out) {
  for (int64_t i = 0; i < k; ++i) {
    float *row = out + i * kTilePanel;
    for (int64_t j = 0; j < columns; ++j) row[j] = b[i * k_stride + j * n_stride];
    for (int64_t j = columns; j < kTilePanel; ++j) row[j] = 0.0f;
  }
}

}  // namespace

void pack_panels(const float *b, int64_t k_stride, int64_t n_stride, int64_t k, int64_t columns, float *out) {
  for (int64_t n = 0; n < columns; n += kTilePanel, out += k * kTilePanel) {
    const float *panel = b + n * n_stride;
    if (columns - n < kTilePanel) {
      pack_strided(panel, k_stride, n_stride, k, columns - n, out);
    } else if (n_stride == 1) {
      pack_rows(panel, k_stride, k, out);
    } else if (k_stride == 1) {
      pack_transposed(panel, n_stride, k, out);
    } else {
      pack_strided(panel, k_stride, n_stride, k, kTilePanel, out);
    }
  }
}

AOTI_END_NAMESPACE
