// Maximum and minimum that keep NaN, as PyTorch's do, in a form that vectorises in loops and as reductions.
#ifndef KERNELS_CPP_VEC_MATH_SELECT_H_
#define KERNELS_CPP_VEC_MATH_SELECT_H_

#include "kernels/cpp/vec_math/base.h"

AOTI_BEGIN_NAMESPACE

#if defined(__clang__)
// one operation that reductions know; `a > b ? a : b` is not (it depends on the order when NaN comes)
AOTI_INLINE float aoti_maximum(float a, float b) { return __builtin_elementwise_maximum(a, b); }
AOTI_INLINE float aoti_minimum(float a, float b) { return __builtin_elementwise_minimum(a, b); }
AOTI_INLINE double aoti_maximum(double a, double b) { return __builtin_elementwise_maximum(a, b); }
AOTI_INLINE double aoti_minimum(double a, double b) { return __builtin_elementwise_minimum(a, b); }
#else
AOTI_INLINE float aoti_maximum(float a, float b) { return a > b || a != a ? a : b; }
AOTI_INLINE float aoti_minimum(float a, float b) { return a < b || a != a ? a : b; }
AOTI_INLINE double aoti_maximum(double a, double b) { return a > b || a != a ? a : b; }
AOTI_INLINE double aoti_minimum(double a, double b) { return a < b || a != a ? a : b; }
#endif

// What a loop keeps of the largest float so far: higher(kept, rank(x)), in the end at_rank(kept). x86 has no
// maximum that keeps NaN (the one above takes a maximum, a comparison and three selections); the order of
// floats as unsigned integers, -infinity 0 and NaN of either sign above +infinity, takes four operations that
// leave the multiply-add units alone.
#if defined(__x86_64__)
using Rank = uint32_t;
constexpr uint32_t kLowestOrdered = 0x807fffffu;  // -infinity with its lower 31 bits flipped
AOTI_INLINE Rank aoti_rank(float x) {
  const int32_t signed_bits = static_cast<int32_t>(vec::bits(x));
  return (static_cast<uint32_t>(signed_bits >> 31 & 0x7fffffff) ^ vec::bits(x)) - kLowestOrdered;
}
AOTI_INLINE float aoti_at_rank(Rank rank) {
  const int32_t ordered = static_cast<int32_t>(rank + kLowestOrdered);
  return vec::from_bits(static_cast<uint32_t>(ordered ^ (ordered >> 31 & 0x7fffffff)));
}
AOTI_INLINE Rank aoti_higher(Rank a, Rank b) { return a > b ? a : b; }
#else
using Rank = float;
AOTI_INLINE Rank aoti_rank(float x) { return x; }
AOTI_INLINE float aoti_at_rank(Rank rank) { return rank; }
AOTI_INLINE Rank aoti_higher(Rank a, Rank b) { return aoti_maximum(a, b); }
#endif

AOTI_INLINE int64_t aoti_maximum(int64_t a, int64_t b) { return a > b ? a : b; }
AOTI_INLINE int64_t aoti_minimum(int64_t a, int64_t b) { return a < b ? a : b; }
AOTI_INLINE int32_t aoti_maximum(int32_t a, int32_t b) { return a > b ? a : b; }
AOTI_INLINE int32_t aoti_minimum(int32_t a, int32_t b) { return a < b ? a : b; }

AOTI_END_NAMESPACE

#endif  // KERNELS_CPP_VEC_MATH_SELECT_H_
