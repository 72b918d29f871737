// Exponentials and what is made of them, float32. Bounds in ulp over all floats, measured by
// vec_math_test.cc.
//
//   aoti_expf 1.1, aoti_exp_nonpositivef 1.1 (x >= -87.3), aoti_exp2f 1.1, aoti_expm1f 1.6,
//   aoti_sigmoidf 2.5, aoti_tanhf 2.6, aoti_sinhf 2.5, aoti_coshf 1.6
//
// x = n ln 2 + r, |r| <= ln 2 / 2; ln 2 in two parts (Cody and Waite); polynomials from kernels/cpp/fit.
#ifndef KERNELS_CPP_VEC_MATH_EXP_H_
#define KERNELS_CPP_VEC_MATH_EXP_H_

#include "kernels/cpp/vec_math/base.h"

AOTI_BEGIN_NAMESPACE
namespace vec {

struct ExpReduced {
  float r;
  int32_t n;
};

// |x| <= 150
AOTI_INLINE ExpReduced exp_reduce(float x) {
  const Rounded n = round_near(x * 1.44269502f);
  const float r = fma(-n.value, 0.693147182f, x);
  return ExpReduced{fma(-n.value, -1.90465421e-09f, r), n.integer};
}

AOTI_INLINE float exp_poly(float r) {  // kExp
  const float p = poly(r, 0.49999994f, 0.166665167f, 0.0416681021f, 0.00836919248f, 0.00138389028f);
  return fma(r, fma(r, p, 1.0f), 1.0f);
}

// 2^f for |f| <= 1/2
AOTI_INLINE float exp2_poly(float f) {  // kExp2
  const float p =
      poly(f, 0.693147242f, 0.240226552f, 0.0555027276f, 0.00961706508f, 0.0013417704f, 0.00015825023f);
  return fma(f, p, 1.0f);
}

AOTI_INLINE float expm1_poly(float r) {  // kExpm1
  const float p = poly(r, 0.5f, 0.166666657f, 0.0416664667f, 0.0083336439f, 0.00139350351f, 0.000196623761f);
  return fma(r * r, p, r);
}

// (exp(x) - 1) / 4 for -20 <= x <= 89.7: finite although exp(x) may not be
AOTI_INLINE float quarter_expm1(float x) {
  const ExpReduced e = exp_reduce(x);
  const float quarter = pow2(e.n - 2);
  return fma(quarter, expm1_poly(e.r), quarter - 0.25f);
}

}  // namespace vec

AOTI_INLINE float aoti_expf(float x) {
  const vec::ExpReduced e = vec::exp_reduce(vec::at_least(vec::at_most(x, 89.0f), -104.0f));
  return vec::scale(vec::exp_poly(e.r), e.n);
}

// exp(x) for x <= 0, where results below exp(-87.6) are 0, as a softmax needs it: one power of two scales,
// and at the limit, where n is -127, pow2 gives 0.
AOTI_INLINE float aoti_exp_nonpositivef(float x) {
  const vec::ExpReduced e = vec::exp_reduce(vec::at_least(x, -88.0f));
  return vec::exp_poly(e.r) * vec::pow2(e.n);
}

AOTI_INLINE float aoti_exp2f(float x) {
  const float bounded = vec::at_least(vec::at_most(x, 129.0f), -151.0f);
  const vec::Rounded n = vec::round_near(bounded);
  return vec::scale(vec::exp2_poly(bounded - n.value), n.integer);
}

AOTI_INLINE float aoti_expm1f(float x) {
  // beyond the limits the result is -1 and infinity
  const float y = 4.0f * vec::quarter_expm1(vec::at_least(vec::at_most(x, 89.0f), -20.0f));
  return vec::abs(x) < 0x1p-25f ? x : y;  // keeps -0 and the last bit of denormals
}

AOTI_INLINE float aoti_sigmoidf(float x) {
  // exp(-|x|) cannot overflow; for large negative x it is the result, down to the denormals
  const float e = aoti_expf(-vec::abs(x));
  return (x < 0.0f ? e : 1.0f) / (1.0f + e);
}

AOTI_INLINE float aoti_tanhf(float x) {
  // tanh(a) = -q / (q + 1/2) with q = (exp(-2 a) - 1) / 4
  const float q = vec::quarter_expm1(vec::at_least(-2.0f * vec::abs(x), -20.0f));
  return vec::copy_sign(q / (q + 0.5f), x);
}

AOTI_INLINE float aoti_sinhf(float x) {
  // with h = (exp(a) - 1) / 2: h + h / (2 h + 1); the second term is 1/2 long before h overflows
  const float h = 2.0f * vec::quarter_expm1(vec::at_most(vec::abs(x), 89.7f));
  const float bounded = vec::at_most(h, 1e30f);
  return vec::copy_sign(h + bounded / vec::fma(2.0f, bounded, 1.0f), x);
}

AOTI_INLINE float aoti_coshf(float x) {
  const vec::ExpReduced e = vec::exp_reduce(vec::at_most(vec::abs(x), 89.7f));
  const float half = 2.0f * (vec::exp_poly(e.r) * vec::pow2(e.n - 2));
  return half + 0.25f / half;
}

AOTI_END_NAMESPACE

#endif  // KERNELS_CPP_VEC_MATH_EXP_H_
