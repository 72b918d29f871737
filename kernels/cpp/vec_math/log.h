// Logarithms and what is made of them, float32. Bounds in ulp over all floats, measured by vec_math_test.cc.
//
//   aoti_logf 1.1, aoti_log2f 1.2, aoti_log10f 1.2, aoti_log1pf 1.5, aoti_asinhf 3, aoti_acoshf 3,
//   aoti_atanhf 2.5
//
// x = 2^e m, sqrt(1/2) <= m < sqrt(2); log(m) by a polynomial in m - 1 (kernels/cpp/fit).
#ifndef KERNELS_CPP_VEC_MATH_LOG_H_
#define KERNELS_CPP_VEC_MATH_LOG_H_

#include "kernels/cpp/vec_math/base.h"

AOTI_BEGIN_NAMESPACE
namespace vec {

struct LogReduced {
  float f;  // m - 1, exact
  float e;
};

constexpr uint32_t kSqrtHalfBits = 0x3f3504f3u;

// x positive, finite, not a denormal
AOTI_INLINE LogReduced log_reduce(float x) {
  const int32_t e = static_cast<int32_t>(bits(x) - kSqrtHalfBits) >> 23;
  const float m = from_bits(bits(x) - (static_cast<uint32_t>(e) << 23));
  return LogReduced{m - 1.0f, static_cast<float>(e)};
}

// The same for denormals too.
AOTI_INLINE LogReduced log_reduce_any(float x) {
  const bool tiny = x < 1.17549435e-38f;
  LogReduced l = log_reduce(tiny ? x * 8388608.0f : x);
  l.e -= tiny ? 23.0f : 0.0f;
  return l;
}

// log(1 + f) - f
AOTI_INLINE float log_poly(float f) {  // kLog
  const float p = poly(f, 0.333333313f, -0.250008225f, 0.200012594f, -0.16623345f, 0.142010719f,
                       -0.131595463f, 0.127657175f, -0.0764116868f);
  const float square = f * f;
  return fma(square * f, p, -0.5f * square);
}

AOTI_INLINE float log_sum(LogReduced l) {
  const float low = fma(l.e, -1.90465421e-09f, log_poly(l.f));
  return fma(l.e, 0.693147182f, l.f + low);
}

// What all logarithms say of zero, negative numbers, infinity and NaN.
AOTI_INLINE float log_special(float x, float y) {
  y = x == 0.0f ? -INFINITY : y;
  y = x < 0.0f ? NAN : y;
  return x < INFINITY ? y : x;  // infinity and NaN stay
}

}  // namespace vec

AOTI_INLINE float aoti_logf(float x) { return vec::log_special(x, vec::log_sum(vec::log_reduce_any(x))); }

AOTI_INLINE float aoti_log2f(float x) {
  const vec::LogReduced l = vec::log_reduce_any(x);
  // log2(e) in two parts, so that the leading term is nearly exact
  const float low = vec::fma(l.f, 1.92596303e-08f, vec::log_poly(l.f) * 1.44269502f);
  return vec::log_special(x, l.e + vec::fma(l.f, 1.44269502f, low));
}

AOTI_INLINE float aoti_log10f(float x) {
  const vec::LogReduced l = vec::log_reduce_any(x);
  const float low = vec::fma(l.f, -1.010305e-08f, vec::log_poly(l.f) * 0.434294492f);
  const float y = vec::fma(l.f, 0.434294492f, vec::fma(l.e, -1.43209888e-08f, low));
  return vec::log_special(x, vec::fma(l.e, 0.30103001f, y));
}

AOTI_INLINE float aoti_log1pf(float x) {
  const float u = 1.0f + x;
  // what the addition lost; from 2^25 on it cannot matter
  const float lost = x > 33554432.0f ? 0.0f : (x > 1.0f ? 1.0f - (u - x) : x - (u - 1.0f));
  vec::LogReduced l = vec::log_reduce(u);
  l.f = vec::fma(lost, vec::pow2(-static_cast<int32_t>(vec::at_most(l.e, 64.0f))), l.f);
  const float y = vec::copy_sign(vec::log_sum(l), x);  // -0 stays -0
  const float special = vec::log_special(u, y);
  return u > 0.0f ? special : (u == 0.0f ? -INFINITY : (x != x ? x : NAN));
}

AOTI_INLINE float aoti_asinhf(float x) {
  // asinh(a) = log1p(a + a^2 / (1 + sqrt(1 + a^2))); for large a it is log(a) + log(2)
  const float a = vec::abs(x);
  const bool large = a > 0x1p28f;
  const float s = large ? 0.0f : a;
  const float small = s + s * s / (1.0f + __builtin_sqrtf(vec::fma(s, s, 1.0f)));
  const float y = aoti_log1pf(large ? a : small) + (large ? 0.693147182f : 0.0f);
  return vec::copy_sign(x != x ? x : y, x);
}

AOTI_INLINE float aoti_acoshf(float x) {
  // with t = x - 1: log1p(t + sqrt(2 t + t^2))
  const bool large = x > 0x1p28f;
  const float t = large ? 0.0f : x - 1.0f;
  const float small = t + __builtin_sqrtf(vec::fma(t, t, 2.0f * t));
  const float y = aoti_log1pf(large ? x : small) + (large ? 0.693147182f : 0.0f);
  return x < 1.0f ? NAN : y;
}

AOTI_INLINE float aoti_atanhf(float x) {
  const float a = vec::abs(x);
  return vec::copy_sign(0.5f * aoti_log1pf(2.0f * a / (1.0f - a)), x);
}

AOTI_END_NAMESPACE

#endif  // KERNELS_CPP_VEC_MATH_LOG_H_
