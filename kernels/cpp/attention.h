// Scaled-dot-product attention: softmax(scale * Q K^T + mask) V, without the matrix of scores in memory.
//
// What enters: q [B, H, Sq, D], k [B, Hkv, Sk, D], v [B, Hkv, Sk, Dv] as views whose last dimension has
// stride 1, float32 or bfloat16; an optional additive float32 mask broadcast to [B, H, Sq, Sk]. What leaves:
// out [B, H, Sq, Dv] in q's type.
//
// Invariants: H is a multiple of Hkv (query head h reads key head h / (H / Hkv)). causal: query i sees keys
// 0..i, as in PyTorch. A row whose keys are all masked (-inf) gives 0, as PyTorch's function does. Scores are
// taken in blocks of keys with a running maximum and sum; the blocks depend on the sizes only, so results do
// not depend on threads. D and Dv at most kAttentionMaxHeadSize; more, or too little scratch
// (kAttentionScratchBytes), is reported in the context.
//
// bfloat16: scores, softmax and sums are float32; the softmax's weights are rounded to bfloat16 before they
// meet v. D and the strides of q and k are even (those of dimensions of size 1 apart), anything else is
// reported.
//
//   const int64_t qs[3] = {128 * 384, 32, 384};   // [1, 12, 128, 32] inside [1, 128, 384]
//   aoti::attention_f32(ctx, 1, 12, 128, 128, 32, 32, q, qs, k, qs, v, qs, mask, mask_strides, 0.1767767f,
//   false, 12, out, qs);
#ifndef KERNELS_CPP_ATTENTION_H_
#define KERNELS_CPP_ATTENTION_H_

#include <stdint.h>

#include "aoti/kernel_context.h"
#include "kernels/cpp/isa.h"

AOTI_BEGIN_NAMESPACE

constexpr int64_t kAttentionMaxHeadSize = 2048;

template <class Number>
struct AttentionArgs {
  int64_t B, H, Sq, Sk, D, Dv, Hkv;
  const Number *q, *k, *v;
  const float *mask;  // null: none
  Number *out;
  int64_t q_strides[3], k_strides[3], v_strides[3], out_strides[3];  // of batch, head, position
  int64_t mask_strides[4];                                           // 0: broadcast
  float scale;
  bool causal;
};

// Defined in kernels/cpp/engine/attention.cc.
void attention_run(AotiKernelContext *context, const AttentionArgs<float> &args);
void attention_run(AotiKernelContext *context, const AttentionArgs<uint16_t> &args);

// Number is deduced: attention_f32 and attention_bf16 are names of the same function, as generated code
// writes them.
template <class Number>
static inline void attention(AotiKernelContext *context, int64_t B, int64_t H, int64_t Sq, int64_t Sk,
                             int64_t D, int64_t Dv, const Number *q, const int64_t *q_strides,
                             const Number *k, const int64_t *k_strides, const Number *v,
                             const int64_t *v_strides, const float *mask, const int64_t *mask_strides,
                             float scale, bool causal, int64_t Hkv, Number *out, const int64_t *out_strides) {
  AttentionArgs<Number> args{B, H, Sq, Sk, D, Dv, Hkv, q, k, v, mask, out, {}, {}, {}, {}, {}, scale, causal};
  for (int i = 0; i < 3; ++i) {
    args.q_strides[i] = q_strides[i];
    args.k_strides[i] = k_strides[i];
    args.v_strides[i] = v_strides[i];
    args.out_strides[i] = out_strides[i];
  }
  for (int i = 0; i < 4; ++i) args.mask_strides[i] = mask == nullptr ? 0 : mask_strides[i];
  attention_run(context, args);
}
constexpr auto attention_f32 = &attention<float>;
constexpr auto attention_bf16 = &attention<uint16_t>;

AOTI_END_NAMESPACE

#endif  // KERNELS_CPP_ATTENTION_H_
