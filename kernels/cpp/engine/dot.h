// Products of very few rows with a transposed B: dot products of contiguous rows of A and columns of B. A
// copy of B into panels would cost more than the product.
#ifndef KERNELS_CPP_ENGINE_DOT_H_
#define KERNELS_CPP_ENGINE_DOT_H_

#include <stdint.h>

#include "kernels/cpp/epilogue.h"
#include "kernels/cpp/gemm.h"

AOTI_BEGIN_NAMESPACE

constexpr int64_t kMaxDotRows = 16;

// Whether run_dot_products takes this product, and is the better way.
bool prefers_dot_products(int64_t m, int64_t k, const Strided &a, const Strided &b);

// a: [batch, M, K] with column stride 1, b: [batch, K, N] with row stride 1, 1 <= M <= kMaxDotRows.
void run_dot_products(AotiKernelContext *context, int64_t batch, int64_t m, int64_t n, int64_t k,
                      const Strided &a, const Strided &b, EpilogueRef epilogue);

AOTI_END_NAMESPACE

#endif  // KERNELS_CPP_ENGINE_DOT_H_
