// Test data: small whole numbers, whose sums of products floats hold exactly, so that a kernel's result must
// be equal to the reference and not merely near it; and ordinary random numbers.
#ifndef KERNELS_CPP_TESTING_NUMBERS_H_
#define KERNELS_CPP_TESTING_NUMBERS_H_

#include <stdint.h>
#include <stdlib.h>

namespace aoti_testing {

// Owned floats; exactly `count` of them, so that a sanitizer sees every read past the end.
class Floats {
 public:
  explicit Floats(int64_t count)
      : size(count), data(static_cast<float *>(malloc((count > 0 ? count : 1) * 4))) {
    for (int64_t i = 0; i < count; ++i) data[i] = 0.0f;
  }
  ~Floats() { free(data); }
  Floats(const Floats &) = delete;
  Floats &operator=(const Floats &) = delete;
  float &operator[](int64_t i) { return data[i]; }
  const float &operator[](int64_t i) const { return data[i]; }

  // Whole numbers in [-3, 3].
  Floats &fill_whole(uint64_t seed) {
    for (int64_t i = 0; i < size; ++i) data[i] = float(int(next(&seed) % 7) - 3);
    return *this;
  }
  // Uniform in [-1, 1).
  Floats &fill_uniform(uint64_t seed) {
    for (int64_t i = 0; i < size; ++i)
      data[i] = float(int64_t(next(&seed) % (1 << 24)) - (1 << 23)) / float(1 << 23);
    return *this;
  }

  const int64_t size;
  float *const data;

 private:
  static uint64_t next(uint64_t *state) {  // splitmix64 (Steele, Lea, Flood, 2014)
    uint64_t z = (*state += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
  }
};

}  // namespace aoti_testing

#endif  // KERNELS_CPP_TESTING_NUMBERS_H_
