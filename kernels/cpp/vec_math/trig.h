// Sine, cosine and tangent, float32, right for every float up to the largest. Bounds in ulp, measured by
// vec_math_test.cc over all floats:
//
//   aoti_sinf 1.6, aoti_cosf 1.6, aoti_tanf 4
//
// The quarter turns in x are counted in double: x * 2/pi with 2/pi in two doubles, whose product is made exact by a
// fused multiply-add. From 2^46 on x is a multiple of 2^23 (from 2^69 of 2^46, and so on), so whole turns of
// 2^23 * 2/pi can be left out of the constant beforehand: five pairs of constants cover all floats with less than 2^-50
// of a turn lost, and the quotient stays below 2^47, where rounding it loses at most 2^-7 quarter turns.
#ifndef KERNELS_CPP_VEC_MATH_TRIG_H_
#define KERNELS_CPP_VEC_MATH_TRIG_H_

#include "kernels/cpp/vec_math/base.h"

AOTI_BEGIN_NAMESPACE
namespace vec {

struct Quarters {
  float r;        // radians, |r| <= (1/2 + 2^-7) pi / 2
  uint32_t turn;  // quarter turns; the two low bits count
};

// x >= 0. Infinity and NaN give NaN.
AOTI_INLINE Quarters reduce_quarters(float x) {
  const double d = x;
  double high = 0x1.45f306dc9c883p-1, low = -0x1.6b01ec5417056p-55;  // 2/pi
  high = x >= 0x1p46f ? 0x1.b727220a94fe1p-23 : high;  // (2^23 * 2/pi mod 4) * 2^-23, and so on
  low = x >= 0x1p46f ? 0x1.d5f47d4d37703p-78 : low;
  high = x >= 0x1p69f ? 0x1.054a7f09d5f48p-46 : high;
  low = x >= 0x1p69f ? -0x1.596447e493ad5p-101 : low;
  high = x >= 0x1p92f ? -0x1.ec54170565912p-71 : high;
  low = x >= 0x1p92f ? 0x1.b6c52b3278872p-129 : low;
  high = x >= 0x1p115f ? 0x1.1f534ddc0db63p-92 : high;
  low = x >= 0x1p115f ? -0x1.a99b0ef1bef80p-146 : low;
  const double q = d * high;
  const double lost = fma(d, high, -q);
  const double shifted = q + 0x1.8p52;
  const double fraction = (q - (shifted - 0x1.8p52)) + fma(d, low, lost);
  return Quarters{static_cast<float>(fraction * 0x1.921fb54442d18p+0), static_cast<uint32_t>(bits(shifted))};
}

AOTI_INLINE float sin_poly(float r, float square) {  // kSin
  return fma(r * square, poly(square, -0.166666672f, 0.00833337754f, -0.000198520676f, 2.82035467e-06f), r);
}

AOTI_INLINE float cos_poly(float square) {  // kCos
  const float p = poly(square, 0.0416666418f, -0.00138871302f, 2.44120856e-05f);
  return fma(square * square, p, fma(-0.5f, square, 1.0f));
}

// sin of r + turn quarter turns
AOTI_INLINE float sin_of(Quarters q) {
  const float square = q.r * q.r;
  const float y = (q.turn & 1u) != 0 ? cos_poly(square) : sin_poly(q.r, square);
  return from_bits(bits(y) ^ ((q.turn & 2u) << 30));
}

}  // namespace vec

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
  const float square = q.r * q.r;
  const float sine = vec::sin_poly(q.r, square), cosine = vec::cos_poly(square);
  const bool odd = (q.turn & 1u) != 0;
  const float y = (odd ? -cosine : sine) / (odd ? sine : cosine);
  return vec::from_bits(vec::bits(y) ^ (vec::bits(x) & vec::kSignBit));
}

AOTI_END_NAMESPACE

#endif  // KERNELS_CPP_VEC_MATH_TRIG_H_
