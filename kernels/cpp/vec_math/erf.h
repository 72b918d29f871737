// Error function and its complement, float32. Bounds in ulp over all floats, measured by vec_math_test.cc:
//
//   aoti_erff 1.2, aoti_erfcf 5
#ifndef KERNELS_CPP_VEC_MATH_ERF_H_
#define KERNELS_CPP_VEC_MATH_ERF_H_

#include "kernels/cpp/vec_math/base.h"
#include "kernels/cpp/vec_math/exp.h"

AOTI_BEGIN_NAMESPACE

namespace vec {

// erf(x) for |x| <= 0.921875
AOTI_INLINE float erf_near_zero(float x) {  // kErfSmall
  const float p =
      poly(x * x, 0.128379151f, -0.376124978f, 0.112818435f, -0.0267673489f, 0.00499403803f, -0.00059945049f);
  return fma(x, p, x);
}

}  // namespace vec

AOTI_INLINE float aoti_erff(float x) {
  const float a = vec::abs(x);
  // from 3.95 on the result rounds to 1
  const float bounded = vec::at_most(a, 3.95f);
  const float logarithm =
      vec::poly(bounded, 0.000175184919f, -1.12951732f, -0.633342147f, -0.108285226f, 0.0251226611f,
                -0.00417224923f, 0.000434697344f, -2.11144052e-05f);  // kErfLarge
  const vec::ExpReduced e = vec::exp_reduce(logarithm);
  const float far = 1.0f - vec::exp_poly(e.r) * vec::pow2(e.n);
  return a < 0.921875f ? vec::erf_near_zero(x) : vec::copy_sign(far, x);
}

AOTI_INLINE float aoti_erfcf(float x) {
  const float a = vec::at_most(vec::abs(x), 10.1f);
  const float t = (a - 4.0f) / (a + 4.0f);
  const float p =
      vec::poly(t, 1.23299515f, -0.139621258f, 0.0153752975f, 0.0681002885f, -0.10094703f, 0.0937799737f,
                -0.0669597983f, 0.0362807661f, -0.0151674608f, 0.00800507609f, 0.00124869542f);  // kErfc
  // exp(-a^2) with what rounding the square loses put back
  const float square = a * a;
  const float lost = vec::fma(a, a, -square);
  const float e = aoti_expf(-square);
  const float tail = vec::fma(-lost, e, e) * (p / vec::fma(2.0f, a, 1.0f));
  const float far = x < 0.0f ? 2.0f - tail : tail;
  return a < 0.5f ? 1.0f - vec::erf_near_zero(x) : far;
}

AOTI_END_NAMESPACE

#endif  // KERNELS_CPP_VEC_MATH_ERF_H_
