// The orthogonal polynomials of kernels/cpp/special.h by their three-term recurrences (DLMF table 18.9.1);
// Chebyshev's of high degree by their trigonometric and hyperbolic forms (18.5.1 to 18.5.4).
//
// A degree is any double, taken as PyTorch takes it: towards zero; a negative one, NaN and what no int64
// holds give 0. Recurrences stop where they overflow, as PyTorch's do.
#include "kernels/cpp/special.h"

AOTI_BEGIN_NAMESPACE

namespace {

// Up to here the recurrence is quicker, and as exact.
constexpr int64_t kShortDegree = 64;

enum Kind { kT, kU, kV, kW };

int64_t degree(double n) { return n > -1.0 && n < 0x1p63 ? (int64_t)n : -1; }

bool is_odd(int64_t n) { return n % 2 != 0; }

// x >= 0. With x = cos t: cos nt, sin (n+1)t / sin t, cos (n+1/2)t / cos (t/2), sin (n+1/2)t / sin (t/2);
// above 1 the same of cosh and sinh.
double chebyshev_of_high_degree(Kind kind, double x, double n) {
  const bool inside = x < 1.0;
  const double t = inside ? acos(x) : acosh(x);
  const double angle = kind == kT ? n * t : kind == kU ? (n + 1.0) * t : (n + 0.5) * t;
  const double part = kind == kU ? t : 0.5 * t;
  if (kind == kT) return inside ? cos(angle) : cosh(angle);
  if (kind == kV) return inside ? cos(angle) / cos(part) : cosh(angle) / cosh(part);
  return inside ? sin(angle) / sin(part) : sinh(angle) / sinh(part);
}

double chebyshev(Kind kind, double x, double degree_of) {
  const int64_t n = degree(degree_of);
  if (n < 0) return 0.0;
  if (n == 0) return 1.0;
  // T and U are even or odd with n; V at -x is W at x, and the other way round.
  double sign = 1.0;
  if (x < 0.0) {
    x = -x;
    kind = kind == kV ? kW : kind == kW ? kV : kind;
    sign = is_odd(n) ? -1.0 : 1.0;
  }
  if (x == 1.0) return sign * (kind == kU ? (double)n + 1.0 : kind == kW ? 2.0 * (double)n + 1.0 : 1.0);
  if (n > kShortDegree) return sign * chebyshev_of_high_degree(kind, x, (double)n);
  const double twice = x + x;
  double last = 1.0, now = kind == kT ? x : kind == kU ? twice : kind == kV ? twice - 1.0 : twice + 1.0;
  for (int64_t k = 1; k < n; ++k) {
    const double next = twice * now - last;
    last = now;
    now = next;
  }
  return sign * now;
}

// P_{k+1} = scale (x P_k - k P_{k-1}): the physicists' (scale 2) or the probabilists' (scale 1) polynomials.
double hermite(double scale, double x, double degree_of, int64_t highest) {
  const int64_t n = degree(degree_of);
  if (n < 0) return 0.0;
  if (n == 0) return 1.0;
  if (n > highest) return NAN;
  double last = 1.0, now = scale * x;
  for (int64_t k = 1; k < n; ++k) {
    const double next = scale * (x * now - (double)k * last);
    last = now;
    now = next;
  }
  return now;
}

}  // namespace

double special_chebyshev_t(double x, double n) { return chebyshev(kT, x, n); }
double special_chebyshev_u(double x, double n) { return chebyshev(kU, x, n); }
double special_chebyshev_v(double x, double n) { return chebyshev(kV, x, n); }
double special_chebyshev_w(double x, double n) { return chebyshev(kW, x, n); }

double special_hermite_h(double x, double n, int64_t highest) { return hermite(2.0, x, n, highest); }
double special_hermite_he(double x, double n, int64_t highest) { return hermite(1.0, x, n, highest); }

double special_laguerre_l(double x, double degree_of) {
  const int64_t n = degree(degree_of);
  if (n < 0) return 0.0;
  if (n == 0 || x == 0.0) return 1.0;
  double last = 1.0, now = 1.0 - x;
  for (int64_t k = 1; k < n && now == now; ++k) {
    const double next = (((double)(2 * k + 1) - x) * now - (double)k * last) / (double)(k + 1);
    last = now;
    now = next;
  }
  return now;
}

double special_legendre_p(double x, double degree_of) {
  const int64_t n = degree(degree_of);
  if (n < 0) return 0.0;
  if (n == 0) return 1.0;
  if (x == 1.0 || x == -1.0) return x < 0.0 && is_odd(n) ? -1.0 : 1.0;
  double last = 1.0, now = x;
  for (int64_t k = 1; k < n && now == now; ++k) {
    const double next = ((double)(2 * k + 1) * x * now - (double)k * last) / (double)(k + 1);
    last = now;
    now = next;
  }
  return now;
}

AOTI_END_NAMESPACE
