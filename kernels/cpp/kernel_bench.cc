// How near the kernels come to what one core can do: GFLOP/s and the share of the fused multiply-add peak
// that is measured in the same run, for the shapes of MiniLM, BERT and ResNet-18; GB/s for the shapes that
// wait for memory.
//
//   kernel_bench [--threads=1] [--only=conv] [--seconds=0.4]
//
// Weights are cold: each call reads another copy, 128 MiB in all. The best call counts, and the best of the
// peaks that are measured between the calls, so that other work on the machine disturbs both alike.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernels/cpp/attention.h"
#include "kernels/cpp/conv2d.h"
#include "kernels/cpp/gemm.h"
#include "kernels/cpp/scratch.h"
#include "kernels/cpp/testing/isa_check.h"
#include "kernels/cpp/testing/threads.h"
#include "kernels/cpp/vec_math.h"

// Keeps a vector in a register and hides its value from the optimiser.
#if defined(__x86_64__)
#define AOTI_VECTOR_CONSTRAINT "+v"
#else
#define AOTI_VECTOR_CONSTRAINT "+w"
#endif

using namespace aoti;
using aoti_testing::Context;
using aoti_testing::Threads;

namespace {

constexpr int64_t kWeights = 32 << 20, kActivations = 16 << 20;  // floats

double now_s() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return double(t.tv_sec) + 1e-9 * double(t.tv_nsec);
}

// One thread's multiply-adds in registers, GFLOP/s.
double measure_peak() {
  constexpr int kChains = 12, kRounds = 100000;
  vf sums[kChains] = {};
  const vf x = vf_zero() + 0.5f, y = vf_zero() + 0.25f;
  const double start = now_s();
  for (int k = 0; k < kRounds; ++k) {
    AOTI_UNROLL
    for (int i = 0; i < kChains; ++i) {
      sums[i] = sums[i] * x + y;
      asm volatile("" : AOTI_VECTOR_CONSTRAINT(sums[i]));
    }
  }
  return 2.0 * kRounds * kChains * kLanes / (now_s() - start) * 1e-9;
}

struct Bench {
  int threads = 1;
  double seconds = 0.4;
  const char *only = "";
  float *weights, *activations, *out;
  AotiKernelContext *context;

  // Runs `call(copy)` for a while, copy = 0, 1, ... of weights that have `weight_floats` each.
  template <class Call>
  void run(const char *name, double flops, int64_t weight_floats, Call call) const {
    if (strstr(name, only) == nullptr) return;
    const int64_t copies = weight_floats > 0 ? kWeights / weight_floats : 1;
    double best = INFINITY, peak = 0;
    const double start = now_s();
    for (int64_t i = 0; i < 8 || now_s() - start < seconds; ++i) {
      if (i % 8 == 0) peak = fmax(peak, measure_peak());
      const double before = now_s();
      call(i % copies);
      best = fmin(best, now_s() - before);
    }
    const double rate = flops / best * 1e-9;
    printf("%-34s %9.1f us %7.1f GFLOP/s %5.1f%% of %5.1f", name, best * 1e6, rate,
           100 * rate / (peak * threads), peak * threads);
    if (weight_floats > 0) printf("  weights %5.1f GB/s", 4e-9 * double(weight_floats) / best);
    printf("\n");
    fflush(stdout);
  }
};

// bias and relu, as a fused linear or convolution has; restrict as in generated code
void bias_relu(const float *__restrict acc, int64_t ld, const float *__restrict bias, float *__restrict out,
               int64_t n, int64_t m_count, int64_t n_count) {
  for (int64_t i = 0; i < m_count; ++i) {
    AOTI_VECTORIZE
    for (int64_t j = 0; j < n_count; ++j) out[i * n + j] = aoti_maximum(acc[i * ld + j] + bias[j], 0.0f);
  }
}

struct BiasRelu {
  const float *bias;
  float *out;
  int64_t n;
  void operator()(const float *acc, int64_t ld, int64_t batch, int64_t m0, int64_t n0, int64_t m_count,
                  int64_t n_count) const {
    bias_relu(acc, ld, bias + n0, out + (batch + m0) * n + n0, n, m_count, n_count);
  }
};

