#include "kernels/cpp/gemm.h"

#include "kernels/cpp/engine/dot.h"
#include "kernels/cpp/engine/matmul.h"
#include "kernels/cpp/scratch.h"

AOTI_BEGIN_NAMESPACE
namespace {

// Products with at most this many rows read plain rows of B where they are: a copy would not be used often
// enough.
constexpr int64_t kMaxDirectRows = 8;

struct MatrixRows {
  const float *a;
  int64_t batch_stride, row_stride, k_stride, k;

  int64_t fill(int64_t batch, int64_t m, int64_t rows, int64_t k0, int64_t k1, Segment *out) const {
    const float *first = a + batch * batch_stride + m * row_stride + k0 * k_stride;
    for (int64_t i = 0; i < rows; ++i) out->rows[i] = first + i * row_stride;
    out->length = k1 - k0;
    out->k = 0;
    return 1;
  }
  int64_t a_stride() const { return k_stride; }
  int64_t row_bytes() const { return k * 4; }
  int64_t max_block_k() const { return kMaxBlockK; }
};

// B packed, sizes and strides in words.
void run_packed(AotiKernelContext *context, const TileTable &tiles, int64_t m, int64_t n, int64_t k,
                const float *a, int64_t lda, const float *b_packed, EpilogueRef epilogue) {
  const MatrixRows rows{a, 0, lda, 1, k};
  const MatrixB b{BLayout::kPanels, b_packed, 0, 0, 0};
  run_product(Product{context, tiles, 1, m, n, k, b, epilogue}, rows);
}

}  // namespace

void gemm_packed_run(AotiKernelContext *context, int64_t m, int64_t n, int64_t k, const float *a, int64_t lda,
                     const float *b_packed, EpilogueRef epilogue) {
  if (context->scratch_bytes_per_thread < kGemmPackedScratchBytes) {
    aoti_kernel_fail(context,
                     "gemm_f32_packed: the model's table states too little scratch, in bytes per thread",
                     context->scratch_bytes_per_thread);
    return;
  }
  run_packed(context, float32_tiles(), m, n, k, a, lda, b_packed, epilogue);
}

void gemm_bf16_packed_run(AotiKernelContext *context, int64_t m, int64_t n, int64_t k, const uint16_t *a,
                          int64_t lda, const uint16_t *b_packed, EpilogueRef epilogue) {
  if (context->scratch_bytes_per_thread < kGemmPackedScratchBytes) {
    aoti_kernel_fail(context,
                     "gemm_bf16_packed: the model's table states too little scratch, in bytes per thread",
                     context->scratch_bytes_per_thread);
    return;
  }
  if (k % 2 != 0 || (m > 1 && lda % 2 != 0)) {
    aoti_kernel_fail(context, "gemm_bf16_packed: expected an even K and an even row stride",
                     k % 2 != 0 ? k : lda);
    return;
  }
  run_packed(context, bfloat16_tiles(*context), m, n, k / 2, as_words(a), lda / 2, as_words(b_packed),
             epilogue);
}

void gemm_run(AotiKernelContext *context, int64_t batch, int64_t m, int64_t n, int64_t k, Strided a,
              Strided b, EpilogueRef epilogue) {
  if (context->scratch_bytes_per_thread < kGemmScratchBytes) {
    aoti_kernel_fail(context, "gemm_f32: the model's table states too little scratch, in bytes per thread",
                     context->scratch_bytes_per_thread);
    return;
  }
  if (m > 0 && prefers_dot_products(m, k, a, b)) {
    run_dot_products(context, batch, m, n, k, a, b, epilogue);
    return;
  }
  const MatrixRows rows{a.data, a.batch_stride, a.row_stride, a.column_stride, k};
  const BLayout layout =
      b.column_stride == 1 && m <= kMaxDirectRows ? BLayout::kRows : BLayout::kPackOnTheFly;
  const MatrixB matrix{layout, b.data, b.batch_stride, b.row_stride, b.column_stride};
  run_product(Product{context, float32_tiles(), batch, m, n, k, matrix, epilogue}, rows);
}

AOTI_END_NAMESPACE
