// Special functions: those of PyTorch's operators that the C library lacks, in double.
//
// What enters: any double. What leaves: the value, with a relative error of a few units of 2^-52
// (special_test.cc holds the bounds; of digamma near its zero the error is relative to 1); NaN outside of the
// domain; at poles and infinities what PyTorch gives. Generated kernels compute float operands in
// double too: one call an element.
//
// Sources of the formulas: NIST Digital Library of Mathematical Functions (dlmf.nist.gov), section numbers at
// each function in engine/special.cc, engine/bessel_k.cc, engine/incomplete_gamma.cc and
// engine/polynomials.cc.
//
//   for (int64_t i = 0; i < n; ++i) out[i] = aoti_digammaf(in[i]);
#ifndef KERNELS_CPP_SPECIAL_H_
#define KERNELS_CPP_SPECIAL_H_

#include <math.h>
#include <stdint.h>

#include "kernels/cpp/isa.h"

AOTI_BEGIN_NAMESPACE

double special_digamma(double x);
double special_erfinv(double x);
double special_erfcx(double x);  // exp(x^2) erfc(x)
double special_ndtri(double p);  // the normal distribution's quantile
double special_i0(double x);     // modified Bessel functions of the first kind
double special_i1(double x);
double special_i0e(double x);  // exp(-|x|) i0(x)
double special_i1e(double x);
double special_zeta(double s, double q);  // Hurwitz
// The regularised lower incomplete gamma function, and 1 minus it (engine/incomplete_gamma.cc).
double special_igamma(double a, double x);
double special_igammac(double a, double x);
// Modified Bessel functions of the second kind; scaled ones are times exp(x) (engine/bessel_k.cc).
double special_modified_bessel_k0(double x);
double special_modified_bessel_k1(double x);
double special_scaled_modified_bessel_k0(double x);
double special_scaled_modified_bessel_k1(double x);
// Orthogonal polynomials of degree n, which is cut to an integer; 0 for a negative one
// (engine/polynomials.cc).
double special_chebyshev_t(double x, double n);
double special_chebyshev_u(double x, double n);
double special_chebyshev_v(double x, double n);
double special_chebyshev_w(double x, double n);
double special_hermite_h(double x, double n, int64_t highest);  // NaN above the highest degree
double special_hermite_he(double x, double n, int64_t highest);
double special_laguerre_l(double x, double n);
double special_legendre_p(double x, double n);

#define AOTI_SPECIAL1(name)                                                \
  static inline double aoti_##name(double x) { return special_##name(x); } \
  static inline float aoti_##name##f(float x) { return (float)special_##name(x); }
#define AOTI_SPECIAL2(name)                                                             \
  static inline double aoti_##name(double x, double y) { return special_##name(x, y); } \
  static inline float aoti_##name##f(float x, float y) { return (float)special_##name(x, y); }
// The highest degrees of float and double are PyTorch's.
#define AOTI_HERMITE(name)                                                                   \
  static inline double aoti_##name(double x, double n) { return special_##name(x, n, 512); } \
  static inline float aoti_##name##f(float x, float n) { return (float)special_##name(x, n, 128); }
#define AOTI_BESSEL(name, function)                                  \
  static inline double aoti_##name(double x) { return function(x); } \
  static inline float aoti_##name##f(float x) { return (float)function(x); }

AOTI_SPECIAL1(digamma)
AOTI_SPECIAL1(erfinv)
AOTI_SPECIAL1(erfcx)
AOTI_SPECIAL1(ndtri)
AOTI_SPECIAL1(i0)
AOTI_SPECIAL1(i1)
AOTI_SPECIAL1(i0e)
AOTI_SPECIAL1(i1e)
AOTI_SPECIAL2(zeta)
AOTI_SPECIAL2(igamma)
AOTI_SPECIAL2(igammac)
AOTI_SPECIAL1(modified_bessel_k0)
AOTI_SPECIAL1(modified_bessel_k1)
AOTI_SPECIAL1(scaled_modified_bessel_k0)
AOTI_SPECIAL1(scaled_modified_bessel_k1)
AOTI_SPECIAL2(chebyshev_t)
AOTI_SPECIAL2(chebyshev_u)
AOTI_SPECIAL2(chebyshev_v)
AOTI_SPECIAL2(chebyshev_w)
AOTI_HERMITE(hermite_h)
AOTI_HERMITE(hermite_he)
AOTI_SPECIAL2(laguerre_l)
AOTI_SPECIAL2(legendre_p)
AOTI_BESSEL(bessel_j0, j0)
AOTI_BESSEL(bessel_j1, j1)
AOTI_BESSEL(bessel_y0, y0)
AOTI_BESSEL(bessel_y1, y1)

#undef AOTI_SPECIAL1
#undef AOTI_SPECIAL2
#undef AOTI_BESSEL
#undef AOTI_HERMITE

static inline float aoti_nextafterf(float x, float y) { return __builtin_nextafterf(x, y); }
static inline double aoti_nextafter(double x, double y) { return __builtin_nextafter(x, y); }

// x == mantissa * 2^exponent with |mantissa| in [0.5, 1); zeros, infinities and NaN are their own mantissa.
static inline float aoti_frexp_mantissaf(float x) {
  int exponent;
  return __builtin_frexpf(x, &exponent);
}
static inline double aoti_frexp_mantissa(double x) {
  int exponent;
  return __builtin_frexp(x, &exponent);
}
static inline float aoti_frexp_exponentf(float x) {
  int exponent = 0;
  __builtin_frexpf(x, &exponent);
  return __builtin_isfinite(x) ? (float)exponent : 0.0f;
}
static inline double aoti_frexp_exponent(double x) {
  int exponent = 0;
  __builtin_frexp(x, &exponent);
  return __builtin_isfinite(x) ? (double)exponent : 0.0;
}

AOTI_END_NAMESPACE

#endif  // KERNELS_CPP_SPECIAL_H_
