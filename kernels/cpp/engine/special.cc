// The special functions of kernels/cpp/special.h, from series, recurrences and continued fractions.
#include "kernels/cpp/special.h"

AOTI_BEGIN_NAMESPACE

namespace {

constexpr double kPi = 3.14159265358979323846;
constexpr double kSqrtPi = 1.77245385090551602730;
constexpr double kSqrt2 = 1.41421356237309504880;

// exp(x^2), with what rounding the square loses put back.
double exp_square(double x) {
  const double square = x * x;
  const double lost = __builtin_fma(x, x, -square);
  return exp(square) * (1.0 + lost);
}

// erfc^-1(q) for 0 < q <= 1: a rational start (Abramowitz and Stegun 26.2.23), then Halley's steps on erfc.
double inverse_erfc(double q) {
  const double t = sqrt(-2.0 * log(0.5 * q));
  const double quantile =
      t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
  double x = quantile / kSqrt2;
  for (int step = 0; step < 3; ++step) {
    const double error = erfc(x) - q;
    const double newton = -error * 0.5 * kSqrtPi * exp_square(x);
    x -= newton / (1.0 + x * newton);
  }
  return x;
}

// erf^-1(y) for |y| <= 0.5: the first terms of its series (DLMF 7.17.2), then Halley's steps on erf.
double inverse_erf_near_zero(double y) {
  const double w = 0.5 * kSqrtPi * y, s = w * w;
  double x = w * (1.0 + s * (1.0 / 3.0 + s * (7.0 / 30.0 + s * (127.0 / 630.0))));
  for (int step = 0; step < 2; ++step) {
    const double newton = (erf(x) - y) * 0.5 * kSqrtPi * exp_square(x);
    x -= newton / (1.0 + x * newton);
  }
  return x;
}

// I_n(x) for 0 <= x <= 30 and n = 0, 1 (DLMF 10.25.2): all terms are positive.
double bessel_i_series(int n, double x) {
  const double quarter = 0.25 * x * x;
  double term = n == 0 ? 1.0 : 0.5 * x, sum = term;
  for (int k = 1; k < 200; ++k) {
    term *= quarter / (double(k) * double(k + n));
    sum += term;
    if (term < sum * 1e-18) break;
  }
  return sum;
}

// exp(-x) I_n(x) for x > 30 (DLMF 10.40.1).
double bessel_i_asymptotic(int n, double x) {
  const double mu = 4.0 * n * n;
  double term = 1.0, sum = 1.0;
  for (int k = 1; k < 60; ++k) {
    const double odd = 2.0 * k - 1.0;
    term *= -(mu - odd * odd) / (8.0 * k * x);
    sum += term;
    if (__builtin_fabs(term) < 1e-18) break;
  }
  return sum / sqrt(2.0 * kPi * x);
}

double bessel_i(int n, double x) {
  const double a = __builtin_fabs(x);
  if (a != a) return x;
  double value = INFINITY;
  if (a <= 30.0) {
    value = bessel_i_series(n, a);
  } else if (a < 1000.0) {
    // exp(a) alone overflows before the product does
    const double half = exp(0.5 * a);
    value = half * bessel_i_asymptotic(n, a) * half;
  }
  return n == 1 && x < 0 ? -value : value;
}

double bessel_ie(int n, double x) {
  const double a = __builtin_fabs(x);
  if (a != a) return x;
  const double value = a <= 30.0       ? exp(-a) * bessel_i_series(n, a)
                       : a == INFINITY ? 0.0
                                       : bessel_i_asymptotic(n, a);
  return n == 1 && x < 0 ? -value : value;
}

}  // namespace