void bench_gemm(const Bench &b) {
  const int64_t shapes[][3] = {{128, 384, 384},  {128, 1536, 384}, {128, 384, 1536},   {128, 768, 768},
                               {128, 3072, 768}, {128, 768, 3072}, {1024, 1024, 1024}, {1, 4096, 4096},
                               {2, 4096, 4096},  {4, 4096, 4096},  {8, 4096, 4096},    {16, 4096, 4096},
                               {1, 1000, 512},   {16, 384, 384},   {49, 512, 4608}};
  for (const auto &s : shapes) {
    char name[64];
    snprintf(name, sizeof name, "gemm packed %lldx%lldx%lld", (long long)s[0], (long long)s[1],
             (long long)s[2]);
    const int64_t floats = (s[1] + 15) / 16 * 16 * s[2];
    b.run(name, 2.0 * double(s[0] * s[1] * s[2]), floats, [&](int64_t copy) {
      gemm_f32_packed(b.context, s[0], s[1], s[2], b.activations, s[2], b.weights + copy * floats,
                      BiasRelu{b.activations, b.out, s[1]});
    });
  }
}

void bench_strided_gemm(const Bench &b) {
  const int64_t shapes[][4] = {
      {1, 64, 64, 64}, {1, 512, 512, 512}, {12, 128, 128, 32}, {1, 8, 1024, 1024}, {1, 1, 1024, 1024}};
  for (const auto &s : shapes) {
    for (int transposed = 0; transposed < 2; ++transposed) {
      char name[64];
      snprintf(name, sizeof name, "gemm %lldx%lldx%lldx%lld %s", (long long)s[0], (long long)s[1],
               (long long)s[2], (long long)s[3], transposed ? "b transposed" : "b rows");
      b.run(name, 2.0 * double(s[0] * s[1] * s[2] * s[3]), 0, [&](int64_t) {
        gemm_f32(b.context, s[0], s[1], s[2], s[3], b.activations, s[1] * s[3], s[3], 1, b.weights,
                 s[2] * s[3], transposed ? 1 : s[2], transposed ? s[3] : 1,
                 BiasRelu{b.activations, b.out, s[2]});
      });
    }
  }
}

void bench_conv(const Bench &b) {
  // in size, in channels, out channels, kernel, stride
  const int64_t shapes[][5] = {{224, 3, 64, 7, 2},   {56, 64, 64, 3, 1},   {56, 64, 128, 3, 2},
                               {28, 128, 128, 3, 1}, {56, 64, 128, 1, 2},  {28, 128, 256, 3, 2},
                               {14, 256, 256, 3, 1}, {28, 128, 256, 1, 2}, {14, 256, 512, 3, 2},
                               {7, 512, 512, 3, 1},  {14, 256, 512, 1, 2}, {56, 64, 256, 1, 1},
                               {56, 256, 64, 1, 1}};
  for (const auto &s : shapes) {
    char name[64];
    snprintf(name, sizeof name, "conv %lldx%lld s%lld %lld->%lld %lld", (long long)s[3], (long long)s[3],
             (long long)s[4], (long long)s[1], (long long)s[2], (long long)s[0]);
    const int64_t pad = s[3] / 2, size = (s[0] + 2 * pad - s[3]) / s[4] + 1,
                  floats = s[1] * s[2] * s[3] * s[3];
    const Conv2dShape shape{1, s[0], s[0], s[1], s[2], s[3], s[3], size, size, s[4], s[4], pad, pad, 1, 1, 1};
    b.run(name, 2.0 * double(size * size * floats), floats, [&](int64_t copy) {
      conv2d_f32_nhwc(b.context, shape, b.activations, b.weights + copy * floats,
                      BiasRelu{b.activations, b.out, s[2]});
    });
  }
}

