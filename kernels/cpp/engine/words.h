// Pairs of bfloat16 as 32-bit words, and their halves as floats: a bfloat16 is the upper half of a float32.
#ifndef KERNELS_CPP_ENGINE_WORDS_H_
#define KERNELS_CPP_ENGINE_WORDS_H_

#include <stdint.h>

#include "kernels/cpp/simd.h"

AOTI_BEGIN_NAMESPACE

typedef uint32_t word_unaligned __attribute__((aligned(1), may_alias));
typedef uint32_t vw __attribute__((vector_size(kLanes * 4)));
typedef vw vw_unaligned __attribute__((aligned(4), may_alias));

// Part 0 is the low half, the first of the pair.
static inline __attribute__((always_inline)) vf half_of(vw words, int part) {
  return (vf)(part == 0 ? words << 16 : words & 0xffff0000u);
}
static inline float bfloat16_half(uint32_t word, int part) {
  return __builtin_bit_cast(float, part == 0 ? word << 16 : word & 0xffff0000u);
}

AOTI_END_NAMESPACE

#endif  // KERNELS_CPP_ENGINE_WORDS_H_
