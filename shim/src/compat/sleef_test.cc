// The vector functions as a stock kernel calls them: compiled apart, with vectors in registers; every lane
// against the C library. Built twice: with -mavx2, and with -mavx512f and SLEEF_TEST_512.
#include <immintrin.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tools/testing/check.h"

#ifdef SLEEF_TEST_512
#define WIDTH_F f16
#define WIDTH_D d8
typedef __m512 VectorF;
typedef __m512d VectorD;
constexpr char kFeature[] = " avx512f ";
#else
#define WIDTH_F f8
#define WIDTH_D d4
typedef __m256 VectorF;
typedef __m256d VectorD;
constexpr char kFeature[] = " avx2 ";
#endif

#define JOIN_(a, b, c) a##b##c
#define JOIN(a, b, c) JOIN_(a, b, c)
#define FLOAT_NAME(name, ulp) JOIN(Sleef_##name, WIDTH_F, ulp)
#define DOUBLE_NAME(name, ulp) JOIN(Sleef_##name, WIDTH_D, ulp)

#define DECLARE1(name, ulp)                            \
  extern "C" VectorF FLOAT_NAME(name, ulp)(VectorF x); \
  extern "C" VectorD DOUBLE_NAME(name, ulp)(VectorD x);
#define DECLARE2(name, ulp)                                       \
  extern "C" VectorF FLOAT_NAME(name, ulp)(VectorF x, VectorF y); \
  extern "C" VectorD DOUBLE_NAME(name, ulp)(VectorD x, VectorD y);

DECLARE1(sin, _u35)
DECLARE1(cos, _u10)
DECLARE1(tanh, _u10)
DECLARE1(exp, _u10)
DECLARE1(erf, _u10)
DECLARE1(log, _u35)
DECLARE2(pow, _u10)
DECLARE2(atan2, _u35)
DECLARE2(fmod, )

namespace {

template <class Vector, class Scalar>
void check1(Vector (*function)(Vector), Scalar (*expected)(Scalar)) {
  constexpr int kLanes = sizeof(Vector) / sizeof(Scalar);
  Scalar values[kLanes], results[kLanes];
  for (int i = 0; i < kLanes; ++i) values[i] = static_cast<Scalar>(0.05 + 0.13 * i);
  Vector vector;
  memcpy(&vector, values, sizeof vector);
  vector = function(vector);
  memcpy(results, &vector, sizeof vector);
  for (int i = 0; i < kLanes; ++i) {
    CHECK_NEAR(static_cast<double>(results[i]), static_cast<double>(expected(values[i])), 0);
  }
}

template <class Vector, class Scalar>
void check2(Vector (*function)(Vector, Vector), Scalar (*expected)(Scalar, Scalar)) {
  constexpr int kLanes = sizeof(Vector) / sizeof(Scalar);
  Scalar left[kLanes], right[kLanes], results[kLanes];
  for (int i = 0; i < kLanes; ++i) {
    left[i] = static_cast<Scalar>(0.05 + 0.13 * i);
    right[i] = static_cast<Scalar>(1.5 - 0.1 * i);
  }
  Vector x, y;
  memcpy(&x, left, sizeof x);
  memcpy(&y, right, sizeof y);
  x = function(x, y);
  memcpy(results, &x, sizeof x);
  for (int i = 0; i < kLanes; ++i) {
    CHECK_NEAR(static_cast<double>(results[i]), static_cast<double>(expected(left[i], right[i])), 0);
  }
}

bool processor_has_feature() {
  static char line[65536];
  FILE *file = fopen("/proc/cpuinfo", "r");
  while (file != nullptr && fgets(line, sizeof line, file) != nullptr && strncmp(line, "flags", 5) != 0) {
  }
  if (file != nullptr) fclose(file);
  return strstr(line, kFeature) != nullptr;
}

void test_functions() {
  check1<VectorF, float>(FLOAT_NAME(sin, _u35), sinf);
  check1<VectorD, double>(DOUBLE_NAME(sin, _u35), sin);
  check1<VectorF, float>(FLOAT_NAME(cos, _u10), cosf);
  check1<VectorD, double>(DOUBLE_NAME(cos, _u10), cos);
  check1<VectorF, float>(FLOAT_NAME(tanh, _u10), tanhf);
  check1<VectorF, float>(FLOAT_NAME(exp, _u10), expf);
  check1<VectorD, double>(DOUBLE_NAME(exp, _u10), exp);
  check1<VectorF, float>(FLOAT_NAME(erf, _u10), erff);
  check1<VectorF, float>(FLOAT_NAME(log, _u35), logf);
  check2<VectorF, float>(FLOAT_NAME(pow, _u10), powf);
  check2<VectorD, double>(DOUBLE_NAME(pow, _u10), pow);
  check2<VectorF, float>(FLOAT_NAME(atan2, _u35), atan2f);
  check2<VectorF, float>(FLOAT_NAME(fmod, ), fmodf);
}

}  // namespace

int main() {
  if (!processor_has_feature()) {
    printf("not run: this processor has no%s\n", kFeature);
    return 0;
  }
  test_functions();
  return aoti_test::result();
}
