// Every float function of vec_math against the C library's double one, over all exponents and the special
// values.
//
//   vec_math_test            every 1021st float; prints the largest error in ulp of each function
//   vec_math_test 1          all floats (minutes)
//
// The loops are plain ones, so with -O3 this tests the vector code.
#include "kernels/cpp/vec_math.h"

#include <float.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernels/cpp/testing/isa_check.h"
#include "tools/testing/check.h"

using namespace aoti;

namespace {

constexpr int kBlock = 4096;

// The unit of the last place of the float nearest to `exact`.
double ulp(double exact) {
  int exponent = 0;
  frexp(exact, &exponent);
  if (exponent < -125) exponent = -125;
  if (exponent > 128) exponent = 128;
  return ldexp(1.0, exponent - 24);
}

// Error of `got` in such units.
double ulp_error(float got, double exact) {
  if (exact != exact || got != got) return exact != exact && got != got ? 0.0 : INFINITY;
  if (__builtin_isinf(exact)) return got == exact ? 0.0 : INFINITY;
  // overflow: infinity counts as the next float above the largest
  const double value = __builtin_isinf(got) ? copysign(0x1p128, got) : double(got);
  const double bounded = exact > 0x1p128 ? 0x1p128 : (exact < -0x1p128 ? -0x1p128 : exact);
  return fabs(value - bounded) / ulp(exact);
}

struct Worst {
  double error = 0;
  float x = 0, y = 0, got = 0;
  void note(float a, float b, float result, double exact) {
    // a sign of zero that differs is an error of its own
    const bool wrong_zero = exact == 0 && result == 0 && signbit(exact) != signbit(result);
    note_error(a, b, result, wrong_zero ? INFINITY : ulp_error(result, exact));
  }
  void note_error(float a, float b, float result, double e) {
    if (e > error) {
      error = e;
      x = a;
      y = b;
      got = result;
    }
  }
  void report(const char *name, double bound) const {
    printf("%-10s %.3f ulp at %.9g (%.9g), bound %.3g\n", name, error, double(x), double(y), bound);
    if (!(error <= bound))
      fprintf(stderr, "%s(%.9g, %.9g) = %.9g\n", name, double(x), double(y), double(got));
    CHECK(error <= bound);
  }
};

const float kSpecials[] = {
    0.0f,      -0.0f,     1.0f,       -1.0f,    0.5f,       -0.5f,      2.0f,      -2.0f,       3.0f,
    -3.0f,     0.25f,     -0.25f,     1e-45f,   -1e-45f,    FLT_MIN,    -FLT_MIN,  FLT_MAX,     -FLT_MAX,
    INFINITY,  NAN,       -INFINITY,  16777215, -16777215,  16777216,   -16777218, 8388609,     -8388609,
    88.72284f, 88.7229f,  -87.33655f, -103.97f, -104.1f,    89.4159f,   89.5f,     -149.5f,     128.0f,
    1e-4f,     0.921875f, 3.95f,      10.06f,   1.5707964f, 3.1415927f, 1e22f,     0.99999994f, 1.0000001f};

template <class F, class G>
void check1(const char *name, uint32_t stride, double bound, F function, G reference) {
  float in[kBlock], out[kBlock];
  Worst worst;
  uint64_t next = 0;
  bool specials = true;
  while (next <= 0xffffffffu) {
    int count = 0;
    if (specials) {
      for (float x : kSpecials) in[count++] = x;
      specials = false;
    }
    for (; count < kBlock && next <= 0xffffffffu; next += stride)
      in[count++] = vec::from_bits(uint32_t(next));
    for (int i = 0; i < count; ++i) out[i] = function(in[i]);
    for (int i = 0; i < count; ++i) worst.note(in[i], 0, out[i], reference(double(in[i])));
  }
  worst.report(name, bound);
}

// Pairs: all specials with each other, then floats of any bits, then pairs of moderate size.
template <class F, class G>
void check2(const char *name, int samples, double bound, F function, G reference) {
  float x[kBlock], y[kBlock], out[kBlock];
  Worst worst;
  uint64_t state = 88172645463325252ull;
  const int specials = int(sizeof kSpecials / sizeof kSpecials[0]);
  for (int done = 0; done < samples;) {
    int count = 0;
    for (; count < kBlock; ++count, ++done) {
      state ^= state << 13, state ^= state >> 7, state ^= state << 17;
      x[count] = vec::from_bits(uint32_t(state));
      y[count] = vec::from_bits(uint32_t(state >> 32));
      if (done < specials * specials) {
        x[count] = kSpecials[done / specials];
        y[count] = kSpecials[done % specials];
      } else if (done % 2 == 0) {
        x[count] = vec::from_bits((uint32_t(state) & 0x83ffffffu) + 0x3d000000u);
        y[count] = vec::from_bits((uint32_t(state >> 32) & 0x83ffffffu) + 0x3f000000u);
      }
    }
    for (int i = 0; i < count; ++i) out[i] = function(x[i], y[i]);
    for (int i = 0; i < count; ++i) worst.note(x[i], y[i], out[i], reference(double(x[i]), double(y[i])));
  }
  worst.report(name, bound);
}

// The near form where it holds, the other one where it says that it does not.
template <class Near, class All>
float near_or_all(float x, Near near, All all) {
  uint32_t far = 0;
  const float y = near(x, &far);
  CHECK_EQ(far != 0, !(fabsf(x) <= vec::kNearLimit));
  return far != 0 ? all(x) : y;
}

double reference_sigmoid(double x) { return 1.0 / (1.0 + exp(-x)); }
double reference_acosh(double x) { return x < 1.0 ? NAN : acosh(x); }  // some C libraries have numbers there
double reference_rsqrt(double x) { return 1.0 / sqrt(x); }

// Of a GELU what counts is the last place of the result for x >= 0, that of x below.
void check_gelu(uint32_t stride) {
  Worst above, below;
  float in[kBlock], out[kBlock];
  for (uint64_t next = 0; next <= 0xffffffffu;) {
    int count = 0;
    for (; count < kBlock && next <= 0xffffffffu; next += stride)
      in[count++] = vec::from_bits(uint32_t(next));
    for (int i = 0; i < count; ++i) out[i] = aoti_geluf(in[i]);
    for (int i = 0; i < count; ++i) {
      const double x = double(in[i]);
      const double exact = x == -INFINITY ? 0.0 : 0.5 * x * erfc(-x * sqrt(0.5));
      if (x < 0)
        below.note_error(in[i], 0, out[i], fabs(double(out[i]) - exact) / ulp(x));
      else
        above.note(in[i], 0, out[i], exact);
    }
  }
  above.report("gelu, x >= 0", 1.9);
  below.report("gelu, x < 0", 1.0);
  CHECK_EQ(aoti_geluf(-9.9f), 0.0f);
  CHECK_EQ(aoti_geluf(-INFINITY), 0.0f);
  CHECK(signbit(aoti_geluf(-0.0f)));
}

void check_maximum() {
  CHECK(aoti_maximum(NAN, 1.0f) != aoti_maximum(NAN, 1.0f));
  CHECK(aoti_maximum(1.0f, NAN) != aoti_maximum(1.0f, NAN));
  CHECK(aoti_minimum(NAN, 1.0f) != aoti_minimum(NAN, 1.0f));
  CHECK(aoti_minimum(1.0f, NAN) != aoti_minimum(1.0f, NAN));
  CHECK_EQ(aoti_maximum(-INFINITY, 2.0f), 2.0f);
  CHECK_EQ(aoti_minimum(INFINITY, -2.0f), -2.0f);
  CHECK_EQ(aoti_maximum(3.0, 2.0), 3.0);
  CHECK_EQ(int(aoti_maximum(int64_t(3), int64_t(7))), 7);
}

// Of every pair, in both orders: the larger, a NaN of either sign before all, 0 before -0.
void check_ranks() {
  const float values[] = {-INFINITY, -FLT_MAX, -1.0f,   -1e-45f,  -0.0f, 0.0f,
                          1e-45f,    1.0f,     FLT_MAX, INFINITY, NAN,   -NAN};
  const int count = int(sizeof values / sizeof values[0]);
  for (int i = 0; i < count; ++i) {
    for (int j = 0; j < count; ++j) {
      const float got = aoti_at_rank(aoti_higher(aoti_rank(values[i]), aoti_rank(values[j])));
      const float expected = values[i > j ? i : j];
      CHECK_EQ(got != got, expected != expected);
      if (expected == expected) CHECK_EQ(vec::bits(got), vec::bits(expected));
    }
  }
}

}  // namespace

