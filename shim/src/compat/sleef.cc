// The vector functions that stock AOTInductor's kernels import from libtorch_cpu.so: Sleef_<function><type><lanes>_u<ulp>.
//
// libtorch carries SLEEF's; these give the same names to libraries that run without it. Each lane goes through the C
// library's scalar function, whose error is below 1 ulp where SLEEF promises 0.5 to 3.5: right, not fast.
// x86-64 only: lanes 8 and 4 are AVX2, 16 and 8 AVX-512 (f: float, d: double).
#include <immintrin.h>
#include <math.h>

#include "aoti/status.h"

#define AOTI_AVX2 __attribute__((target("avx2,fma")))
#define AOTI_AVX512 __attribute__((target("avx512f")))

// One function of one argument at one width.
#define AOTI_LANES1(isa, name, vector, scalar, lanes, load, store, function) \
  isa AOTI_SHIM_API vector name(vector x) {                                  \
    scalar values[lanes];                                                    \
    store(values, x);                                                        \
    for (scalar &value : values) value = function(value);                    \
    return load(values);                                                     \
  }

#define AOTI_LANES2(isa, name, vector, scalar, lanes, load, store, function)            \
  isa AOTI_SHIM_API vector name(vector x, vector y) {                                   \
    scalar left[lanes], right[lanes];                                                   \
    store(left, x);                                                                     \
    store(right, y);                                                                    \
    for (int i = 0; i < (lanes); ++i) left[i] = function(left[i], right[i]);            \
    return load(left);                                                                  \
  }

// All four widths of a function at one accuracy, e.g. (1, sin, _u10, sin).
#define AOTI_WIDTHS(arity, sleef, ulp, function)                                                                      \
  AOTI_LANES##arity(AOTI_AVX2, Sleef_##sleef##f8##ulp, __m256, float, 8, _mm256_loadu_ps, _mm256_storeu_ps,           \
                    function##f)                                                                                      \
  AOTI_LANES##arity(AOTI_AVX2, Sleef_##sleef##d4##ulp, __m256d, double, 4, _mm256_loadu_pd, _mm256_storeu_pd,         \
                    function)                                                                                         \
  AOTI_LANES##arity(AOTI_AVX512, Sleef_##sleef##f16##ulp, __m512, float, 16, _mm512_loadu_ps, _mm512_storeu_ps,       \
                    function##f)                                                                                      \
  AOTI_LANES##arity(AOTI_AVX512, Sleef_##sleef##d8##ulp, __m512d, double, 8, _mm512_loadu_pd, _mm512_storeu_pd,       \
                    function)

// A function that SLEEF has at 1.0 and 3.5 ulp.
#define AOTI_BOTH(name) AOTI_WIDTHS(1, name, _u10, name) AOTI_WIDTHS(1, name, _u35, name)

namespace {

double aoti_exp10(double x) { return pow(10.0, x); }
float aoti_exp10f(float x) { return static_cast<float>(pow(10.0, static_cast<double>(x))); }

}  // namespace

extern "C" {

AOTI_BOTH(sin)
AOTI_BOTH(cos)
AOTI_BOTH(tan)
AOTI_BOTH(asin)
AOTI_BOTH(acos)
AOTI_BOTH(atan)
AOTI_BOTH(sinh)
AOTI_BOTH(cosh)
AOTI_BOTH(tanh)
AOTI_BOTH(log)
AOTI_BOTH(log2)
AOTI_BOTH(exp2)
AOTI_BOTH(cbrt)
AOTI_WIDTHS(1, exp, _u10, exp)
AOTI_WIDTHS(1, exp10, _u10, aoti_exp10)
AOTI_WIDTHS(1, expm1, _u10, expm1)
AOTI_WIDTHS(1, log10, _u10, log10)
AOTI_WIDTHS(1, log1p, _u10, log1p)
AOTI_WIDTHS(1, asinh, _u10, asinh)
AOTI_WIDTHS(1, acosh, _u10, acosh)
AOTI_WIDTHS(1, atanh, _u10, atanh)
AOTI_WIDTHS(1, erf, _u10, erf)
AOTI_WIDTHS(1, erfc, _u15, erfc)
AOTI_WIDTHS(1, lgamma, _u10, lgamma)
AOTI_WIDTHS(1, tgamma, _u10, tgamma)
AOTI_WIDTHS(2, pow, _u10, pow)
AOTI_WIDTHS(2, atan2, _u10, atan2)
AOTI_WIDTHS(2, atan2, _u35, atan2)
AOTI_WIDTHS(2, hypot, _u05, hypot)
AOTI_WIDTHS(2, hypot, _u35, hypot)
AOTI_WIDTHS(2, fmod, , fmod)
AOTI_WIDTHS(2, nextafter, , nextafter)
AOTI_WIDTHS(2, copysign, , copysign)

}  // extern "C"
