// What the functions of vec_math share: bits, fused multiply-add, polynomials, powers of two.
//
// Invariants: no branch, no table, no call: a loop over these becomes vector code. Nothing here may be
// compiled with -ffast-math or -fassociative-math: round_near adds and subtracts a constant on purpose.
#ifndef KERNELS_CPP_VEC_MATH_BASE_H_
#define KERNELS_CPP_VEC_MATH_BASE_H_

#include <math.h>
#include <stdint.h>

#include "kernels/cpp/isa.h"

#if defined(__FAST_MATH__)
#error "kernels/cpp/vec_math relies on the order of additions: compile without -ffast-math"
#endif

#define AOTI_INLINE static inline __attribute__((always_inline))

AOTI_BEGIN_NAMESPACE
namespace vec {

AOTI_INLINE uint32_t bits(float x) { return __builtin_bit_cast(uint32_t, x); }
AOTI_INLINE uint64_t bits(double x) { return __builtin_bit_cast(uint64_t, x); }
AOTI_INLINE float from_bits(uint32_t x) { return __builtin_bit_cast(float, x); }
AOTI_INLINE double from_bits(uint64_t x) { return __builtin_bit_cast(double, x); }

AOTI_INLINE float fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
AOTI_INLINE double fma(double a, double b, double c) { return __builtin_fma(a, b, c); }

AOTI_INLINE float abs(float x) { return __builtin_fabsf(x); }
AOTI_INLINE float copy_sign(float magnitude, float sign) { return __builtin_copysignf(magnitude, sign); }

constexpr uint32_t kSignBit = 0x80000000u;

// c0 + x * (c1 + x * (...))
template <class T>
AOTI_INLINE T poly(T, T c0) {
  return c0;
}
template <class T, class... Rest>
AOTI_INLINE T poly(T x, T c0, Rest... rest) {
  return fma(poly(x, rest...), x, c0);
}

// 2^n for -126 <= n <= 127; 0 for n = -127
AOTI_INLINE float pow2(int32_t n) { return from_bits((static_cast<uint32_t>(n) + 127u) << 23); }

// y * 2^n for -252 <= n <= 254; overflow gives infinity, underflow a correctly rounded denormal.
AOTI_INLINE float scale(float y, int32_t n) {
  const int32_t half = n >> 1;
  return y * pow2(half) * pow2(n - half);
}

// Nearest integer to x for |x| < 2^22, as float and as integer. NaN stays NaN; its integer is meaningless.
struct Rounded {
  float value;
  int32_t integer;
};
AOTI_INLINE Rounded round_near(float x) {
  constexpr float kMagic = 12582912.0f;  // 1.5 * 2^23: the integer lands in the low bits
  const float shifted = x + kMagic;
  return Rounded{shifted - kMagic, static_cast<int32_t>(bits(shifted) - bits(kMagic))};
}

// Comparisons with NaN are false: NaN stays.
AOTI_INLINE float at_most(float x, float limit) { return x > limit ? limit : x; }
AOTI_INLINE float at_least(float x, float limit) { return x < limit ? limit : x; }

}  // namespace vec
AOTI_END_NAMESPACE

#endif  // KERNELS_CPP_VEC_MATH_BASE_H_
