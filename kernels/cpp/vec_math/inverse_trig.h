// Inverse trigonometric functions, float32. Bounds in ulp over all floats, measured by vec_math_test.cc:
//
//   aoti_atanf 1.5, aoti_atan2f 2, aoti_asinf 2.5, aoti_acosf 1.5
#ifndef KERNELS_CPP_VEC_MATH_INVERSE_TRIG_H_
#define KERNELS_CPP_VEC_MATH_INVERSE_TRIG_H_

#include "kernels/cpp/vec_math/base.h"

AOTI_BEGIN_NAMESPACE
namespace vec {

constexpr float kHalfPiHigh = 1.57079637f, kHalfPiLow = -4.37113883e-08f;

// atan(x) for 0 <= x <= 1
AOTI_INLINE float atan_poly(float x) {  // kAtan
  const float z = x * x;
  const float p = poly(z, -0.333332986f, 0.199985296f, -0.142640159f, 0.109508812f, -0.0839931443f,
                       0.0578817166f, -0.0310976002f, 0.0108692329f, -0.00178300741f);
  return fma(x * z, p, x);
}

// asin(x) for |x| <= 1/2, given x^2
AOTI_INLINE float asin_poly(float x, float z) {  // kAsin
  return fma(x * z, poly(z, 0.166667521f, 0.0749530941f, 0.0454691537f, 0.0241847429f, 0.0421583876f), x);
}

}  // namespace vec

AOTI_INLINE float aoti_atanf(float x) {
  const float a = vec::abs(x);
  const bool large = a > 1.0f;
  const float y = vec::atan_poly(large ? 1.0f / a : a);
  return vec::copy_sign(large ? vec::kHalfPiHigh - (y - vec::kHalfPiLow) : y, x);
}

AOTI_INLINE float aoti_atan2f(float y, float x) {
  const float a = vec::abs(y), b = vec::abs(x);
  const bool steep = a > b;
  const float over = steep ? b : a, under = steep ? a : b;
  // 0 / 0 counts as 0, infinity / infinity as 1, as C's atan2 has them; a NaN in either stays
  const float ratio = under == 0.0f ? 0.0f : (over == INFINITY ? 1.0f : over / under);
  float angle = vec::atan_poly(ratio);
  angle = steep ? vec::kHalfPiHigh - (angle - vec::kHalfPiLow) : angle;
  angle = (vec::bits(x) & vec::kSignBit) != 0 ? 2.0f * vec::kHalfPiHigh - (angle - 2.0f * vec::kHalfPiLow)
                                              : angle;
  return x != x || y != y ? x + y : vec::copy_sign(angle, y);
}

AOTI_INLINE float aoti_asinf(float x) {
  const float a = vec::abs(x);
  const bool large = a > 0.5f;
  // asin(a) = pi/2 - 2 asin(sqrt((1 - a) / 2)); NaN beyond 1 by the square root
  const float z = large ? vec::fma(-0.5f, a, 0.5f) : a * a;
  const float y = vec::asin_poly(large ? __builtin_sqrtf(z) : a, z);
  return vec::copy_sign(large ? vec::kHalfPiHigh - vec::fma(2.0f, y, -vec::kHalfPiLow) : y, x);
}

AOTI_INLINE float aoti_acosf(float x) {
  const float a = vec::abs(x);
  const bool large = a > 0.5f;
  const float z = large ? vec::fma(-0.5f, a, 0.5f) : a * a;
  const float y = vec::asin_poly(large ? __builtin_sqrtf(z) : x, z);
  const float near_one =
      x > 0.0f ? 2.0f * y : 2.0f * vec::kHalfPiHigh - vec::fma(2.0f, y, -2.0f * vec::kHalfPiLow);
  return large ? near_one : vec::kHalfPiHigh - (y - vec::kHalfPiLow);
}

AOTI_END_NAMESPACE

#endif  // KERNELS_CPP_VEC_MATH_INVERSE_TRIG_H_
