// conv2d_f32_nhwc against plain loops in double: strides, padding beyond the kernel, dilation, groups,
// depthwise, one by one, tails of channels and pixels, K of several blocks, and 1 to 4 threads; the same for
// conv2d_winograd_f32_nhwc. Whole numbers: results are equal.
#include "kernels/cpp/conv2d.h"

#include "kernels/cpp/scratch.h"
#include "kernels/cpp/testing/isa_check.h"
#include "kernels/cpp/testing/numbers.h"
#include "kernels/cpp/testing/threads.h"
#include "tools/testing/check.h"

using namespace aoti;
using aoti_testing::Context;
using aoti_testing::Floats;
using aoti_testing::Threads;

namespace {

struct Case {
  int64_t N, H, W, C, OC, KH, KW, stride_h, stride_w, pad_h, pad_w, dil_h, dil_w, groups;
};

const Case kCases[] = {
    {1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1},
    {1, 23, 29, 3, 20, 7, 7, 2, 2, 3, 3, 1, 1, 1},  // a first layer
    {2, 9, 10, 5, 17, 3, 3, 1, 1, 1, 1, 1, 1, 1},   // pixels of two images in one tile
    {1, 7, 7, 40, 33, 3, 3, 1, 1, 1, 1, 1, 1, 1},
    {1, 7, 7, 300, 70, 3, 3, 1, 1, 1, 1, 1, 1, 1},  // K of several blocks
    {1, 14, 14, 16, 64, 1, 1, 1, 1, 0, 0, 1, 1, 1},
    {1, 15, 14, 16, 64, 1, 1, 2, 2, 0, 0, 1, 1, 1},
    {1, 12, 12, 8, 16, 3, 3, 2, 1, 0, 2, 1, 1, 1},
    {1, 13, 17, 6, 9, 3, 2, 1, 1, 2, 3, 2, 3, 1},     // dilation
    {2, 9, 14, 6, 20, 2, 3, 1, 1, -1, 0, -1, -2, 1},  // taps that go backwards
    {1, 7, 9, 4, 8, 3, 3, 1, 2, 1, -2, -1, 1, 2},
    {1, 5, 5, 4, 8, 1, 5, 1, 3, 0, 4, 1, 1, 1},
    {1, 4, 4, 2, 3, 3, 3, 1, 1, 5, 5, 1, 1, 1},    // whole output pixels lie in the padding
    {3, 6, 5, 12, 18, 3, 3, 1, 1, 1, 1, 1, 1, 3},  // groups
    {1, 6, 5, 8, 40, 1, 1, 2, 1, 0, 0, 1, 1, 4},
    {1, 9, 8, 6, 12, 3, 3, 1, 1, 1, 1, 1, 1, 6},      // two outputs for each input channel
    {1, 10, 11, 20, 20, 3, 3, 1, 1, 1, 1, 1, 1, 20},  // depthwise
    {2, 10, 11, 70, 70, 5, 3, 2, 2, 2, 1, 1, 2, 70},
    {1, 12, 13, 23, 23, 9, 9, 1, 1, 4, 4, 1, 1, 23},      // more taps than a strip takes at once
    {1, 4, 5, 2113, 2113, 3, 3, 1, 1, 1, 1, 1, 1, 2113},  // more channels than pointers are found for at once
    {1, 3, 4, 37, 37, 3, 3, 1, 1, 3, 3, 1, 1, 37},        // whole output pixels lie in the padding
    {1, 40, 3, 1, 5, 31, 3, 1, 1, 0, 1, 1, 1, 1},         // more taps than a tile takes at once
    {1, 3, 3, 2500, 4, 1, 1, 1, 1, 0, 0, 1, 1, 1},        // more channels than a run of zeros has
    {1, 2, 3, 2500, 4, 3, 3, 1, 1, 1, 1, 1, 1, 1},
};

const Case kWinogradCases[] = {
    {1, 4, 4, 16, 16, 3, 3, 1, 1, 1, 1, 1, 1, 1},
    {1, 7, 7, 48, 70, 3, 3, 1, 1, 1, 1, 1, 1, 1},  // blocks that reach over the edge
    {2, 9, 12, 16, 5, 3, 3, 1, 1, 0, 2, 1, 1,
     1},  // no padding above, more than the kernel needs at the sides
    {1, 30, 41, 32, 33, 3, 3, 1, 1, 1, 1, 1, 1, 1},  // several chunks of blocks
    {3, 6, 5, 512, 130, 3, 3, 1, 1, 1, 1, 1, 1, 1},  // few blocks at once, several groups of columns
    {1, 3, 3, 2048, 20, 3, 3, 1, 1, 1, 1, 1, 1, 1},
};

int64_t out_size(int64_t in, int64_t k, int64_t stride, int64_t pad, int64_t dil) {
  return (in + 2 * pad - dil * (k - 1) - 1) / stride + 1;
}

Conv2dShape shape_of(const Case &c) {
  return Conv2dShape{c.N,
                     c.H,
                     c.W,
                     c.C,
                     c.OC,
                     c.KH,
                     c.KW,
                     out_size(c.H, c.KH, c.stride_h, c.pad_h, c.dil_h),
                     out_size(c.W, c.KW, c.stride_w, c.pad_w, c.dil_w),
                     c.stride_h,
                     c.stride_w,
                     c.pad_h,
                     c.pad_w,
                     c.dil_h,
                     c.dil_w,
                     c.groups};
}

// weights as PyTorch has them, [OC, ICg, KH, KW]
double reference(const Conv2dShape &s, const Floats &x, const Floats &w, int64_t n, int64_t oh, int64_t ow,
                 int64_t oc) {
  const int64_t icg = s.C / s.groups, group = oc / (s.OC / s.groups);
  double sum = 0;
  for (int64_t kh = 0; kh < s.KH; ++kh) {
    for (int64_t kw = 0; kw < s.KW; ++kw) {
      const int64_t h = oh * s.stride_h - s.pad_h + kh * s.dil_h,
                    iw = ow * s.stride_w - s.pad_w + kw * s.dil_w;
      if (h < 0 || h >= s.H || iw < 0 || iw >= s.W) continue;
      for (int64_t c = 0; c < icg; ++c) {
        sum += double(x[((n * s.H + h) * s.W + iw) * s.C + group * icg + c]) *
               double(w[((oc * icg + c) * s.KH + kh) * s.KW + kw]);
      }
    }
  }
  return sum;
}

int64_t packed_floats(const Conv2dShape &s) {
  const int64_t ocg = s.OC / s.groups;
  return is_depthwise(s) ? s.KH * s.KW * s.C
                         : s.groups * ((ocg + 15) / 16) * s.KH * s.KW * (s.C / s.groups) * 16;
}

void pack(const Conv2dShape &s, const Floats &w, Floats *packed) {
  const int64_t icg = s.C / s.groups, ocg = s.OC / s.groups, panels = (ocg + 15) / 16;
  for (int64_t oc = 0; oc < s.OC; ++oc) {
    for (int64_t c = 0; c < icg; ++c) {
      for (int64_t tap = 0; tap < s.KH * s.KW; ++tap) {
        const float value = w[(oc * icg + c) * s.KH * s.KW + tap];
        const int64_t o = oc % ocg, panel = oc / ocg * panels + o / 16;
        const int64_t at =
            is_depthwise(s) ? tap * s.C + oc : ((panel * s.KH * s.KW + tap) * icg + c) * 16 + o % 16;
        (*packed)[at] = value;
      }
    }
  }
}

struct Collector {
  int64_t channels;
  float *values, *calls;
  void operator()(const float *acc, int64_t ld, int64_t batch, int64_t m0, int64_t n0, int64_t m_count,
                  int64_t n_count) const {
    CHECK_EQ((long long)batch, 0LL);
    for (int64_t i = 0; i < m_count; ++i) {
      for (int64_t j = 0; j < n_count; ++j) {
        values[(m0 + i) * channels + n0 + j] = acc[i * ld + j];
        calls[(m0 + i) * channels + n0 + j] += 1.0f;
      }
    }
  }
};

void compare(const Conv2dShape &s, const Floats &x, const Floats &w, const Floats &values,
             const Floats &calls) {
  for (int64_t i = 0; i < values.size; ++i) {
    const int64_t oc = i % s.OC, ow = i / s.OC % s.OW, oh = i / s.OC / s.OW % s.OH,
                  n = i / s.OC / s.OW / s.OH;
    const double expected = reference(s, x, w, n, oh, ow, oc);
    if (values[i] == expected && calls[i] == 1.0f) continue;
    fprintf(
        stderr,
        "conv %lldx%lldx%lld -> %lld, %lldx%lld: pixel (%lld, %lld, %lld) channel %lld, passed %g times\n",
        (long long)s.H, (long long)s.W, (long long)s.C, (long long)s.OC, (long long)s.KH, (long long)s.KW,
        (long long)n, (long long)oh, (long long)ow, (long long)oc, double(calls[i]));
    CHECK_NEAR(values[i], expected, 0);
    CHECK_EQ(calls[i], 1.0f);
    return;
  }
  CHECK(values.size > 0);
}

void check(const Case &c, Threads *threads) {
  const Conv2dShape s = shape_of(c);
  Context context(threads, kConv2dScratchBytes);
  Floats x(s.N * s.H * s.W * s.C), w(s.OC * (s.C / s.groups) * s.KH * s.KW), packed(packed_floats(s));
  Floats values(s.N * s.OH * s.OW * s.OC), calls(values.size);
  x.fill_whole(1), w.fill_whole(2);
  pack(s, w, &packed);
  conv2d_f32_nhwc(&context.base, s, x.data, packed.data, Collector{s.OC, values.data, calls.data});
  CHECK(context.intact());
  CHECK(context.base.error == nullptr);
  compare(s, x, w, values, calls);
}

// G w G^T, point by point; exact for whole numbers
void pack_winograd(const Conv2dShape &s, const Floats &w, Floats *packed) {
  const float g[4][3] = {{1, 0, 0}, {0.5f, 0.5f, 0.5f}, {0.5f, -0.5f, 0.5f}, {0, 0, 1}};
  const int64_t panels = (s.OC + 15) / 16;
  for (int64_t i = 0; i < s.OC * s.C; ++i) {
    const int64_t oc = i / s.C, c = i % s.C;
    for (int64_t point = 0; point < 16; ++point) {
      float sum = 0;
      for (int64_t tap = 0; tap < 9; ++tap)
        sum += g[point / 4][tap / 3] * g[point % 4][tap % 3] * w[i * 9 + tap];
      (*packed)[((point * panels + oc / 16) * s.C + c) * 16 + oc % 16] = sum;
    }
  }
}

void check_winograd(const Case &c, Threads *threads) {
  const Conv2dShape s = shape_of(c);
  Context context(threads, kWinogradScratchBytes);
  Floats x(s.N * s.H * s.W * s.C), w(s.OC * s.C * 9), packed(16 * ((s.OC + 15) / 16) * s.C * 16);
  Floats values(s.N * s.OH * s.OW * s.OC), calls(values.size);
  x.fill_whole(3), w.fill_whole(4);
  pack_winograd(s, w, &packed);
  conv2d_winograd_f32_nhwc(&context.base, s, x.data, packed.data, Collector{s.OC, values.data, calls.data});
  CHECK(context.intact());
  CHECK(context.base.error == nullptr);
  compare(s, x, w, values, calls);
}

void check_refusals() {
  Context small(nullptr, 64);
  conv2d_f32_nhwc(&small.base, shape_of(kCases[0]), nullptr, nullptr, Collector{1, nullptr, nullptr});
  CHECK_CONTAINS(small.base.error, "conv2d_f32_nhwc: the model's table states too little scratch");
  Context no_room(nullptr, 64), enough(nullptr, kWinogradScratchBytes);
  conv2d_winograd_f32_nhwc(&no_room.base, shape_of(kWinogradCases[0]), nullptr, nullptr,
                           Collector{1, nullptr, nullptr});
  CHECK_CONTAINS(no_room.base.error, "conv2d_winograd_f32_nhwc: the model's table states too little scratch");
  conv2d_winograd_f32_nhwc(&enough.base, shape_of(kCases[1]), nullptr, nullptr,
                           Collector{1, nullptr, nullptr});
  CHECK_CONTAINS(enough.base.error, "expected a 3x3 kernel, stride 1");
}

}  // namespace

int main() {
  if (!aoti_testing::processor_has_isa()) return 0;
  for (int32_t count = 1; count <= 4; ++count) {
    Threads threads(count);
    for (const Case &c : kCases) check(c, &threads);
    for (const Case &c : kWinogradCases) check_winograd(c, &threads);
  }
  check_refusals();
  return aoti_test::result();
}
