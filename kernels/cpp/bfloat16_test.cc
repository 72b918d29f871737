// gemm_bf16_packed and conv2d_bf16_nhwc against plain loops in double, with and without the processor's own
// instruction for bfloat16: odd sizes, tails, several blocks of K, groups, borders, special values, 1 to 4
// threads. Whole numbers, whose sums are exact: results are equal.
#include <math.h>

#include "kernels/cpp/conv2d.h"
#include "kernels/cpp/gemm.h"
#include "kernels/cpp/scratch.h"
#include "kernels/cpp/testing/bfloat16.h"
#include "kernels/cpp/testing/isa_check.h"
#include "kernels/cpp/testing/numbers.h"
#include "kernels/cpp/testing/threads.h"
#include "tools/testing/check.h"

using namespace aoti;
using aoti_testing::Bfloats;
using aoti_testing::Context;
using aoti_testing::feature_sets;
using aoti_testing::Floats;
using aoti_testing::Threads;

namespace {

// Adds to what is there, so that an element passed twice shows.
struct Collector {
  int64_t columns;
  float *values;
  void operator()(const float *acc, int64_t ld, int64_t, int64_t m0, int64_t n0, int64_t m_count,
                  int64_t n_count) const {
    for (int64_t i = 0; i < m_count; ++i) {
      for (int64_t j = 0; j < n_count; ++j) values[(m0 + i) * columns + n0 + j] += acc[i * ld + j] + 1;
    }
  }
};

// [K, N] into "panel16_bf16" at `packed`.
void pack(const float *b, int64_t k, int64_t n, Bfloats *packed, int64_t at) {
  for (int64_t j = 0; j < n; ++j) {
    for (int64_t i = 0; i < k; ++i)
      packed->set(at + ((j / 16 * (k / 2) + i / 2) * 16 + j % 16) * 2 + i % 2, b[i * n + j]);
  }
}

void check_gemm(Threads *threads, int64_t features, int64_t m, int64_t n, int64_t k, int64_t lda) {
  Context context(threads, kGemmPackedScratchBytes);
  context.base.processor_features = features;
  Floats a((m - 1) * lda + k), b(k * n), values(m * n);
  a.fill_whole(1), b.fill_whole(2);
  Bfloats narrow(a.size), packed((n + 15) / 16 * 16 * k);
  narrow.copy(a);
  pack(b.data, k, n, &packed, 0);
  gemm_bf16_packed(&context.base, m, n, k, narrow.data, lda, packed.data, Collector{n, values.data});
  CHECK(context.intact());
  CHECK(context.base.error == nullptr);
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      double sum = 1;
      for (int64_t x = 0; x < k; ++x) sum += double(a[i * lda + x]) * double(b[x * n + j]);
      if (values[i * n + j] == sum) continue;
      fprintf(stderr, "gemm %lldx%lldx%lld, features %lld: element (%lld, %lld)\n", (long long)m,
              (long long)n, (long long)k, (long long)features, (long long)i, (long long)j);
      CHECK_NEAR(values[i * n + j], sum, 0);
      return;
    }
  }
}

struct Case {
  int64_t N, H, W, C, OC, KH, KW, stride, pad, dil, groups;
};
const Case kCases[] = {
    {1, 1, 1, 2, 1, 1, 1, 1, 0, 1, 1},      {2, 9, 10, 6, 17, 3, 3, 1, 1, 1, 1},
    {1, 7, 7, 300, 70, 3, 3, 1, 1, 1, 1},  // K of several blocks
    {1, 15, 14, 16, 64, 1, 1, 2, 0, 1, 1},  {1, 13, 17, 8, 9, 3, 3, 2, 2, 2, 1},
    {3, 6, 5, 12, 18, 3, 3, 1, 1, 1, 3},                                            // groups
    {1, 8, 8, 4, 40, 5, 5, 1, 2, 1, 2},     {2, 9, 10, 87, 87, 5, 5, 1, 2, 1, 87},  // depthwise
    {1, 15, 11, 64, 64, 3, 3, 2, 1, 1, 64},
};

Conv2dShape shape_of(const Case &c) {
  const int64_t oh = (c.H + 2 * c.pad - c.dil * (c.KH - 1) - 1) / c.stride + 1;
  const int64_t ow = (c.W + 2 * c.pad - c.dil * (c.KW - 1) - 1) / c.stride + 1;
  return Conv2dShape{c.N, c.H,      c.W,      c.C,   c.OC,  c.KH,  c.KW,  oh,
                     ow,  c.stride, c.stride, c.pad, c.pad, c.dil, c.dil, c.groups};
}

// Weights [groups][KH * KW * ICg][OCg].
double reference(const Conv2dShape &s, const Floats &x, const Floats &w, int64_t pixel, int64_t oc) {
  const int64_t ow = pixel % s.OW, oh = pixel / s.OW % s.OH, n = pixel / s.OW / s.OH;
  const int64_t icg = s.C / s.groups, ocg = s.OC / s.groups, group = oc / ocg;
  double sum = 0;
  for (int64_t tap = 0; tap < s.KH * s.KW; ++tap) {
    const int64_t h = oh * s.stride_h - s.pad_h + tap / s.KW * s.dil_h;
    const int64_t v = ow * s.stride_w - s.pad_w + tap % s.KW * s.dil_w;
    if (h < 0 || h >= s.H || v < 0 || v >= s.W) continue;
    for (int64_t c = 0; c < icg; ++c) {
      sum += double(x[((n * s.H + h) * s.W + v) * s.C + group * icg + c]) *
             double(w[((group * s.KH * s.KW + tap) * icg + c) * ocg + oc % ocg]);
    }
  }
  return sum;
}