#define CHECK_AGAINST(name, bound, reference)                          \
  check1(                                                              \
      #name, stride, bound, [](float x) { return aoti_##name##f(x); }, \
      [](double x) { return reference(x); })
#define CHECK1_NEAR(name, bound)                                                   \
  check1(                                                                          \
      "near " #name, stride, bound,                                                \
      [](float x) {                                                                \
        return near_or_all(                                                        \
            x, [](float a, uint32_t *far) { return aoti_##name##f_near(a, far); }, \
            [](float a) { return aoti_##name##f(a); });                            \
      },                                                                           \
      [](double x) { return name(x); })
#define CHECK1(name, bound) CHECK_AGAINST(name, bound, name)
#define CHECK2(name, bound)                                                         \
  check2(                                                                           \
      #name, samples, bound, [](float x, float y) { return aoti_##name##f(x, y); }, \
      [](double x, double y) { return name(x, y); })

int main(int argc, char **argv) {
  if (!aoti_testing::processor_has_isa()) return 0;
  const uint32_t stride = argc > 1 ? uint32_t(strtoul(argv[1], nullptr, 10)) : 1021;
  const int samples = 2000000;
  CHECK1(exp, 1.1);
  CHECK1(exp2, 1.1);
  check1(
      "exp, x <= 0", stride, 1.1,
      [](float x) { return aoti_exp_nonpositivef(x > 0 || x < -87.3f ? 0.0f : x); },
      [](double x) { return exp(x > 0 || x < double(-87.3f) ? 0.0 : x); });
  CHECK_EQ(aoti_exp_nonpositivef(-INFINITY), 0.0f);
  CHECK_EQ(aoti_exp_nonpositivef(-87.7f), 0.0f);
  check_gelu(stride);
  CHECK1(expm1, 1.6);
  CHECK_AGAINST(sigmoid, 2.5, reference_sigmoid);
  CHECK1(tanh, 2.6);
  CHECK1(sinh, 2.5);
  CHECK1(cosh, 1.6);
  CHECK1(log, 1.1);
  CHECK1(log2, 1.2);
  CHECK1(log10, 1.2);
  CHECK1(log1p, 1.5);
  CHECK1(asinh, 3);
  CHECK_AGAINST(acosh, 3, reference_acosh);
  CHECK1(atanh, 2.5);
  CHECK1(sin, 1.8);
  CHECK1(cos, 1.8);
  CHECK1(tan, 4);
  CHECK1_NEAR(sin, 1.8);
  CHECK1_NEAR(cos, 1.8);
  CHECK1_NEAR(tan, 4);
  CHECK1(asin, 2.5);
  CHECK1(acos, 1.5);
  CHECK1(atan, 1.5);
  CHECK1(erf, 1.2);
  CHECK1(erfc, 5);
  CHECK1(sqrt, 0.5);
  CHECK_AGAINST(rsqrt, 1.5, reference_rsqrt);
  CHECK2(pow, 0.6);
  CHECK2(atan2, 2);
  CHECK2(hypot, 0.6);
  check_maximum();
  check_ranks();
  return aoti_test::result();
}
