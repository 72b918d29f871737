// One plain loop for each function of vec_math, and the loops that generated kernels are made of.
// vectorize_test.py compiles this file and asks the compiler whether every loop between the markers became
// vector code.
#include "kernels/cpp/vec_math.h"

#include "kernels/cpp/epilogue.h"

using namespace aoti;

#define CASE1(name)                                                               \
  void case_##name(const float *__restrict a, float *__restrict out, int64_t n) { \
    for (int64_t i = 0; i < n; ++i) out[i] = aoti_##name##f(a[i]);                \
  }
#define CASE2(name)                                                                                          \
  void case_##name(const float *__restrict a, const float *__restrict b, float *__restrict out, int64_t n) { \
    for (int64_t i = 0; i < n; ++i) out[i] = aoti_##name##f(a[i], b[i]);                                     \
  }

// begin: every line with a loop must be vectorised
CASE1(exp)
CASE1(exp2)
CASE1(exp_nonpositive)
CASE1(expm1)
CASE1(sigmoid)
CASE1(gelu)
CASE1(tanh)
CASE1(sinh)
CASE1(cosh)
CASE1(log)
CASE1(log2)
CASE1(log10)
CASE1(log1p)
CASE1(asinh)
CASE1(acosh)
CASE1(atanh)
CASE1(sin)
CASE1(cos)
CASE1(tan)
CASE1(asin)
CASE1(acos)
CASE1(atan)
CASE1(erf)
CASE1(erfc)
CASE1(sqrt)
CASE1(rsqrt)
CASE2(pow)
CASE2(atan2)
CASE2(hypot)

// with the forms for near arguments, as generated loops run them first
uint32_t near_sines(const float *__restrict a, float *__restrict out, int64_t n) {
  uint32_t far = 0;
  for (int64_t i = 0; i < n; ++i) out[i] = aoti_sinf_near(a[i], &far) + aoti_cosf_near(a[i] * 2.0f, &far);
  return far;
}

uint32_t near_tan(const float *__restrict a, float *__restrict out, int64_t n) {
  uint32_t far = 0;
  for (int64_t i = 0; i < n; ++i) out[i] = aoti_tanf_near(a[i], &far);
  return far;
}

void clamp(const float *__restrict a, float *__restrict out, int64_t n) {
  for (int64_t i = 0; i < n; ++i) out[i] = aoti_minimum(aoti_maximum(a[i], 0.0f), 6.0f);
}

float row_maximum(const float *a, int64_t n) {
  Rank m = aoti_rank(-INFINITY);
  for (int64_t i = 0; i < n; ++i) m = aoti_higher(m, aoti_rank(a[i]));
  return aoti_at_rank(m);
}

float softmax_row(const float *__restrict a, float *__restrict out, float m, int64_t n) {
#if defined(__clang__)
#pragma clang fp reassociate(on)
#endif
  float sum = 0.0f;
  for (int64_t i = 0; i < n; ++i) {
    out[i] = aoti_expf(a[i] - m);
    sum += out[i];
  }
  return sum;
}

// a fused epilogue: bias, gelu, residual
void gelu_tile(const float *__restrict acc, const float *__restrict bias, float *__restrict out,
               int64_t rows) {
  for (int64_t i = 0; i < rows; ++i) {
    AOTI_VECTORIZE
    for (int64_t j = 0; j < 16; ++j) {
      const float x = acc[i * 48 + j] + bias[j];
      out[i * 48 + j] += 0.5f * x * (1.0f + aoti_erff(x * 0.70710678f));
    }
  }
}
// end
