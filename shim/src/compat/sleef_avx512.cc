// Vectors of 16 floats and 8 doubles, passed in zmm registers.
#include "shim/src/compat/sleef_functions.h"

#ifndef __AVX512F__
#error "compile with -mavx512f: without it vectors are passed in memory"
#endif

#define AOTI_SLEEF1(name, ulp, function)                                                                 \
  AOTI_LANES1(Sleef_##name##f16##ulp, __m512, float, 16, _mm512_loadu_ps, _mm512_storeu_ps, function##f) \
  AOTI_LANES1(Sleef_##name##d8##ulp, __m512d, double, 8, _mm512_loadu_pd, _mm512_storeu_pd, function)
#define AOTI_SLEEF2(name, ulp, function)                                                                 \
  AOTI_LANES2(Sleef_##name##f16##ulp, __m512, float, 16, _mm512_loadu_ps, _mm512_storeu_ps, function##f) \
  AOTI_LANES2(Sleef_##name##d8##ulp, __m512d, double, 8, _mm512_loadu_pd, _mm512_storeu_pd, function)

extern "C" {

AOTI_SLEEF_FUNCTIONS

}  // extern "C"
