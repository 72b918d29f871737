// Elementary functions for generated kernels: float32 in a form that the compiler vectorises in plain loops,
// double through the C library.
//
// What enters: a float, any float. What leaves: the function's value, within the bound in ulp that each
// header states; NaN, infinities, signed zeros and denormals as C's functions treat them.
//
//   for (int64_t i = 0; i < n; ++i) out[i] = aoti_expf(in[i]);   // 16 at a time with AVX-512
//
// float:  aoti_{exp exp_nonpositive exp2 expm1 sigmoid gelu tanh sinh cosh}f, aoti_{log log2 log10 log1p
// asinh acosh atanh}f,
//         aoti_{sin cos tan}f, aoti_{asin acos atan atan2}f, aoti_{erf erfc}f, aoti_{pow sqrt rsqrt hypot}f,
//         aoti_maximum, aoti_minimum; scalar: aoti_{lgamma fmod}f
// double: the same names without f
// The polynomials come from kernels/cpp/fit. Compile with -fno-math-errno, never with -ffast-math.
#ifndef KERNELS_CPP_VEC_MATH_H_
#define KERNELS_CPP_VEC_MATH_H_

#include "kernels/cpp/vec_math/base.h"
#include "kernels/cpp/vec_math/erf.h"
#include "kernels/cpp/vec_math/exp.h"
#include "kernels/cpp/vec_math/gelu.h"
#include "kernels/cpp/vec_math/inverse_trig.h"
#include "kernels/cpp/vec_math/libm.h"
#include "kernels/cpp/vec_math/log.h"
#include "kernels/cpp/vec_math/pow.h"
#include "kernels/cpp/vec_math/select.h"
#include "kernels/cpp/vec_math/trig.h"

#endif  // KERNELS_CPP_VEC_MATH_H_
