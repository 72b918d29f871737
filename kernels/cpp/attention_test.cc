// attention in float32 and bfloat16 against plain loops in double: masks, causal, shared key heads, keys of
// several blocks, odd head sizes, strided views, few queries, rows that are masked as a whole, and 1 to 4
// threads with the same bits.
#include "kernels/cpp/attention.h"

#include <math.h>

#include "kernels/cpp/scratch.h"
#include "kernels/cpp/testing/bfloat16.h"
#include "kernels/cpp/testing/isa_check.h"
#include "kernels/cpp/testing/numbers.h"
#include "kernels/cpp/testing/threads.h"
#include "tools/testing/check.h"

using namespace aoti;
using aoti_testing::Bfloats;
using aoti_testing::Context;
using aoti_testing::Floats;
using aoti_testing::Threads;

namespace {

enum MaskKind { kNone, kKeys, kFull, kPerRow, kSparse };

struct Case {
  int64_t B, H, Hkv, Sq, Sk, D, Dv;
  MaskKind mask;
  bool causal;
};

const Case kCases[] = {
    {1, 1, 1, 1, 1, 1, 1, kNone, false},
    {2, 3, 3, 17, 19, 8, 8, kNone, false},
    {1, 12, 12, 128, 128, 32, 32, kKeys, false},
    {2, 4, 2, 33, 65, 20, 36, kFull, false},
    {1, 6, 1, 9, 31, 64, 48, kPerRow, false},
    {1, 2, 2, 40, 40, 16, 16, kNone, true},
    {1, 2, 2, 70, 20, 16, 16, kNone, true},  // more queries than keys
    {1, 2, 2, 20, 1300, 16, 16, kFull, true},
    {1, 2, 2, 1, 1100, 64, 64, kKeys, false},  // one token, several blocks of keys
    {1, 1, 1, 200, 700, 100, 10, kSparse, false},
    {1, 2, 1, 24, 50, 3, 5, kSparse, false},
    {1, 1, 1, 5, 40, 2048, 24, kNone, false},
    {1, 1, 1, 10, 40, 24, 2048, kNone, false},
    {1, 8, 2, 1, 700, 64, 64, kKeys, false},  // one token, four heads for each key head
    {2, 6, 3, 3, 45, 20, 17, kFull, false},   // few queries of two heads
    {1, 8, 1, 5, 60, 16, 24, kSparse, true},  // more than are read in place
    {1, 4, 2, 40, 50, 16, 16, kNone, true},   // heads of a key head with blocks of their own
    {1, 7, 1, 1, 33, 2, 1, kPerRow, false},
};

struct Problem {
  Problem(const Case &which, bool in_bfloat16)
      : c(which),
        q(c.B * c.Sq * c.H * c.D),
        k(c.B * c.Sk * c.Hkv * c.D),
        v(c.B * c.Hkv * c.Sk * (c.Dv + 3)),
        mask(c.B * c.H * c.Sq * c.Sk),
        out(c.B * c.Sq * c.H * c.Dv),
        narrow(in_bfloat16) {
    q.fill_uniform(1), k.fill_uniform(2), v.fill_uniform(3), mask.fill_uniform(4);
    if (narrow) {
      Floats *const operands[] = {&q, &k, &v};
      for (Floats *numbers : operands) {
        Bfloats rounded(numbers->size);
        rounded.copy(*numbers);
        for (int64_t i = 0; i < numbers->size; ++i) (*numbers)[i] = rounded[i];
      }
    }
    // a row masked as a whole, and -inf here and there
    if (c.mask == kSparse) {
      for (int64_t i = 0; i < mask.size; ++i) mask[i] = i / c.Sk % 7 == 3 || i % 3 == 0 ? -INFINITY : mask[i];
    }
  }