// Depthwise layers of MobileNetV3, EfficientNet-B0 and ConvNeXt; they wait for memory, see the bytes.
void bench_depthwise(const Bench &b) {
  const int64_t shapes[][4] = {{112, 32, 3, 1}, {112, 96, 3, 2}, {56, 144, 3, 1}, {28, 240, 5, 1},
                               {14, 672, 5, 1}, {7, 960, 5, 1},  {56, 96, 7, 1},  {14, 384, 7, 1}};
  for (const auto &s : shapes) {
    char name[64];
    snprintf(name, sizeof name, "depthwise %lldx%lld s%lld %lld channels %lld", (long long)s[2],
             (long long)s[2], (long long)s[3], (long long)s[1], (long long)s[0]);
    const int64_t pad = s[2] / 2, size = (s[0] + 2 * pad - s[2]) / s[3] + 1, floats = s[1] * s[2] * s[2];
    const Conv2dShape shape{1,    s[0], s[0], s[1], s[1], s[2], s[2], size,
                            size, s[3], s[3], pad,  pad,  1,    1,    s[1]};
    b.run(name, 2.0 * double(size * size * floats), floats, [&](int64_t copy) {
      conv2d_f32_nhwc(b.context, shape, b.activations, b.weights + copy * floats,
                      BiasRelu{b.activations, b.out, s[1]});
    });
  }
}

// Weights and activations are half as large as those of float32; shares are of the float32 peak, of which the
// processor's own instruction for bfloat16 has twice as much.
void bench_bfloat16(const Bench &b) {
  const int64_t gemms[][3] = {{128, 768, 768}, {128, 3072, 768}, {128, 768, 3072}, {1024, 1024, 1024},
                              {1, 4096, 4096}, {4, 4096, 4096},  {16, 4096, 4096}};
  const uint16_t *x = reinterpret_cast<const uint16_t *>(b.activations);
  for (const auto &s : gemms) {
    char name[64];
    snprintf(name, sizeof name, "bfloat16 gemm packed %lldx%lldx%lld", (long long)s[0], (long long)s[1],
             (long long)s[2]);
    const int64_t words = s[1] * s[2] / 2;
    b.run(name, 2.0 * double(s[0] * s[1] * s[2]), words, [&](int64_t copy) {
      gemm_bf16_packed(b.context, s[0], s[1], s[2], x, s[2],
                       reinterpret_cast<const uint16_t *>(b.weights + copy * words),
                       BiasRelu{b.activations, b.out, s[1]});
    });
  }
  const int64_t convs[][4] = {{56, 64, 64, 3}, {28, 128, 128, 3}, {14, 256, 256, 3}, {56, 64, 256, 1}};
  for (const auto &s : convs) {
    char name[64];
    snprintf(name, sizeof name, "bfloat16 conv %lldx%lld s1 %lld->%lld %lld", (long long)s[3],
             (long long)s[3], (long long)s[1], (long long)s[2], (long long)s[0]);
    const int64_t pad = s[3] / 2, words = s[1] * s[2] * s[3] * s[3] / 2;
    const Conv2dShape shape{1, s[0], s[0], s[1], s[2], s[3], s[3], s[0], s[0], 1, 1, pad, pad, 1, 1, 1};
    b.run(name, 4.0 * double(s[0] * s[0] * words), words, [&](int64_t copy) {
      conv2d_bf16_nhwc(b.context, shape, x, reinterpret_cast<const uint16_t *>(b.weights + copy * words),
                       BiasRelu{b.activations, b.out, s[2]});
    });
  }
}

// Rates count the products of a plain convolution, so that they compare; shares above 100% are what Winograd
// saves.
void bench_winograd(const Bench &b) {
  const int64_t shapes[][2] = {{56, 64}, {28, 128}, {14, 256}, {7, 512}};  // size, channels
  for (const auto &s : shapes) {
    char name[64];
    snprintf(name, sizeof name, "winograd 3x3 s1 %lld->%lld %lld", (long long)s[1], (long long)s[1],
             (long long)s[0]);
    const int64_t floats = 16 * s[1] * s[1];
    const Conv2dShape shape{1, s[0], s[0], s[1], s[1], 3, 3, s[0], s[0], 1, 1, 1, 1, 1, 1, 1};
    b.run(name, 18.0 * double(s[0] * s[0] * s[1] * s[1]), floats, [&](int64_t copy) {
      conv2d_winograd_f32_nhwc(b.context, shape, b.activations, b.weights + copy * floats,
                               BiasRelu{b.activations, b.out, s[1]});
    });
  }
}