void check_conv(Threads *threads, int64_t features, const Case &c) {
  const Conv2dShape s = shape_of(c);
  const int64_t ocg = s.OC / s.groups, k = s.KH * s.KW * s.C / s.groups, panels = (ocg + 15) / 16;
  Context context(threads, kConv2dScratchBytes);
  context.base.processor_features = features;
  Floats x(s.N * s.H * s.W * s.C), w(s.groups * k * ocg), values(s.N * s.OH * s.OW * s.OC);
  x.fill_whole(3), w.fill_whole(4);
  Bfloats narrow(x.size), packed(is_depthwise(s) ? k * s.C : s.groups * panels * 16 * k);
  narrow.copy(x);
  for (int64_t i = 0; is_depthwise(s) && i < packed.size; ++i) packed.set(i, w[i % s.C * k + i / s.C]);
  for (int64_t g = 0; !is_depthwise(s) && g < s.groups; ++g)
    pack(w.data + g * k * ocg, k, ocg, &packed, g * panels * 16 * k);
  conv2d_bf16_nhwc(&context.base, s, narrow.data, packed.data, Collector{s.OC, values.data});
  CHECK(context.intact());
  CHECK(context.base.error == nullptr);
  for (int64_t i = 0; i < values.size; ++i) {
    const double expected = reference(s, x, w, i / s.OC, i % s.OC) + 1;
    if (values[i] == expected) continue;
    fprintf(stderr, "conv %lldx%lldx%lld -> %lld, features %lld: pixel %lld channel %lld\n", (long long)s.H,
            (long long)s.W, (long long)s.C, (long long)s.OC, (long long)features, (long long)(i / s.OC),
            (long long)(i % s.OC));
    CHECK_NEAR(values[i], expected, 0);
    return;
  }
}

void check_all(Threads *threads, int64_t features) {
  const int64_t ms[] = {1, 2, 5, 6, 8, 13, 49}, ns[] = {1, 16, 17, 64, 100}, ks[] = {0, 2, 6, 66, 258};
  for (int64_t m : ms) {
    for (int64_t n : ns) {
      for (int64_t k : ks) check_gemm(threads, features, m, n, k, k + m % 3 * 2);
    }
  }
  check_gemm(threads, features, 1, 40, 66, 1);          // the stride of a single row says nothing
  check_gemm(threads, features, 9, 70, 10000, 10002);   // several blocks of K
  check_gemm(threads, features, 250, 40, 5000, 5000);   // and more rows than partial sums have room for
  check_gemm(threads, features, 200, 150, 1000, 1000);  // several chunks of rows
  for (const Case &c : kCases) check_conv(threads, features, c);
}

// Infinity and NaN stay in their row, and the padding of B does not make NaN of them.
void check_special(int64_t features) {
  Context context(nullptr, kGemmPackedScratchBytes);
  context.base.processor_features = features;
  const int64_t m = 9, n = 18, k = 4;
  Floats a(m * k), b(k * n), values(m * n);
  a.fill_whole(5);
  for (int64_t i = 0; i < b.size; ++i) b[i] = 1.0f;
  a[2 * k + 1] = INFINITY;
  a[7 * k + 3] = NAN;
  Bfloats narrow(a.size), packed(32 * k);
  narrow.copy(a);
  pack(b.data, k, n, &packed, 0);
  gemm_bf16_packed(&context.base, m, n, k, narrow.data, k, packed.data, Collector{n, values.data});
  for (int64_t i = 0; i < m * n; ++i) {
    const float v = values[i];
    CHECK(i / n == 2 ? v == INFINITY : (i / n == 7 ? v != v : v - v == 0));
  }
}

void check_refusals() {
  Context small(nullptr, 64), enough(nullptr, kGemmPackedScratchBytes), image(nullptr, kConv2dScratchBytes);
  const Collector none{1, nullptr};
  gemm_bf16_packed(&small.base, 5, 5, 4, nullptr, 4, nullptr, none);
  CHECK_CONTAINS(small.base.error, "gemm_bf16_packed: the model's table states too little scratch");
  gemm_bf16_packed(&enough.base, 5, 5, 5, nullptr, 6, nullptr, none);
  CHECK_CONTAINS(enough.base.error, "expected an even K and an even row stride");
  conv2d_bf16_nhwc(&image.base, shape_of(Case{1, 3, 3, 3, 4, 1, 1, 1, 0, 1, 1}), nullptr, nullptr, none);
  CHECK_CONTAINS(image.base.error, "expected an even number of input channels");
}

}  // namespace

int main() {
  if (!aoti_testing::processor_has_isa()) return 0;
  const aoti_testing::FeatureSets sets = feature_sets();
  for (int i = 0; i < sets.count; ++i) {
    for (int32_t count = 1; count <= 4; ++count) {
      Threads threads(count);
      check_all(&threads, sets.values[i]);
    }
    check_special(sets.values[i]);
  }
  check_refusals();
  return aoti_test::result();
}
