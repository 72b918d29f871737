// Test data in bfloat16, and contexts for every way in which the processor can multiply it.
#ifndef KERNELS_CPP_TESTING_BFLOAT16_H_
#define KERNELS_CPP_TESTING_BFLOAT16_H_

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/cpp/testing/numbers.h"
#include "runtime/cpu/isa.h"

namespace aoti_testing {

// Owned bfloat16; exactly `count` of them, so that a sanitizer sees every read past the end.
class Bfloats {
 public:
  explicit Bfloats(int64_t count)
      : size(count), data(static_cast<uint16_t *>(calloc(count > 0 ? count : 1, 2))) {}
  ~Bfloats() { free(data); }
  Bfloats(const Bfloats &) = delete;
  Bfloats &operator=(const Bfloats &) = delete;

  // What is left of a float32 without its lower half: exact for small whole numbers.
  void set(int64_t i, float value) {
    uint32_t bits;
    memcpy(&bits, &value, 4);
    data[i] = uint16_t(bits >> 16);
  }
  float operator[](int64_t i) const {
    const uint32_t bits = uint32_t(data[i]) << 16;
    float value;
    memcpy(&value, &bits, 4);
    return value;
  }
  Bfloats &copy(const Floats &from) {
    for (int64_t i = 0; i < size; ++i) set(i, from[i]);
    return *this;
  }

  const int64_t size;
  uint16_t *const data;
};

// Values of AotiKernelContext::processor_features to test with: nothing, and all that this processor has.
struct FeatureSets {
  int64_t values[2];
  int count;
};
inline FeatureSets feature_sets() {
  const int64_t all = aoti_cpu::usable_features();
  return FeatureSets{{0, all}, all == 0 ? 1 : 2};
}

}  // namespace aoti_testing

#endif  // KERNELS_CPP_TESTING_BFLOAT16_H_
