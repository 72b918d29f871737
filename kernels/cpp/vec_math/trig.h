// Sine, cosine and tangent, float32, right for every float up to the largest. Bounds in ulp, measured by
// vec_math_test.cc over all floats:
//
//   aoti_sinf 1.8, aoti_cosf 1.8, aoti_tanf 4
//
// The quarter turns in x are counted in double: x * 2/pi with 2/pi in two doubles; fused multiply-adds keep
// what the products would lose. From 2^49 on x is a multiple of 2^26 (from 2^75 of 2^52, from 2^101 of 2^78),
// so whole turns of 2^26 * 2/pi can be left out of the constant beforehand: four pairs of constants cover all
// floats with less than 2^-50 of a turn lost, and the count stays below 2^51.
//
// The near forms (aoti_sinf_near, ...) hold for |x| <= kNearLimit and take half the time. They count quarter
// turns in float: x - n * (pi/2 as a float) is exact, two more parts of pi/2 follow (Cody and Waite). A loop
// runs with them first, and with the others where `far` says so; the vectoriser keeps no branch inside a
// loop. Bounds: 1.8, 1.8, 4.
#ifndef KERNELS_CPP_VEC_MATH_TRIG_H_
#define KERNELS_CPP_VEC_MATH_TRIG_H_

#include "kernels/cpp/vec_math/base.h"

AOTI_BEGIN_NAMESPACE
namespace vec {

struct Quarters {
  float rest;  // in quarter turns, |rest| <= 1/2; up to 0.62 from 2^45 on, where the low part of 2/pi counts
  uint32_t turn;  // quarter turns; the two low bits count
};

// x >= 0. Infinity and NaN give NaN.
AOTI_INLINE Quarters reduce_quarters(float x) {
  const double d = x;
  double high = 0x1.45f306dc9c883p-1, low = -0x1.6b01ec5417056p-55;  // 2/pi
  high = x >= 0x1p49f ? 0x1.b9391054a7f0ap-26 : high;                // (2^26 * 2/pi mod 4) * 2^-26, and so on
  low = x >= 0x1p49f ? -0x1.505c1596447e5p-81 : low;
  high = x >= 0x1p75f ? 0x1.529fc2757d1f5p-52 : high;
  low = x >= 0x1p75f ? 0x1.a6ee06db14acdp-107 : low;
  high = x >= 0x1p101f ? 0x1.d5f47d4d37703p-78 : high;
  low = x >= 0x1p101f ? 0x1.b6295993c4390p-132 : low;
  constexpr double kMagic = 0x1.8p52;  // the integer lands in the low bits
  const double shifted = fma(d, high, kMagic);
  const double rest = fma(d, low, fma(d, high, kMagic - shifted));
  return Quarters{static_cast<float>(rest), static_cast<uint32_t>(bits(shifted))};
}

// sin(rest quarter turns)
AOTI_INLINE float sin_poly(float rest, float square) {  // kSin; pi/2 in two parts
  const float p =
      poly(square, -4.37741967e-08f, -0.645964086f, 0.079692401f, -0.00468027731f, 0.000156544789f);
  return fma(rest, 1.57079637f, rest * p);
}

AOTI_INLINE float cos_poly(float square) {  // kCos
  return poly(square, 1.0f, -1.23370051f, 0.253668547f, -0.0208558664f, 0.000895713805f);
}

// sin of all of q
AOTI_INLINE float sin_of(Quarters q) {
  const float square = q.rest * q.rest;
  const float y = (q.turn & 1u) != 0 ? cos_poly(square) : sin_poly(q.rest, square);
  return from_bits(bits(y) ^ ((q.turn & 2u) << 30));
}

constexpr float kNearLimit = 0x1p15f;

// x >= 0; the rest in radians, |rest| <= 0.79.
AOTI_INLINE Quarters reduce_near(float x) {
  const Rounded n = round_near(x * 0.636619772f);
  float rest = fma(-n.value, 1.57079637f, x);
  rest = fma(-n.value, -4.37113883e-08f, rest);
  return Quarters{fma(-n.value, -1.71512451e-15f, rest), static_cast<uint32_t>(n.integer)};
}

// Also for NaN.
AOTI_INLINE uint32_t is_far(float x) { return !(abs(x) <= kNearLimit); }

AOTI_INLINE float near_sin_poly(float rest, float square) {  // kNearSin
  return fma(rest * square, poly(square, -0.166666538f, 0.00833210628f, -0.000195078828f), rest);
}
AOTI_INLINE float near_cos_poly(float square) {  // kNearCos
  return poly(square, 1.0f, -0.5f, 0.0416666456f, -0.00138873036f, 2.44312014e-05f);
}

AOTI_INLINE float near_sin_of(Quarters q) {
  const float square = q.rest * q.rest;
  const float y = (q.turn & 1u) != 0 ? near_cos_poly(square) : near_sin_poly(q.rest, square);
  return from_bits(bits(y) ^ ((q.turn & 2u) << 30));
}

}  // namespace vec

// The near forms set *far to 1 where they do not hold; the result is then no use.
AOTI_INLINE float aoti_sinf_near(float x, uint32_t *far) {
  *far |= vec::is_far(x);
  const float y = vec::near_sin_of(vec::reduce_near(vec::abs(x)));
  return vec::from_bits(vec::bits(y) ^ (vec::bits(x) & vec::kSignBit));
}

AOTI_INLINE float aoti_cosf_near(float x, uint32_t *far) {
  *far |= vec::is_far(x);
  vec::Quarters q = vec::reduce_near(x);
  q.turn += 1;
  return vec::near_sin_of(q);
}

AOTI_INLINE float aoti_tanf_near(float x, uint32_t *far) {
  *far |= vec::is_far(x);
  const vec::Quarters q = vec::reduce_near(vec::abs(x));
  const float square = q.rest * q.rest;
  const float sine = vec::near_sin_poly(q.rest, square), cosine = vec::near_cos_poly(square);
  const bool odd = (q.turn & 1u) != 0;
  const float y = (odd ? -cosine : sine) / (odd ? sine : cosine);
  return vec::from_bits(vec::bits(y) ^ (vec::bits(x) & vec::kSignBit));
}

AOTI_INLINE float aoti_sinf(float x) {
  const float y = vec::sin_of(vec::reduce_quarters(vec::abs(x)));
  return vec::from_bits(vec::bits(y) ^ (vec::bits(x) & vec::kSignBit));
}

AOTI_INLINE float aoti_cosf(float x) {
  vec::Quarters q = vec::reduce_quarters(vec::abs(x));
  q.turn += 1;
  return vec::sin_of(q);
}

AOTI_INLINE float aoti_tanf(float x) {
  const vec::Quarters q = vec::reduce_quarters(vec::abs(x));
  const float square = q.rest * q.rest;
  const float sine = vec::sin_poly(q.rest, square), cosine = vec::cos_poly(square);
  const bool odd = (q.turn & 1u) != 0;
  const float y = (odd ? -cosine : sine) / (odd ? sine : cosine);
  return vec::from_bits(vec::bits(y) ^ (vec::bits(x) & vec::kSignBit));
}

AOTI_END_NAMESPACE

#endif  // KERNELS_CPP_VEC_MATH_TRIG_H_
