// Vectors of floats as the compiler's vector extensions give them: the widest that the instruction set has.
//
// What enters: the compiler's ISA macros. What leaves: kLanes (16 with AVX-512, 8 with AVX2, else 4), the
// type vf of kLanes floats, loads and stores without alignment, and loop pragmas that clang and gcc both
// understand.
//
// Invariants: no intrinsics; arithmetic is that of single floats, element by element; `scalar * vector`
// broadcasts.
//
//   vf sum = vf_zero();
//   for (int64_t i = 0; i + kLanes <= n; i += kLanes) sum += x[0] * vf_load(y + i);   // one FMA
#ifndef KERNELS_CPP_SIMD_H_
#define KERNELS_CPP_SIMD_H_

#include <stdint.h>

#include "kernels/cpp/isa.h"

#define AOTI_PRAGMA(text) _Pragma(#text)
#if defined(__clang__)
// Loops over the rows and vectors of a register tile: they must disappear.
#define AOTI_UNROLL AOTI_PRAGMA(clang loop unroll(full))
#define AOTI_NO_UNROLL AOTI_PRAGMA(clang loop unroll(disable))
// A short loop over the columns of a tile (16 at a time): one vector operation each. Unrolling would come
// first and leave sixteen scalar copies.
#define AOTI_VECTORIZE AOTI_PRAGMA(clang loop vectorize(enable) interleave_count(1) unroll(disable))
#else
#define AOTI_UNROLL AOTI_PRAGMA(GCC unroll 64)
#define AOTI_NO_UNROLL AOTI_PRAGMA(GCC unroll 1)
#define AOTI_VECTORIZE AOTI_PRAGMA(GCC ivdep)
#endif

AOTI_BEGIN_NAMESPACE

#if defined(__AVX512F__)
constexpr int kLanes = 16;
constexpr int kVectorRegisters = 32;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
constexpr int kVectorRegisters = 16;
#else
constexpr int kLanes = 4;
constexpr int kVectorRegisters = 32;
#endif

typedef float vf __attribute__((vector_size(kLanes * 4)));
typedef vf vf_unaligned __attribute__((aligned(4), may_alias));
typedef float vf4 __attribute__((vector_size(16)));
typedef vf4 vf4_unaligned __attribute__((aligned(4), may_alias));

static inline vf vf_zero() { return vf{}; }
static inline vf vf_load(const float *p) { return *(const vf_unaligned *)p; }
static inline void vf_store(float *p, vf v) { *(vf_unaligned *)p = v; }

// Sum of all lanes, pairwise.
static inline float vf_sum(vf v) {
  float lane[kLanes];
  __builtin_memcpy(lane, &v, sizeof v);
  for (int width = kLanes / 2; width > 0; width /= 2) {
    for (int i = 0; i < width; ++i) lane[i] += lane[i + width];
  }
  return lane[0];
}

// Largest lane; lanes that are NaN do not count.
static inline float vf_largest(vf v) {
  float lane[kLanes];
  __builtin_memcpy(lane, &v, sizeof v);
  for (int width = kLanes / 2; width > 0; width /= 2) {
    for (int i = 0; i < width; ++i) lane[i] = lane[i + width] > lane[i] ? lane[i + width] : lane[i];
  }
  return lane[0];
}

AOTI_END_NAMESPACE

#endif  // KERNELS_CPP_SIMD_H_
