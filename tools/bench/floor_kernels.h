// The inner loops of the floor program: multiply-adds from registers for each kind of number and instruction
// set, and passes over memory. Each function exists once for each instruction set, by target attributes;
// `kinds()` lists those that the processor can run, best first.
#ifndef TOOLS_BENCH_FLOOR_KERNELS_H_
#define TOOLS_BENCH_FLOOR_KERNELS_H_

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#include <stdint.h>

namespace floor_kernels {

// Chains of dependent multiply-adds: more than latency (4-6 cycles) times throughput (2 a cycle) of the
// processors of today.
constexpr int kChains = 12;
constexpr int kFmaSteps = 20000;

template <int kBytes>
struct Vector {
  typedef float type __attribute__((vector_size(kBytes), aligned(4), may_alias));
};

// Twelve accumulators in registers; returns their sum so that nothing is removed. 2 * lanes * chains * steps
// operations.
template <int kBytes>
__attribute__((always_inline)) inline float fma_chains(float scale, float offset) {
  using V = typename Vector<kBytes>::type;
  constexpr int kLanes = kBytes / 4;
  V a = V{} + scale, b = V{} + offset;
  V x0 = b, x1 = b + 1, x2 = b + 2, x3 = b + 3, x4 = b + 4, x5 = b + 5;
  V x6 = b + 6, x7 = b + 7, x8 = b + 8, x9 = b + 9, x10 = b + 10, x11 = b + 11;
  for (int i = 0; i < kFmaSteps; ++i) {
    x0 = x0 * a + b, x1 = x1 * a + b, x2 = x2 * a + b, x3 = x3 * a + b;
    x4 = x4 * a + b, x5 = x5 * a + b, x6 = x6 * a + b, x7 = x7 * a + b;
    x8 = x8 * a + b, x9 = x9 * a + b, x10 = x10 * a + b, x11 = x11 * a + b;
  }
  V sum = ((x0 + x1) + (x2 + x3)) + ((x4 + x5) + (x6 + x7)) + ((x8 + x9) + (x10 + x11));
  float total = 0;
  for (int i = 0; i < kLanes; ++i) total += sum[i];
  return total;
}

// out[i] = in[i] for `count` floats (a multiple of 8 vectors).
template <int kBytes>
__attribute__((always_inline)) inline void copy_all(const float *in, float *out, int64_t count) {
  using V = typename Vector<kBytes>::type;
  constexpr int kLanes = kBytes / 4;
  for (int64_t i = 0; i + 8 * kLanes <= count; i += 8 * kLanes) {
#pragma GCC unroll 8
    for (int j = 0; j < 8; ++j)
      *reinterpret_cast<V *>(out + i + j * kLanes) = *reinterpret_cast<const V *>(in + i + j * kLanes);
  }
}

// Sum of `count` floats (a multiple of 8 vectors) with eight running sums, so that loads and not additions
// limit it.
template <int kBytes>
__attribute__((always_inline)) inline float read_all(const float *data, int64_t count) {
  using V = typename Vector<kBytes>::type;
  constexpr int kLanes = kBytes / 4;
  V sums[8] = {};
  for (int64_t i = 0; i + 8 * kLanes <= count; i += 8 * kLanes) {
#pragma GCC unroll 8
    for (int j = 0; j < 8; ++j) sums[j] += *reinterpret_cast<const V *>(data + i + j * kLanes);
  }
  // a tree: one long chain of scalar additions would take longer than a pass over L1
  const V sum = ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
  float lanes[kLanes];
  __builtin_memcpy(lanes, &sum, sizeof sum);
  for (int width = kLanes / 2; width > 0; width /= 2) {
    for (int i = 0; i < width; ++i) lanes[i] += lanes[i + width];
  }
  return lanes[0];
}

// Multiply-adds of one kind of number with one instruction set.
struct Kind {
  const char *numbers;  // "float32", "bfloat16" (pairs into float32), "int8" (fours into int32)
  const char *isa;
  double operations;  // of one call of `run`, a multiply-add is two
  float (*run)(float, float);
};

struct Memory {
  const char *isa;
  float (*read)(const float *, int64_t);
  void (*copy)(const float *, float *, int64_t);
};

constexpr double float_operations(int lanes) { return 2.0 * lanes * kChains * kFmaSteps; }

#if defined(__x86_64__)

__attribute__((target("avx512f,fma"))) inline float fma_avx512(float a, float b) {
  return fma_chains<64>(a, b);
}
__attribute__((target("avx512f,fma"))) inline float read_avx512(const float *p, int64_t n) {
  return read_all<64>(p, n);
}
__attribute__((target("avx512f,fma"))) inline void copy_avx512(const float *in, float *out, int64_t n) {
  copy_all<64>(in, out, n);
}
__attribute__((target("avx2,fma"))) inline float fma_avx2(float a, float b) { return fma_chains<32>(a, b); }
__attribute__((target("avx2,fma"))) inline float read_avx2(const float *p, int64_t n) {
  return read_all<32>(p, n);
}
__attribute__((target("avx2,fma"))) inline void copy_avx2(const float *in, float *out, int64_t n) {
  copy_all<32>(in, out, n);
}

// The instruction by name: its built-in function has other types in every compiler. Chains stay in registers.
#define FLOOR_CHAINS(name, features, instruction)                                     \
  __attribute__((target(features))) inline float name(float a, float b) {             \
    typedef float V __attribute__((vector_size(64)));                                 \
    V x = V{} + a, y = V{} + b, sums[kChains] = {};                                   \
    for (int i = 0; i < kFmaSteps; ++i) {                                             \
      _Pragma("GCC unroll 12") for (int j = 0; j < kChains; ++j) {                    \
        __asm__ volatile(instruction " %2, %1, %0" : "+v"(sums[j]) : "v"(x), "v"(y)); \
      }                                                                               \
    }                                                                                 \
    float total = 0;                                                                  \
    for (const V &sum : sums) total += sum[0];                                        \
    return total;                                                                     \
  }
FLOOR_CHAINS(pairs_avx512, "avx512f,avx512bf16", "vdpbf16ps")
FLOOR_CHAINS(fours_avx512, "avx512f,avx512vnni", "vpdpbusd")
#undef FLOOR_CHAINS

struct Processor {
  bool avx2, avx512, bfloat16, vnni;
};

// Asks the processor itself: __builtin_cpu_supports needs a support library that not every compiler brings.
inline Processor processor() {
  unsigned eax, ebx = 0, ecx1 = 0, ecx7 = 0, eax71 = 0, edx, unused, leaves = 0;
  __get_cpuid(1, &eax, &unused, &ecx1, &edx);
  __get_cpuid_count(7, 0, &leaves, &ebx, &ecx7, &edx);
  if (leaves >= 1) __get_cpuid_count(7, 1, &eax71, &unused, &unused, &edx);
  if ((ecx1 & bit_OSXSAVE) == 0) return {false, false, false, false};
  unsigned saved_by_os, high;
  __asm__("xgetbv" : "=a"(saved_by_os), "=d"(high) : "c"(0));
  const bool ymm = (saved_by_os & 0x06) == 0x06;
  const bool zmm = (saved_by_os & 0xe6) == 0xe6 && (ebx & bit_AVX512F) != 0;
  return {ymm && (ebx & bit_AVX2) != 0 && (ecx1 & bit_FMA) != 0, zmm, zmm && (eax71 & (1u << 5)) != 0,
          zmm && (ecx7 & (1u << 11)) != 0};
}

// The kinds that this processor runs; returns how many.
inline int kinds(Kind (&out)[4]) {
  const Processor p = processor();
  int count = 0;
  if (p.avx512) out[count++] = {"float32", "avx512", float_operations(16), fma_avx512};
  if (p.avx2) out[count++] = {"float32", "avx2", float_operations(8), fma_avx2};
  if (p.bfloat16) out[count++] = {"bfloat16", "avx512_bf16", 2 * float_operations(16), pairs_avx512};
  if (p.vnni) out[count++] = {"int8", "avx512_vnni", 4 * float_operations(16), fours_avx512};
  return count;
}
inline Memory memory() {
  return processor().avx512 ? Memory{"avx512", read_avx512, copy_avx512}
                            : Memory{"avx2", read_avx2, copy_avx2};
}

#else

inline float fma_128(float a, float b) { return fma_chains<16>(a, b); }
inline float read_128(const float *p, int64_t n) { return read_all<16>(p, n); }
inline void copy_128(const float *in, float *out, int64_t n) { copy_all<16>(in, out, n); }
inline int kinds(Kind (&out)[4]) {
  out[0] = {"float32", "simd128", float_operations(4), fma_128};
  return 1;
}
inline Memory memory() { return {"simd128", read_128, copy_128}; }

#endif

}  // namespace floor_kernels

#endif  // TOOLS_BENCH_FLOOR_KERNELS_H_
