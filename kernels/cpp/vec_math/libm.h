// The functions that go through the C library: everything in double, and in float what has no vector form
// here. Loops over these stay scalar.
#ifndef KERNELS_CPP_VEC_MATH_LIBM_H_
#define KERNELS_CPP_VEC_MATH_LIBM_H_

#include "kernels/cpp/vec_math/base.h"

AOTI_BEGIN_NAMESPACE

#define AOTI_LIBM1(name) \
  AOTI_INLINE double aoti_##name(double x) { return __builtin_##name(x); }
#define AOTI_LIBM2(name) \
  AOTI_INLINE double aoti_##name(double x, double y) { return __builtin_##name(x, y); }

AOTI_LIBM1(exp)
AOTI_LIBM1(exp2)
AOTI_LIBM1(expm1)
AOTI_LIBM1(log)
AOTI_LIBM1(log2)
AOTI_LIBM1(log10)
AOTI_LIBM1(log1p)
AOTI_LIBM1(sin)
AOTI_LIBM1(cos)
AOTI_LIBM1(tan)
AOTI_LIBM1(asin)
AOTI_LIBM1(acos)
AOTI_LIBM1(atan)
AOTI_LIBM1(sinh)
AOTI_LIBM1(cosh)
AOTI_LIBM1(tanh)
AOTI_LIBM1(asinh)
AOTI_LIBM1(acosh)
AOTI_LIBM1(atanh)
AOTI_LIBM1(erf)
AOTI_LIBM1(erfc)
AOTI_LIBM1(sqrt)
AOTI_LIBM2(pow)
AOTI_LIBM2(atan2)
AOTI_LIBM2(hypot)
AOTI_LIBM2(fmod)

#undef AOTI_LIBM1
#undef AOTI_LIBM2

AOTI_INLINE double aoti_rsqrt(double x) { return 1.0 / __builtin_sqrt(x); }
AOTI_INLINE double aoti_sigmoid(double x) {
  const double e = __builtin_exp(-__builtin_fabs(x));
  return (x < 0.0 ? e : 1.0) / (1.0 + e);
}
AOTI_INLINE double aoti_gelu(double x) { return 0.5 * x * (1.0 + __builtin_erf(x * 0.70710678118654752440)); }
AOTI_INLINE double aoti_exp_nonpositive(double x) { return __builtin_exp(x); }
AOTI_INLINE float aoti_fmodf(float x, float y) { return __builtin_fmodf(x, y); }

// lgamma(x) writes a global sign; the _r form does not and is safe in threads.
AOTI_INLINE double aoti_lgamma(double x) {
  int sign;
  return lgamma_r(x, &sign);
}
AOTI_INLINE float aoti_lgammaf(float x) {
  int sign;
  return lgammaf_r(x, &sign);
}

AOTI_END_NAMESPACE

#endif  // KERNELS_CPP_VEC_MATH_LIBM_H_
