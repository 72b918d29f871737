#include "kernels/cpp/conv2d.h"
#include "kernels/cpp/engine/plan.h"

AOTI_BEGIN_NAMESPACE
namespace {

constexpr int64_t kBlockPixels = 8;
constexpr int64_t kBlockChannels = 64;
// Multiply-adds that are worth a thread; these wait for memory more than those of a matrix product.
constexpr int64_t kMinMacsPerTask = 1 << 15;

struct Depthwise {
  const Conv2dShape &s;
  const float *input;
  const float *weights;
  EpilogueRef epilogue;

  // acc[c] += x[c] * w[c]
  static void add_product(const float *x, const float *w, int64_t channels, float *acc) {
    int64_t c = 0;
    for (; c + kLanes <= channels; c += kLanes)
      vf_store(acc + c, vf_load(acc + c) + vf_load(x + c) * vf_load(w + c));
    for (; c < channels; ++c) acc[c] += x[c] * w[c];
  }

  // Sums of output pixel m, for `channels` channels from c0 on.
  void pixel(int64_t m, int64_t c0, int64_t channels, float *acc) const {
    const int64_t ow = m % s.OW, oh = m / s.OW % s.OH, n = m / (s.OW * s.OH);
    for (int64_t c = 0; c < channels; ++c) acc[c] = 0.0f;
    for (int64_t kh = 0; kh < s.KH; ++kh) {
      const int64_t h = oh * s.stride_h - s.pad_h + kh * s.dil_h;
      if (h < 0 || h >= s.H) continue;
      for (int64_t kw = 0; kw < s.KW; ++kw) {
        const int64_t w = ow * s.stride_w - s.pad_w + kw * s.dil_w;
        if (w < 0 || w >= s.W) continue;
        add_product(input + ((n * s.H + h) * s.W + w) * s.C + c0, weights + (kh * s.KW + kw) * s.C + c0,
                    channels, acc);
      }
    }
  }

  // Tasks are blocks of pixels.
  static void run_blocks(void *arg, int64_t begin, int64_t end, int32_t) {
    const Depthwise &self = *static_cast<const Depthwise *>(arg);
    const int64_t pixels = self.s.N * self.s.OH * self.s.OW;
    alignas(64) float acc[kBlockPixels * kBlockChannels];
    for (int64_t block = begin; block < end; ++block) {
      const int64_t m0 = block * kBlockPixels;
      const int64_t count = pixels - m0 < kBlockPixels ? pixels - m0 : kBlockPixels;
      for (int64_t c = 0; c < self.s.C; c += kBlockChannels) {
        const int64_t channels = self.s.C - c < kBlockChannels ? self.s.C - c : kBlockChannels;
        for (int64_t i = 0; i < count; ++i) self.pixel(m0 + i, c, channels, acc + i * kBlockChannels);
        self.epilogue.call(self.epilogue.epilogue, Tile{acc, kBlockChannels, 0, m0, c, count, channels});
      }
    }
  }
};

}  // namespace

void depthwise_run(AotiKernelContext *context, const Conv2dShape &s, const float *input,
                   const float *w_packed, EpilogueRef epilogue) {
  if (s.N <= 0 || s.OH <= 0 || s.OW <= 0) return;
  Depthwise work{s, input, w_packed, epilogue};
  const int64_t blocks = ceil_div(s.N * s.OH * s.OW, kBlockPixels);
  const int64_t macs_per_block = kBlockPixels * s.C * s.KH * s.KW;
  aoti_parallel_for(context->threads, blocks, ceil_div(kMinMacsPerTask, macs_per_block),
                    &Depthwise::run_blocks, &work);
}

AOTI_END_NAMESPACE