  // heads inside positions for q, k and out; heads outside, rows apart, for v
  void run(AotiKernelContext *context) {
    const int64_t qs[3] = {c.Sq * c.H * c.D, c.D, c.H * c.D}, ks[3] = {c.Sk * c.Hkv * c.D, c.D, c.Hkv * c.D};
    const int64_t vs[3] = {c.Hkv * c.Sk * (c.Dv + 3), c.Sk * (c.Dv + 3), c.Dv + 3};
    const int64_t os[3] = {c.Sq * c.H * c.Dv, c.Dv, c.H * c.Dv};
    const float *masked = c.mask == kNone ? nullptr : mask.data;
    if (!narrow) {
      attention_f32(context, c.B, c.H, c.Sq, c.Sk, c.D, c.Dv, q.data, qs, k.data, ks, v.data, vs, masked,
                    mask_strides(), scale(), c.causal, c.Hkv, out.data, os);
      return;
    }
    Bfloats q16(q.size), k16(k.size), v16(v.size), out16(out.size);
    attention_bf16(context, c.B, c.H, c.Sq, c.Sk, c.D, c.Dv, q16.copy(q).data, qs, k16.copy(k).data, ks,
                   v16.copy(v).data, vs, masked, mask_strides(), scale(), c.causal, c.Hkv,
                   out16.copy(out).data, os);
    for (int64_t i = 0; i < out.size; ++i) out[i] = out16[i];
  }

  // Of numbers in [-1, 1]: in bfloat16 the weights, which add up to 1, are rounded, and the result.
  double bound() const { return narrow ? 2 * 0x1p-9 + 1e-6 : 1e-6; }

  float scale() const { return 1.0f / sqrtf(float(c.D)); }

  const int64_t *mask_strides() const {
    strides[0] = c.mask == kKeys ? c.Sk : (c.mask == kPerRow ? 0 : c.H * c.Sq * c.Sk);
    strides[1] = c.mask == kFull || c.mask == kSparse ? c.Sq * c.Sk : 0;
    strides[2] = c.mask == kPerRow ? 1 : (c.mask == kKeys ? 0 : c.Sk);
    strides[3] = c.mask == kPerRow ? 0 : 1;
    return strides;
  }

  double score(int64_t b, int64_t h, int64_t i, int64_t j) const {
    if (c.causal && j > i) return -INFINITY;
    const int64_t kv = h / (c.H / c.Hkv), *ms = mask_strides();
    double sum = 0;
    for (int64_t d = 0; d < c.D; ++d) {
      sum += double(q[((b * c.Sq + i) * c.H + h) * c.D + d]) *
             double(k[((b * c.Sk + j) * c.Hkv + kv) * c.D + d]);
    }
    sum *= double(scale());
    return c.mask == kNone ? sum : sum + double(mask[b * ms[0] + h * ms[1] + i * ms[2] + j * ms[3]]);
  }

  // Largest difference of one row from the reference.
  double row_error(int64_t b, int64_t h, int64_t i) const {
    Floats weight(c.Sk);
    double largest = -INFINITY, total = 0, error = 0;
    for (int64_t j = 0; j < c.Sk; ++j) largest = fmax(largest, score(b, h, i, j));
    for (int64_t j = 0; j < c.Sk; ++j) {
      const double e = largest == -INFINITY ? 0 : exp(score(b, h, i, j) - largest);
      weight[j] = float(e);
      total += e;
    }
    const int64_t kv = h / (c.H / c.Hkv);
    for (int64_t d = 0; d < c.Dv; ++d) {
      double sum = 0;
      for (int64_t j = 0; j < c.Sk; ++j)
        sum += double(weight[j]) * double(v[((b * c.Hkv + kv) * c.Sk + j) * (c.Dv + 3) + d]);
      const double expected = total == 0 ? 0 : sum / total;
      const double off = fabs(double(out[((b * c.Sq + i) * c.H + h) * c.Dv + d]) - expected);
      if (!(off <= error)) error = off;  // NaN counts
    }
    return error;
  }

