// x * Phi(x), Phi the distribution function of the normal distribution, float32.
//
//   aoti_geluf: at most 1.9 ulp of the result for x >= 0 and 1 ulp of x for x < 0, measured by
//   vec_math_test.cc; x / 2 * (1 + erf(x / sqrt(2))), whose sum cancels below 0, has 1.7 and 0.8 with
//   aoti_erff. From -9.9 down it is 0.
//
// With a = |x| and h(a) = Phi(-a): x Phi(x) = max(x, 0) - a h(a). h = 2^p(a) needs no second polynomial near
// zero, no selection between the two and no sign put back, which is 22 operations where the formula with erf
// takes 41.
#ifndef KERNELS_CPP_VEC_MATH_GELU_H_
#define KERNELS_CPP_VEC_MATH_GELU_H_

#include "kernels/cpp/vec_math/base.h"
#include "kernels/cpp/vec_math/exp.h"

AOTI_BEGIN_NAMESPACE

AOTI_INLINE float aoti_geluf(float x) {
  // kGelu; it falls beyond its interval too, at the limit to -127, where pow2 gives 0. From 5.6 on h is below
  // half an ulp of 1.
  const float a = vec::at_most(vec::abs(x), 9.885f);
  const float logarithm = vec::poly(a, -1.0f, -1.15110481f, -0.459212571f, -0.0524804704f, 0.00703769969f,
                                    -0.00011524609f, -0.000195880464f, 4.15518298e-05f, -3.02615877e-06f);
  const vec::Rounded n = vec::round_near(logarithm);
  const float h = vec::exp2_poly(logarithm - n.value) * vec::pow2(n.integer);
  return vec::fma(-a, h, vec::at_least(x, 0.0f));
}

AOTI_END_NAMESPACE

#endif  // KERNELS_CPP_VEC_MATH_GELU_H_
