// Dot products of contiguous rows: products of very few rows with a transposed B, and the scores of very few
// queries. A copy of B into panels would cost more than the product.
//
// What enters: rows as words (tile.h), of float32 or of pairs of bfloat16. What leaves: float32 sums.
#ifndef KERNELS_CPP_ENGINE_DOT_H_
#define KERNELS_CPP_ENGINE_DOT_H_

#include <stdint.h>

#include "kernels/cpp/epilogue.h"
#include "kernels/cpp/gemm.h"

AOTI_BEGIN_NAMESPACE

constexpr int64_t kMaxDotRows = 16;

// What the words of a row are.
enum class Words { kFloat32, kBfloat16Pairs };

// out[i * out_stride + j] = rows[i] . (columns + j * column_stride), all of k words; strides in words too.
struct DotBlock {
  const float *const *rows;
  int64_t row_count;
  const float *columns;
  int64_t column_stride, column_count;
  int64_t k;
  float *out;
  int64_t out_stride;
};
void run_dot_block(Words words, const DotBlock &block);

// Whether run_dot_products takes this product, and is the better way.
bool prefers_dot_products(int64_t m, int64_t k, const Strided &a, const Strided &b);

// a: [batch, M, K] with column stride 1, b: [batch, K, N] with row stride 1, 1 <= M <= kMaxDotRows.
void run_dot_products(AotiKernelContext *context, int64_t batch, int64_t m, int64_t n, int64_t k,
                      const Strided &a, const Strided &b, EpilogueRef epilogue);

AOTI_END_NAMESPACE

#endif  // KERNELS_CPP_ENGINE_DOT_H_
