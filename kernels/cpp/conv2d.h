// Two-dimensional convolution in float32 on channels-last images, with a fused epilogue.
//
// What enters: input [N, H, W, C] contiguous, weights packed ahead of time (kernels/cpp/packing.py):
// "conv_panel16", float[groups][ceil(OCg / 16)][KH][KW][ICg][16], or for C == OC == groups "depthwise",
// float[KH][KW][C]. What leaves: every element of the output through the epilogue, with batch = 0, m =
// flattened (n, oh, ow) and n = output channel.
//
// Invariants: any stride, dilation, padding (zeros) and groups; a negative dilation's taps go backwards, a
// negative padding starts inside the image; ICg = C / groups, OCg = OC / groups. The product is an implicit
// one: no patch matrix is written. A kernel row whose input lies in the image is one run of KW * C floats; at
// the left and right border each tap is a run, and taps in the padding read zeros. Results do not depend on
// threads. Needs kConv2dScratchBytes of scratch for each thread; less is reported in the context.
//
// conv2d_winograd_f32_nhwc does the same for 3x3 kernels with stride 1, no dilation, no groups and a multiple
// of 16 up to kWinogradMaxChannels input channels, with 16 products where a plain convolution has 36, by
// Winograd's F(2x2, 3x3); rounding errors are up to a few times larger. Its weights are "winograd_panel16",
// float[16][ceil(OC / 16)][C][16], 16/9 times as many; it needs kWinogradScratchBytes of scratch for each
// thread. Any other shape is reported in the context.
//
//   Conv2dShape s{1, 56, 56, 64, 64, 3, 3, 56, 56, 1, 1, 1, 1, 1, 1, 1};
//   aoti::conv2d_f32_nhwc(ctx, s, x, w_packed, epilogue);
#ifndef KERNELS_CPP_CONV2D_H_
#define KERNELS_CPP_CONV2D_H_

#include <stdint.h>

#include "aoti/kernel_context.h"
#include "kernels/cpp/epilogue.h"

AOTI_BEGIN_NAMESPACE

struct Conv2dShape {
  int64_t N, H, W, C;  // input
  int64_t OC, KH, KW;  // weights
  int64_t OH, OW;      // output
  int64_t stride_h, stride_w, pad_h, pad_w, dil_h, dil_w;
  int64_t groups;
};

// Depthwise weights are used when C == OC == groups and groups > 1.
static inline bool is_depthwise(const Conv2dShape &s) {
  return s.groups > 1 && s.C == s.groups && s.OC == s.groups;
}

constexpr int64_t kWinogradMaxChannels = 2048;

// Defined in kernels/cpp/engine/conv2d.cc, depthwise.cc and winograd.cc.
void conv2d_run(AotiKernelContext *context, const Conv2dShape &shape, const float *input,
                const float *w_packed, EpilogueRef epilogue);
void depthwise_run(AotiKernelContext *context, const Conv2dShape &shape, const float *input,
                   const float *w_packed, EpilogueRef epilogue);

void depthwise_bf16_run(AotiKernelContext *context, const Conv2dShape &shape, const uint16_t *input,
                        const uint16_t *w_packed, EpilogueRef epilogue);

void winograd_run(AotiKernelContext *context, const Conv2dShape &shape, const float *input,
                  const float *w_packed, EpilogueRef epilogue);

void conv2d_bf16_run(AotiKernelContext *context, const Conv2dShape &shape, const uint16_t *input,
                     const uint16_t *w_packed, EpilogueRef epilogue);

// The same for bfloat16 input and weights, with float32 sums: weights are "conv_panel16_bf16",
// bfloat16[groups][ceil(OCg / 16)][KH][KW][ICg / 2][16][2]. ICg is even; or "depthwise_bf16",
// bfloat16[KH][KW][C], for any C == OC == groups.
template <class Epilogue>
static void conv2d_bf16_nhwc(AotiKernelContext *context, const Conv2dShape &shape, const uint16_t *input,
                             const uint16_t *w_packed, Epilogue epilogue) {
  if (is_depthwise(shape)) {
    depthwise_bf16_run(context, shape, input, w_packed, epilogue_ref(epilogue));
  } else {
    conv2d_bf16_run(context, shape, input, w_packed, epilogue_ref(epilogue));
  }
}

template <class Epilogue>
static void conv2d_winograd_f32_nhwc(AotiKernelContext *context, const Conv2dShape &shape, const float *input,
                                     const float *w_packed, Epilogue epilogue) {
  winograd_run(context, shape, input, w_packed, epilogue_ref(epilogue));
}

template <class Epilogue>
static void conv2d_f32_nhwc(AotiKernelContext *context, const Conv2dShape &shape, const float *input,
                            const float *w_packed, Epilogue epilogue) {
  if (is_depthwise(shape)) {
    depthwise_run(context, shape, input, w_packed, epilogue_ref(epilogue));
  } else {
    conv2d_run(context, shape, input, w_packed, epilogue_ref(epilogue));
  }
}

AOTI_END_NAMESPACE

#endif  // KERNELS_CPP_CONV2D_H_
