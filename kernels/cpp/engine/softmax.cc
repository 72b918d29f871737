#include "kernels/cpp/engine/softmax.h"

#include "kernels/cpp/simd.h"
#include "kernels/cpp/vec_math.h"

AOTI_BEGIN_NAMESPACE
namespace {

constexpr int64_t kStep = 16;

// a > b ? a : b drops NaN, which is right here: exp(NaN - maximum) brings it back.
inline vf larger(vf a, vf b) { return a > b ? a : b; }

// Scales and masks as many whole vectors as `count` has; returns how many elements that were.
int64_t scale_vectors(float *row, int64_t count, float scale, const float *mask, int64_t mask_stride,
                      vf *largest) {
  if (mask != nullptr && mask_stride != 1) return 0;
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    vf x = scale * vf_load(row + i);
    if (mask != nullptr) x += vf_load(mask + i);
    vf_store(row + i, x);
    *largest = larger(x, *largest);
  }
  return i;
}

}  // namespace

float scale_and_mask(float *row, int64_t count, int64_t padded, float scale, const float *mask,
                     int64_t mask_stride) {
  vf largest = vf_zero() - INFINITY;
  const int64_t done = scale_vectors(row, count, scale, mask, mask_stride, &largest);
  for (int64_t i = done; i < count; ++i)
    row[i] = row[i] * scale + (mask == nullptr ? 0.0f : mask[i * mask_stride]);
  for (int64_t i = count; i < padded; ++i) row[i] = -INFINITY;
  for (int64_t i = done; i < padded; i += kLanes) largest = larger(vf_load(row + i), largest);
  return vf_largest(largest);
}

float exponentiate(float *row, int64_t padded, float maximum) {
  // a row that is masked as a whole has no maximum to subtract
  const float shift = maximum == -INFINITY ? 0.0f : maximum;
  float sums[kStep] = {};
  for (int64_t i = 0; i < padded; i += kStep) {
    AOTI_VECTORIZE
    for (int64_t j = 0; j < kStep; ++j) {
      const float e = aoti_exp_nonpositivef(row[i + j] - shift);
      row[i + j] = e;
      sums[j] += e;
    }
  }
  for (int64_t width = kStep / 2; width > 0; width /= 2) {
    for (int64_t j = 0; j < width; ++j) sums[j] += sums[j + width];
  }
  return sums[0];
}

AOTI_END_NAMESPACE