// Recurrence to x >= 10, then the asymptotic series (DLMF 5.11.2); reflection for negative x (5.5.4).
double special_digamma(double x) {
  if (x == 0.0) return __builtin_copysign(INFINITY, -x);
  if (x == -INFINITY) return NAN;
  double result = 0.0;
  if (x < 0.0) {
    // From the nearest integer, exactly: near a pole all digits are in it.
    const double fraction = x - __builtin_nearbyint(x);
    if (fraction == 0.0) return NAN;
    result = -kPi / tan(kPi * fraction);
    x = 1.0 - x;
  }
  while (x < 10.0) {
    result -= 1.0 / x;
    x += 1.0;
  }
  if (x > 1e17) return result + log(x);
  const double r = 1.0 / x, s = r * r;
  const double series =
      s * (1.0 / 12.0 -
           s * (1.0 / 120.0 -
                s * (1.0 / 252.0 -
                     s * (1.0 / 240.0 - s * (1.0 / 132.0 - s * (691.0 / 32760.0 - s * (1.0 / 12.0)))))));
  return result + log(x) - 0.5 * r - series;
}

double special_erfinv(double x) {
  const double a = __builtin_fabs(x);
  if (!(a <= 1.0)) return NAN;
  if (a == 1.0) return __builtin_copysign(INFINITY, x);
  if (a <= 0.5) return a < 1e-9 ? 0.5 * kSqrtPi * x : inverse_erf_near_zero(x);
  return __builtin_copysign(inverse_erfc(1.0 - a), x);
}

// exp(x^2) erfc(x) up to 2, above it the continued fraction DLMF 7.9.1 from its far end.
double special_erfcx(double x) {
  if (x != x) return x;
  if (x < -26.7) return INFINITY;
  if (x < 2.0) return exp_square(x) * erfc(x);
  if (x > 1e8) return (1.0 / kSqrtPi) / x;  // the product would overflow
  double tail = 0.0;
  for (int k = 120; k > 0; --k) tail = 0.5 * k / (x + tail);
  return 1.0 / (kSqrtPi * (x + tail));
}

double special_ndtri(double p) {
  if (!(p >= 0.0 && p <= 1.0)) return NAN;
  if (p == 0.0) return -INFINITY;
  if (p == 1.0) return INFINITY;
  if (p < 0.25) return -kSqrt2 * inverse_erfc(2.0 * p);
  if (p > 0.75) return kSqrt2 * inverse_erfc(2.0 * (1.0 - p));
  return kSqrt2 * special_erfinv(2.0 * p - 1.0);
}

double special_i0(double x) { return bessel_i(0, x); }
double special_i1(double x) { return bessel_i(1, x); }
double special_i0e(double x) { return bessel_ie(0, x); }
double special_i1e(double x) { return bessel_ie(1, x); }

// Euler and Maclaurin's formula (DLMF 25.11.28, 2.10.1) behind the first terms.
double special_zeta(double s, double q) {
  // B_2j / (2j)!
  static const double kBernoulli[] = {1.0 / 12,
                                      -1.0 / 720,
                                      1.0 / 30240,
                                      -1.0 / 1209600,
                                      1.0 / 47900160,
                                      -691.0 / 1307674368000.0,
                                      1.0 / 74724249600.0,
                                      -3617.0 / 10670622842880000.0,
                                      43867.0 / 5109094217170944000.0,
                                      -174611.0 / 802857662698291200000.0};
  // Poles are poles beside a NaN too, as PyTorch has it.
  if (s == 1.0) return INFINITY;
  if (s < 1.0) return NAN;
  if (q <= 0.0) {
    if (q == __builtin_floor(q)) return INFINITY;
    if (s != __builtin_floor(s)) return NAN;  // (q + k)^-s is no real number
  }
  if (s != s || q != q) return s + q;
  double sum = 0.0;
  for (int k = 0; k < 12 || q < 12.0; ++k) {
    const double term = pow(q, -s);
    sum += term;
    q += 1.0;
    if (__builtin_fabs(term) < 1e-17 * __builtin_fabs(sum)) return sum;
  }
  const double power = pow(q, -s);
  sum += power * (q / (s - 1.0) + 0.5);
  double factor = s * power / q;
  for (int j = 0; j < 10; ++j) {
    const double term = kBernoulli[j] * factor;
    sum += term;
    if (__builtin_fabs(term) < 1e-17 * __builtin_fabs(sum)) break;
    const double next = s + 2.0 * j;
    factor *= (next + 1.0) * (next + 2.0) / (q * q);
  }
  return sum;
}

AOTI_END_NAMESPACE
