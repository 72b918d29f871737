// How far conv2d_winograd_f32_nhwc is from the exact convolution, and that it stays within its bound.
//
// The bound: let S = |A^T| [sum over channels of (|G| |w| |G^T|) * (|B^T| |d| |B|)] |A|, with the matrices of
// F(2x2, 3x3) and absolute values entry by entry. Every product passes at most n roundings on its way: 2 in
// the transform of the input (two additions), 1 in its packed weight, one for each product added in one
// register and each register sum (min(C, 256) + ceil(C / 256)), 4 in the transform of the output. So, with u
// = 2^-24,
//     |computed - exact| <= n u / (1 - n u) * S
// (N. Higham, Accuracy and Stability of Numerical Algorithms, lemma 3.1). This is the worst case; on uniform
// random data the root mean square of the error is at most twice that of the plain convolution.
#include <math.h>

#include "kernels/cpp/conv2d.h"
#include "kernels/cpp/scratch.h"
#include "kernels/cpp/testing/isa_check.h"
#include "kernels/cpp/testing/numbers.h"
#include "kernels/cpp/testing/threads.h"
#include "tools/testing/check.h"

using namespace aoti;
using aoti_testing::Context;
using aoti_testing::Floats;

namespace {

const double kG[4][3] = {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}};
const double kBt[4][4] = {{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, 1, 0, -1}};
const double kAt[2][4] = {{1, 1, 1, 0}, {0, 1, -1, -1}};

Conv2dShape layer(int64_t channels) {
  return Conv2dShape{1, 8, 8, channels, 16, 3, 3, 8, 8, 1, 1, 1, 1, 1, 1, 1};
}

// out = |l| |in| |l|^T for in [inner][inner], l [outer][inner]; without `absolute`, l in l^T.
template <int kOuter, int kInner>
void sandwich(const double (&l)[kOuter][kInner], const double *in, bool absolute, double *out) {
  for (int y = 0; y < kOuter; ++y) {
    for (int x = 0; x < kOuter; ++x) {
      double sum = 0;
      for (int i = 0; i < kInner; ++i) {
        for (int j = 0; j < kInner; ++j) {
          const double term = l[y][i] * in[i * kInner + j] * l[x][j];
          sum += absolute ? fabs(term) : term;
        }
      }
      out[y * kOuter + x] = sum;
    }
  }
}

// Weights [OC, C, 3, 3] into "winograd_panel16" and "conv_panel16", for 16 output channels.
void pack(const Conv2dShape &s, const Floats &w, Floats *points, Floats *plain) {
  for (int64_t oc = 0; oc < s.OC; ++oc) {
    for (int64_t c = 0; c < s.C; ++c) {
      double taps[9], transformed[16];
      for (int tap = 0; tap < 9; ++tap) taps[tap] = w[(oc * s.C + c) * 9 + tap];
      sandwich(kG, taps, false, transformed);
      for (int p = 0; p < 16; ++p) (*points)[(p * s.C + c) * 16 + oc] = float(transformed[p]);
      for (int tap = 0; tap < 9; ++tap) (*plain)[(tap * s.C + c) * 16 + oc] = float(taps[tap]);
    }
  }
}

double pixel(const Conv2dShape &s, const Floats &x, int64_t h, int64_t w, int64_t c) {
  return h < 0 || h >= s.H || w < 0 || w >= s.W ? 0.0 : double(x[(h * s.W + w) * s.C + c]);
}

double exact(const Conv2dShape &s, const Floats &x, const Floats &w, int64_t oh, int64_t ow, int64_t oc) {
  double sum = 0;
  for (int64_t c = 0; c < s.C; ++c) {
    for (int64_t tap = 0; tap < 9; ++tap)
      sum += pixel(s, x, oh - 1 + tap / 3, ow - 1 + tap % 3, c) * double(w[(oc * s.C + c) * 9 + tap]);
  }
  return sum;
}

// S of a 2x2 block of output.
void sizes(const Conv2dShape &s, const Floats &x, const Floats &w, int64_t bh, int64_t bw, int64_t oc,
           double (&out)[4]) {
  double sum[16] = {};
  for (int64_t c = 0; c < s.C; ++c) {
    double d[16], taps[9], u[16], v[16];
    for (int64_t i = 0; i < 16; ++i) d[i] = pixel(s, x, 2 * bh - 1 + i / 4, 2 * bw - 1 + i % 4, c);
    for (int64_t tap = 0; tap < 9; ++tap) taps[tap] = w[(oc * s.C + c) * 9 + tap];
    sandwich(kBt, d, true, u);
    sandwich(kG, taps, true, v);
    for (int i = 0; i < 16; ++i) sum[i] += u[i] * v[i];
  }
  sandwich(kAt, sum, true, out);
}

struct Store {
  int64_t channels;
  float *values;
  void operator()(const float *acc, int64_t ld, int64_t, int64_t m0, int64_t n0, int64_t m_count,
                  int64_t n_count) const {
    for (int64_t i = 0; i < m_count; ++i) {
      for (int64_t j = 0; j < n_count; ++j) values[(m0 + i) * channels + n0 + j] = acc[i * ld + j];
    }
  }
};

void check(int64_t channels) {
  const Conv2dShape s = layer(channels);
  Context context(nullptr, kWinogradScratchBytes);
  Floats x(s.H * s.W * s.C), w(s.OC * s.C * 9), points(16 * s.C * 16), taps(9 * s.C * 16);
  Floats winograd(s.OH * s.OW * s.OC), plain(winograd.size);
  x.fill_uniform(1), w.fill_uniform(2);
  pack(s, w, &points, &taps);
  conv2d_winograd_f32_nhwc(&context.base, s, x.data, points.data, Store{s.OC, winograd.data});
  conv2d_f32_nhwc(&context.base, s, x.data, taps.data, Store{s.OC, plain.data});
  const double unit = ldexp(1, -24);
  const double n = 2 + 1 + double(s.C < 256 ? s.C : 256) + double((s.C + 255) / 256) + 4;
  double squares = 0, plain_squares = 0, most = 0;
  for (int64_t at = 0; at < winograd.size; ++at) {
    const int64_t oc = at % s.OC, ow = at / s.OC % s.OW, oh = at / s.OC / s.OW;
    const double wanted = exact(s, x, w, oh, ow, oc);
    double size[4];
    sizes(s, x, w, oh / 2, ow / 2, oc, size);
    const double error = fabs(winograd[at] - wanted), plain_error = fabs(plain[at] - wanted);
    const double share = error / (n * unit / (1 - n * unit) * size[oh % 2 * 2 + ow % 2]);
    most = share > most ? share : most;
    squares += error * error, plain_squares += plain_error * plain_error;
  }
  const double ratio = sqrt(squares / plain_squares);
  printf("%lld channels: error up to %.3f of its bound; root mean square %.2f times the plain one's\n",
         (long long)s.C, most, ratio);
  CHECK(most > 0 && most <= 1);
  CHECK(ratio <= 2);
}

}  // namespace

int main() {
  if (!aoti_testing::processor_has_isa()) return 0;
  const int64_t widths[] = {32, 128, 512};
  for (const int64_t channels : widths) check(channels);
  return aoti_test::result();
}
