// Vectors of 8 floats and 4 doubles, passed in ymm registers.
#include "shim/src/compat/sleef_functions.h"

#ifndef __AVX2__
#error "compile with -mavx2: without it vectors are passed in memory"
#endif

#define AOTI_SLEEF1(name, ulp, function)                                                               \
  AOTI_LANES1(Sleef_##name##f8##ulp, __m256, float, 8, _mm256_loadu_ps, _mm256_storeu_ps, function##f) \
  AOTI_LANES1(Sleef_##name##d4##ulp, __m256d, double, 4, _mm256_loadu_pd, _mm256_storeu_pd, function)
#define AOTI_SLEEF2(name, ulp, function)                                                               \
  AOTI_LANES2(Sleef_##name##f8##ulp, __m256, float, 8, _mm256_loadu_ps, _mm256_storeu_ps, function##f) \
  AOTI_LANES2(Sleef_##name##d4##ulp, __m256d, double, 4, _mm256_loadu_pd, _mm256_storeu_pd, function)

extern "C" {

AOTI_SLEEF_FUNCTIONS

}  // extern "C"
