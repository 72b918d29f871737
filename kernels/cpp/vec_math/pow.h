// Powers, roots and lengths, float32. Bounds in ulp, measured by vec_math_test.cc:
//
//   aoti_powf 0.6 (C's special values, all of them), aoti_sqrtf 0.5, aoti_rsqrtf 1.5, aoti_hypotf 0.6
//
// pow works in double: 2^(y log2 |x|), with the logarithm good to 2^-40 and the power to 2^-31.
#ifndef KERNELS_CPP_VEC_MATH_POW_H_
#define KERNELS_CPP_VEC_MATH_POW_H_

#include "kernels/cpp/vec_math/base.h"
#include "kernels/cpp/vec_math/log.h"

AOTI_BEGIN_NAMESPACE
namespace vec {

// log2(x) for positive finite x
AOTI_INLINE double pow_log2(float x) {
  const LogReduced l = log_reduce_any(x);
  const double f = l.f;
  const double p =
      poly(f, 1.4426950408893544, -0.72134752042495065, 0.48089834658559388, -0.36067376590536837,
           0.28853907066698353, -0.24044872681308155, 0.20609526704025133, -0.18035042141438132,
           0.16042523127872341, -0.14412582458510098, 0.12914386417849805, -0.11962915335701371,
           0.12612802424778585, -0.12350760804046422, 0.063160116459774485);  // kPowLog2
  return fma(f, p, static_cast<double>(l.e));
}

// 2^t, -160 <= t <= 140
AOTI_INLINE float pow_exp2(double t) {
  const double shifted = t + 0x1.8p52;
  const double f = t - (shifted - 0x1.8p52);
  const double p =
      poly(f, 0.99999999996168554, 0.69314718206277814, 0.24022651202620407, 0.055504095499226587,
           0.0096180152257317346, 0.0013333119406944336, 0.00015474773492631951,
           1.5594091975314697e-05);  // kPowExp2
  return static_cast<float>(p * from_bits((bits(shifted) << 52) + bits(1.0)));
}

}  // namespace vec

AOTI_INLINE float aoti_sqrtf(float x) { return __builtin_sqrtf(x); }
AOTI_INLINE float aoti_rsqrtf(float x) { return 1.0f / __builtin_sqrtf(x); }

AOTI_INLINE float aoti_hypotf(float x, float y) {
  // squares of floats neither overflow nor underflow in double
  const double a = x, b = y;
  const float length = static_cast<float>(__builtin_sqrt(a * a + b * b));
  return vec::abs(x) == INFINITY || vec::abs(y) == INFINITY ? INFINITY : length;
}

AOTI_INLINE float aoti_powf(float x, float y) {
  const float a = vec::abs(x), exponent = vec::abs(y);
  // 2^24 and above are even; the fraction tells the rest
  const bool whole = exponent >= 16777216.0f || __builtin_truncf(y) == y;
  const bool odd = exponent < 16777216.0f && whole && __builtin_truncf(0.5f * y) * 2.0f != y;
  double t = static_cast<double>(y) * vec::pow_log2(a);
  t = t > 140.0 ? 140.0 : t;
  t = t < -160.0 ? -160.0 : t;
  float r = vec::pow_exp2(t);
  // |x| zero or infinite: the sign of y decides. |y| infinite: |x| against 1 does.
  r = a == 0.0f ? (y < 0.0f ? INFINITY : 0.0f) : r;
  r = a == INFINITY ? (y < 0.0f ? 0.0f : INFINITY) : r;
  r = exponent == INFINITY ? ((a > 1.0f) == (y > 0.0f) ? INFINITY : 0.0f) : r;
  r = exponent == INFINITY && a == 1.0f ? 1.0f : r;
  const bool negative = (vec::bits(x) & vec::kSignBit) != 0;
  r = negative && odd ? -r : r;
  r = x < 0.0f && !whole && a != INFINITY ? NAN : r;
  r = x != x || y != y ? x + y : r;
  return y == 0.0f || x == 1.0f ? 1.0f : r;
}

AOTI_END_NAMESPACE

#endif  // KERNELS_CPP_VEC_MATH_POW_H_