  const Case &c;
  Floats q, k, v, mask, out;
  const bool narrow;
  mutable int64_t strides[4] = {};
};

void check(const Case &c, bool narrow, int64_t features, Threads *threads, Floats *first) {
  Context context(threads, kAttentionScratchBytes);
  context.base.processor_features = features;
  Problem problem(c, narrow);
  for (int64_t i = 0; i < problem.out.size; ++i) problem.out[i] = NAN;
  problem.run(&context.base);
  CHECK(context.intact());
  CHECK(context.base.error == nullptr);
  if (threads->base.num_threads > 1) {
    CHECK(memcmp(first->data, problem.out.data, first->size * 4) == 0);
    return;
  }
  memcpy(first->data, problem.out.data, first->size * 4);
  double worst = 0;
  for (int64_t row = 0; row < c.B * c.H * c.Sq; ++row) {
    const double e = problem.row_error(row / c.Sq / c.H, row / c.Sq % c.H, row % c.Sq);
    if (!(e <= worst)) worst = e;
  }
  if (!(worst <= problem.bound())) {
    fprintf(stderr, "attention%s B %lld H %lld/%lld Sq %lld Sk %lld D %lld Dv %lld: error %g\n",
            narrow ? " bfloat16" : "", (long long)c.B, (long long)c.H, (long long)c.Hkv, (long long)c.Sq,
            (long long)c.Sk, (long long)c.D, (long long)c.Dv, worst);
  }
  CHECK(worst <= problem.bound());
}

void check_refusals() {
  const int64_t strides[3] = {0, 0, 0};
  Context small(nullptr, 64), enough(nullptr, kAttentionScratchBytes);
  attention_f32(&small.base, 1, 1, 1, 1, 1, 1, nullptr, strides, nullptr, strides, nullptr, strides, nullptr,
                nullptr, 1.0f, false, 1, nullptr, strides);
  CHECK_CONTAINS(small.base.error, "too little scratch");
  attention_f32(&enough.base, 1, 1, 1, 1, 4096, 1, nullptr, strides, nullptr, strides, nullptr, strides,
                nullptr, nullptr, 1.0f, false, 1, nullptr, strides);
  CHECK_CONTAINS(enough.base.error, "head sizes up to 2048");
  const int64_t odd[3] = {0, 0, 5};
  Context odd_size(nullptr, kAttentionScratchBytes), odd_stride(nullptr, kAttentionScratchBytes);
  attention_bf16(&odd_size.base, 1, 1, 1, 1, 3, 4, nullptr, strides, nullptr, strides, nullptr, strides,
                 nullptr, nullptr, 1.0f, false, 1, nullptr, strides);
  CHECK_CONTAINS(odd_size.base.error, "even head size");
  attention_bf16(&odd_stride.base, 1, 1, 1, 2, 4, 4, nullptr, strides, nullptr, odd, nullptr, strides,
                 nullptr, nullptr, 1.0f, false, 1, nullptr, strides);
  CHECK_CONTAINS(odd_stride.base.error, "even strides of q and k");
}

// NaN in one query reaches its row and no other.
void check_nan(bool narrow) {
  const Case c{1, 2, 2, 11, 21, 8, 8, kNone, false};
  Context context(nullptr, kAttentionScratchBytes);
  Problem problem(c, narrow);
  problem.q[(4 * c.H + 1) * c.D + 2] = NAN;
  problem.run(&context.base);
  for (int64_t i = 0; i < problem.out.size; ++i) {
    const bool hit = i / c.Dv % c.H == 1 && i / c.Dv / c.H == 4;
    CHECK((problem.out[i] != problem.out[i]) == hit);
  }
}

}  // namespace

int main() {
  if (!aoti_testing::processor_has_isa()) return 0;
  const aoti_testing::FeatureSets features = aoti_testing::feature_sets();
  for (const Case &c : kCases) {
    Floats first(c.B * c.Sq * c.H * c.Dv);
    for (int32_t count = 1; count <= 4; ++count) {
      Threads threads(count);
      check(c, false, 0, &threads, &first);
    }
    for (int i = 0; c.D % 2 == 0 && i < features.count; ++i) {
      for (int32_t count = 1; count <= 4; count += 3) {
        Threads threads(count);
        check(c, true, features.values[i], &threads, &first);
      }
    }
  }
  check_nan(false);
  check_nan(true);
  check_refusals();
  return aoti_test::result();
}