struct AttentionShape {
  int64_t heads, key_heads, queries, keys, size;
  bool causal;
};

// One token reads keys and values once: the cache of [key heads, keys, size] is another one in each call, and
// its bytes count as weights.
template <class Number>
void bench_attention(const Bench &b, const char *type) {
  const AttentionShape shapes[] = {{12, 12, 128, 128, 32, false}, {12, 12, 128, 128, 64, false},
                                   {12, 12, 197, 197, 64, false}, {12, 12, 1024, 1024, 64, true},
                                   {12, 12, 1, 1024, 64, false},  {32, 8, 1, 4096, 128, false}};
  for (const AttentionShape &s : shapes) {
    char name[80];
    snprintf(name, sizeof name, "%sattention %lld/%lld heads %lldx%lldx%lld%s", type, (long long)s.heads,
             (long long)s.key_heads, (long long)s.queries, (long long)s.keys, (long long)s.size,
             s.causal ? " causal" : "");
    const int64_t cache = s.key_heads * s.keys * s.size, floats = 2 * cache * int64_t(sizeof(Number)) / 4;
    const int64_t q[3] = {0, s.size, s.heads * s.size}, k[3] = {0, s.keys * s.size, s.size};
    const int64_t mask[4] = {0, 0, 0, 1};
    const double flops = 4.0 * double(s.heads * s.queries * s.keys * s.size) * (s.causal ? 0.5 : 1.0);
    b.run(name, flops, s.queries == 1 ? floats : 0, [&](int64_t copy) {
      const Number *keys = reinterpret_cast<const Number *>(b.weights + copy * floats);
      attention<Number>(b.context, 1, s.heads, s.queries, s.keys, s.size, s.size,
                        reinterpret_cast<const Number *>(b.activations), q, keys, k, keys + cache, k,
                        s.causal ? nullptr : b.activations, mask, 0.125f, s.causal, s.key_heads,
                        reinterpret_cast<Number *>(b.out), q);
    });
  }
}

bool parse(int argc, char **argv, Bench *b) {
  for (int i = 1; i < argc; ++i) {
    if (strncmp(argv[i], "--threads=", 10) == 0) {
      b->threads = atoi(argv[i] + 10);
    } else if (strncmp(argv[i], "--seconds=", 10) == 0) {
      b->seconds = atof(argv[i] + 10);
    } else if (strncmp(argv[i], "--only=", 7) == 0) {
      b->only = argv[i] + 7;
    } else {
      fprintf(stderr, "kernel_bench: expected --threads=N, --seconds=S or --only=TEXT, got %s\n", argv[i]);
      return false;
    }
  }
  if (b->threads >= 1 && b->threads <= aoti_testing::kMaxThreads) return true;
  fprintf(stderr, "kernel_bench: expected 1 to %d threads, got %d\n", aoti_testing::kMaxThreads, b->threads);
  return false;
}

float *filled(int64_t count) {
  float *data = static_cast<float *>(aligned_alloc(4096, count * 4));
  for (int64_t i = 0; i < count; ++i) {
    // as a float32 and as two bfloat16
    const uint32_t word = 0x3d003d00u + uint32_t(i % 251) * 0x00010001u;
    memcpy(&data[i], &word, 4);
  }
  return data;
}

}  // namespace

int main(int argc, char **argv) {
  Bench bench;
  if (!parse(argc, argv, &bench)) return 2;
  if (!aoti_testing::processor_has_isa()) return 0;
  Threads threads(bench.threads);
  Context context(&threads, kWinogradScratchBytes);
  context.base.processor_features = aoti_cpu::usable_features();
  bench.context = &context.base;
  bench.weights = filled(kWeights);
  bench.activations = filled(kActivations);
  bench.out = filled(kActivations);
  printf("%d lanes, %d threads\n", kLanes, bench.threads);
  bench_gemm(bench);
  bench_strided_gemm(bench);
  bench_conv(bench);
  bench_depthwise(bench);
  bench_winograd(bench);
  bench_bfloat16(bench);
  bench_attention<float>(bench, "");
  bench_attention<uint16_t>(bench, "bfloat16 ");
  return 0;
}
