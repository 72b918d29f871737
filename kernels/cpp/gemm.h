// Matrix products in float32, or of bfloat16 with float32 sums, with a fused epilogue.
//
// What enters: A by rows, B packed ahead of time ("panel16", kernels/cpp/packing.py) or as any strided view,
// and an epilogue (kernels/cpp/epilogue.h). What leaves: every element of A * B, once, through the epilogue.
//
// Invariants: M, N and batch may be 0 (nothing is called); K may be 0 (sums are 0). Strides are in elements
// and may be 0 or negative. The order of additions of one element depends on the shapes only, never on the
// number of threads. Needs kGemmPackedScratchBytes or kGemmScratchBytes of scratch for each thread; less is
// reported in the context.
//
//   void cpp_linear_relu_0(AotiKernelContext *ctx, const float *x, const float *w_packed, const float *b,
//   float *out) {
//     aoti::gemm_f32_packed(ctx, 128, 1536, 384, x, 384, w_packed,
//                           [=](const float *acc, int64_t ld, int64_t, int64_t m0, int64_t n0, int64_t m,
//                           int64_t n) {
//       for (int64_t i = 0; i < m; ++i) {
//         AOTI_VECTORIZE
//         for (int64_t j = 0; j < n; ++j) {
//           out[(m0 + i) * 1536 + n0 + j] = aoti_maximum(acc[i * ld + j] + b[n0 + j], 0.0f);
//         }
//       }
//     });
//   }
#ifndef KERNELS_CPP_GEMM_H_
#define KERNELS_CPP_GEMM_H_

#include <stdint.h>

#include "aoti/kernel_context.h"
#include "kernels/cpp/epilogue.h"

AOTI_BEGIN_NAMESPACE

// A batch of matrices; strides in elements.
struct Strided {
  const float *data;  // borrowed
  int64_t batch_stride;
  int64_t row_stride;
  int64_t column_stride;
};

// Defined in kernels/cpp/engine/gemm.cc.
void gemm_bf16_packed_run(AotiKernelContext *context, int64_t m, int64_t n, int64_t k, const uint16_t *a,
                          int64_t lda, const uint16_t *b_packed, EpilogueRef epilogue);
void gemm_packed_run(AotiKernelContext *context, int64_t m, int64_t n, int64_t k, const float *a, int64_t lda,
                     const float *b_packed, EpilogueRef epilogue);
void gemm_run(AotiKernelContext *context, int64_t batch, int64_t m, int64_t n, int64_t k, Strided a,
              Strided b, EpilogueRef epilogue);

// a: [M, K] with rows lda apart; b_packed: panel16 of [K, N], float[ceil(N / 16)][K][16].
template <class Epilogue>
static void gemm_f32_packed(AotiKernelContext *context, int64_t M, int64_t N, int64_t K, const float *a,
                            int64_t lda, const float *b_packed, Epilogue epilogue) {
  gemm_packed_run(context, M, N, K, a, lda, b_packed, epilogue_ref(epilogue));
}

// a: bfloat16 [M, K] with rows lda apart; b_packed: "panel16_bf16" of [K, N], bfloat16[ceil(N / 16)][K /
// 2][16][2]. K and lda (where there is more than one row) are even, any other is reported in the context.
// Sums are float32, as the epilogue gets them. Where the processor has AVX512_BF16
// (AotiKernelContext::processor_features), denormals count as zero.
template <class Epilogue>
static void gemm_bf16_packed(AotiKernelContext *context, int64_t M, int64_t N, int64_t K, const uint16_t *a,
                             int64_t lda, const uint16_t *b_packed, Epilogue epilogue) {
  gemm_bf16_packed_run(context, M, N, K, a, lda, b_packed, epilogue_ref(epilogue));
}

// a: [batch, M, K], b: [batch, K, N], both with any strides.
template <class Epilogue>
static void gemm_f32(AotiKernelContext *context, int64_t batch, int64_t M, int64_t N, int64_t K,
                     const float *a, int64_t a_batch_stride, int64_t a_row_stride, int64_t a_col_stride,
                     const float *b, int64_t b_batch_stride, int64_t b_row_stride, int64_t b_col_stride,
                     Epilogue epilogue) {
  gemm_run(context, batch, M, N, K, Strided{a, a_batch_stride, a_row_stride, a_col_stride},
           Strided{b, b_batch_stride, b_row_stride, b_col_stride}, epilogue_ref(epilogue));
}

AOTI_END_NAMESPACE

#endif  // KERNELS_CPP_GEMM_H_
