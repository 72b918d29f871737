// The regularised incomplete gamma functions P and Q of kernels/cpp/special.h.
//
// P by its series below x = a + 1 (DLMF 8.7.1), Q by its continued fraction above max(a, 1.1) (8.9.2), and Q
// of small a and x by the alternating series (8.7.3), because 1 - P has lost the digits there; the other one
// of the two is 1 minus that, where it is no small difference. Sums and fractions are evaluated from their
// far ends, so that the rounding of early steps is damped instead of kept. Their common factor is computed
// without the exponent a log(x) - x - lgamma(a + 1), whose terms cancel.
//
// The number of terms is about 9 sqrt(a) near x = a; kMostTerms is reached at a = 1e12.
#include "kernels/cpp/special.h"

#include <float.h>

AOTI_BEGIN_NAMESPACE

namespace {

constexpr double kPi = 3.14159265358979323846;
constexpr int kMostTerms = 10'000'000;

// 1 / gamma(1 + f) = 1 + f * (c[0] + c[1] f + ...) for |f| <= 1.25 (DLMF 5.7.1; digits of mpmath).
constexpr double kReciprocalGamma[] = {
    0.57721566490153286,     -0.65587807152025388,    -0.042002635034095236,  0.16653861138229149,
    -0.042197734555544337,   -0.0096219715278769736,  0.0072189432466630995,  -0.0011651675918590651,
    -2.1524167411495097e-4,  1.2805028238811619e-4,   -2.0134854780788239e-5, -1.2504934821426707e-6,
    1.1330272319816959e-6,   -2.0563384169776071e-7,  6.1160951044814158e-9,  5.0020076444692229e-9,
    -1.1812745704870201e-9,  1.0434267116911005e-10,  7.7822634399050713e-12, -3.6968056186422057e-12,
    5.100370287454476e-13,   -2.0583260535665068e-14, -5.348122539423018e-15, 1.2267786282382608e-15,
    -1.1812593016974588e-16, 1.1866922547516003e-18};

// 1 / gamma(1 + f) - 1.
double reciprocal_gamma_minus_1(double f) {
  double sum = 0.0;
  for (int k = sizeof(kReciprocalGamma) / sizeof(double) - 1; k >= 0; --k)
    sum = __builtin_fma(sum, f, kReciprocalGamma[k]);
  return f * sum;
}

// value * exp(-x), where exp(-x) may be subnormal and the whole is not.
double times_exp_minus(double value, double x) {
  if (x < 700.0) return value * exp(-x);
  const double half = exp(-0.5 * x);
  return value * half * half;
}

// x^a exp(-x) / gamma(a + 1) for a < 10, by 1 / gamma of a's distance f from an integer and the product
// (1 + f) ... (n + f), whose factors are exact and whose rounding is kept.
double factor_of_small(double a, double x) {
  const double n = __builtin_nearbyint(a), f = a - n;
  double product = 1.0, lost = 0.0;
  for (double k = 1.0; k <= n; k += 1.0) {
    const double next = product * (f + k);
    lost = __builtin_fma(product, f + k, -next) + lost * (f + k);
    product = next;
  }
  const double gamma = product / (1.0 + reciprocal_gamma_minus_1(f)) * (1.0 + lost / product);
  return times_exp_minus(pow(x, a), x) / gamma;
}

// log(1 + u) - u for |u| <= 1/2, where 1 + u = (1 + r) / (1 - r): log(1 + u) = 2 (r + r^3 / 3 + r^5 / 5 +
// ...).
double log_minus_linear(double u) {
  const double r = u / (2.0 + u), s = r * r;
  double sum = 0.0;
  for (int k = 33; k >= 3; k -= 2) sum = sum * s + 1.0 / k;
  return 2.0 * r * s * sum - u * r;
}

// (x / a)^a exp(a - x) for a >= 10.
double power_of_ratio(double a, double x) {
  const double u = (x - a) / a;
  if (__builtin_fabs(u) <= 0.5) return exp(a * log_minus_linear(u));
  // exp(a) overflows, or the power underflows, above; the exponent is below -38 there
  if (a > 200.0) return exp(a * (log(x / a) - u));
  const double ratio = x / a, lost = __builtin_fma(-ratio, a, x) / x;
  return times_exp_minus(pow(ratio, a) * (1.0 + a * lost) * exp(a), x);
}

// The same factor for a >= 10, by Stirling's series (DLMF 5.11.3).
double factor_of_large(double a, double x) {
  const double r = 1.0 / a, s = r * r;
  const double tail =
      s * (1.0 / 1188.0 + s * (-691.0 / 360360.0 + s * (1.0 / 156.0 + s * (-3617.0 / 122400.0))));
  const double correction =
      r * (1.0 / 12.0 + s * (-1.0 / 360.0 + s * (1.0 / 1260.0 + s * (-1.0 / 1680.0 + tail))));
  return power_of_ratio(a, x) * exp(-correction) / sqrt(2.0 * kPi * a);
}

double factor(double a, double x) { return a < 10.0 ? factor_of_small(a, x) : factor_of_large(a, x); }

// P(a, x) by DLMF 8.7.1: factor * (1 + x / (a + 1) * (1 + x / (a + 2) * ...)).
double lower_series(double a, double x) {
  const double scale = factor(a, x);
  if (scale == 0.0) return 0.0;
  int count = 0;
  for (double term = 1.0, sum = 1.0; count < kMostTerms && term >= sum * 1e-17; sum += term)
    term *= x / (a + ++count);
  double sum = 1.0;
  for (int k = count; k > 0; --k) sum = 1.0 + sum * (x / (a + k));
  return scale * sum;
}

// How many terms of the fraction change its value, by Lentz's method.
int terms_of_fraction(double a, double x) {
  const double tiny = DBL_MIN * 1e10;
  double b = x + 1.0 - a, c = 1.0 / tiny, d = 1.0 / b;
  for (int k = 1; k < kMostTerms; ++k) {
    const double an = -double(k) * (k - a);
    b += 2.0;
    d = an * d + b;
    d = 1.0 / (__builtin_fabs(d) < tiny ? tiny : d);
    c = b + an / c;
    c = __builtin_fabs(c) < tiny ? tiny : c;
    if (__builtin_fabs(c * d - 1.0) < 1e-16) return k;
  }
  return kMostTerms;
}

// Q(a, x) by DLMF 8.9.2: factor * a / (x + 1 - a + 1 (a - 1) / (x + 3 - a + 2 (a - 2) / ...)).
double upper_fraction(double a, double x) {
  const double scale = factor(a, x);
  if (scale == 0.0) return 0.0;
  const double first = x + 1.0 - a;
  double tail = 0.0;
  for (int k = terms_of_fraction(a, x); k > 0; --k) tail = k * (a - k) / (first + 2.0 * k + tail);
  return scale * a / (first + tail);
}

// Q(a, x) by DLMF 8.7.3, 1 - x^a / gamma(a + 1) * (1 + a * sum of (-x)^k / (k! (a + k))), for x <= 1.1 and a
// < 1.25.
double upper_series(double a, double x) {
  const double log_factor = a * log(x) + log1p(reciprocal_gamma_minus_1(a));
  double sum = 0.0;
  // sum of k = 1, 2, ... from the far end: 1.1^20 / 20! is below 3e-18
  for (int k = 20; k > 0; --k) sum = -x / k * (1.0 / (a + k) + sum);
  return -expm1(log_factor) - exp(log_factor) * a * sum;
}

// Where Q is computed as it is, and not as 1 - P. Up to x = 1.1: where Q is less than about half.
bool is_upper_better(double a, double x) {
  if (x > 1.1) return x >= a;
  return x <= 0.5 ? a * -log(x) < 0.4 : a < 1.1 * x;
}

double upper(double a, double x) { return x > 1.1 ? upper_fraction(a, x) : upper_series(a, x); }

// Sets *value where a limit or the domain decides; false where the function has to be computed.
bool is_limit(double a, double x, bool of_upper, double *value) {
  const double zero = of_upper ? 1.0 : 0.0, one = 1.0 - zero;
  if (a != a || x != x || a < 0.0 || x < 0.0 || (a == 0.0 && x == 0.0) || (a == INFINITY && x == INFINITY)) {
    *value = NAN;
  } else if (a == 0.0 || x == INFINITY) {
    *value = one;
  } else if (x == 0.0 || a == INFINITY) {
    *value = zero;
  } else {
    return false;
  }
  return true;
}

}  // namespace

double special_igamma(double a, double x) {
  double value;
  if (is_limit(a, x, false, &value)) return value;
  return x < a + 1.0 ? lower_series(a, x) : 1.0 - upper_fraction(a, x);
}

double special_igammac(double a, double x) {
  double value;
  if (is_limit(a, x, true, &value)) return value;
  return is_upper_better(a, x) ? upper(a, x) : 1.0 - lower_series(a, x);
}

AOTI_END_NAMESPACE
