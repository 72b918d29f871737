// Copies a block of a strided matrix into panels of 16 columns, the layout that tiles read.
#ifndef KERNELS_CPP_ENGINE_PACK_H_
#define KERNELS_CPP_ENGINE_PACK_H_

#include <stdint.h>

#include "kernels/cpp/simd.h"

AOTI_BEGIN_NAMESPACE

// out[ceil(columns / 16)][k][16] = b[i * k_stride + j * n_stride] for i < k, j < columns; zero beyond
// `columns`. out must not overlap b. Fast when n_stride or k_stride is 1 (a copy, a transposition); right for
// all.
void pack_panels(const float *b, int64_t k_stride, int64_t n_stride, int64_t k, int64_t columns, float *out);

// Pairs of rows of bfloat16 as words: out[ceil(columns / 16)][ceil(rows / 2)][16], where a word is (b[2 * i *
// row_stride + j], b[(2 * i + 1) * row_stride + j]), zero beyond `rows` and `columns`. Strides count
// bfloat16.
void pack_row_pairs(const uint16_t *b, int64_t row_stride, int64_t rows, int64_t columns, float *out);

AOTI_END_NAMESPACE

#endif  // KERNELS_CPP_ENGINE_PACK_H_
