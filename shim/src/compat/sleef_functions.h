// The vector functions that stock AOTInductor's kernels import from libtorch_cpu.so, for one pair of vector
// types: Sleef_<function><type><lanes>_u<ulp>.
//
// libtorch carries SLEEF's; these give the same names to libraries that run without it. Each lane goes
// through the C library's scalar function, whose error is below 1 ulp where SLEEF promises 0.5 to 3.5: right,
// not fast.
//
// The including file defines AOTI_SLEEF1(name, ulp, function) and AOTI_SLEEF2 (two arguments) to make the
// functions at its width. One file for each width, compiled with that width's instructions: how a vector is
// passed depends on the flags of the file, not on a function's attribute.
#ifndef SHIM_SRC_COMPAT_SLEEF_FUNCTIONS_H_
#define SHIM_SRC_COMPAT_SLEEF_FUNCTIONS_H_

#include <immintrin.h>
#include <math.h>

#include "aoti/status.h"

#define AOTI_LANES1(name, vector, scalar, lanes, load, store, function) \
  AOTI_SHIM_API vector name(vector x) {                                 \
    scalar values[lanes];                                               \
    store(values, x);                                                   \
    for (scalar &value : values) value = function(value);               \
    return load(values);                                                \
  }

#define AOTI_LANES2(name, vector, scalar, lanes, load, store, function)      \
  AOTI_SHIM_API vector name(vector x, vector y) {                            \
    scalar left[lanes], right[lanes];                                        \
    store(left, x);                                                          \
    store(right, y);                                                         \
    for (int i = 0; i < (lanes); ++i) left[i] = function(left[i], right[i]); \
    return load(left);                                                       \
  }

// A function that SLEEF has at 1.0 and at 3.5 ulp.
#define AOTI_SLEEF_BOTH(name) AOTI_SLEEF1(name, _u10, name) AOTI_SLEEF1(name, _u35, name)

#define AOTI_SLEEF_FUNCTIONS           \
  AOTI_SLEEF_BOTH(sin)                 \
  AOTI_SLEEF_BOTH(cos)                 \
  AOTI_SLEEF_BOTH(tan)                 \
  AOTI_SLEEF_BOTH(asin)                \
  AOTI_SLEEF_BOTH(acos)                \
  AOTI_SLEEF_BOTH(atan)                \
  AOTI_SLEEF_BOTH(sinh)                \
  AOTI_SLEEF_BOTH(cosh)                \
  AOTI_SLEEF_BOTH(tanh)                \
  AOTI_SLEEF_BOTH(log)                 \
  AOTI_SLEEF_BOTH(log2)                \
  AOTI_SLEEF_BOTH(exp2)                \
  AOTI_SLEEF_BOTH(cbrt)                \
  AOTI_SLEEF1(exp, _u10, exp)          \
  AOTI_SLEEF1(exp10, _u10, aoti_exp10) \
  AOTI_SLEEF1(expm1, _u10, expm1)      \
  AOTI_SLEEF1(log10, _u10, log10)      \
  AOTI_SLEEF1(log1p, _u10, log1p)      \
  AOTI_SLEEF1(asinh, _u10, asinh)      \
  AOTI_SLEEF1(acosh, _u10, acosh)      \
  AOTI_SLEEF1(atanh, _u10, atanh)      \
  AOTI_SLEEF1(erf, _u10, erf)          \
  AOTI_SLEEF1(erfc, _u15, erfc)        \
  AOTI_SLEEF1(lgamma, _u10, lgamma)    \
  AOTI_SLEEF1(tgamma, _u10, tgamma)    \
  AOTI_SLEEF2(pow, _u10, pow)          \
  AOTI_SLEEF2(atan2, _u10, atan2)      \
  AOTI_SLEEF2(atan2, _u35, atan2)      \
  AOTI_SLEEF2(hypot, _u05, hypot)      \
  AOTI_SLEEF2(hypot, _u35, hypot)      \
  AOTI_SLEEF2(fmod, , fmod)            \
  AOTI_SLEEF2(nextafter, , nextafter)  \
  AOTI_SLEEF2(copysign, , copysign)

static inline double aoti_exp10(double x) { return pow(10.0, x); }
static inline float aoti_exp10f(float x) { return (float)pow(10.0, (double)x); }

#endif  // SHIM_SRC_COMPAT_SLEEF_FUNCTIONS_H_
