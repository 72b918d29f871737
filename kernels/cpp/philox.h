// Random bits that depend on nothing but their number: Philox 4x32-10 (Salmon, Moraes, Dror and Shaw,
// "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
//
// What enters: a key (the seed) and a counter (which element, of which call of the model, in which run). What
// leaves: 64 of the 128 bits of that block. No state, so that neither threads, nor the order of a loop, nor
// the width of a vector show in the numbers.
//
//   philox(element, 3, seed, run)     words 0 and 1 of counter (element low, element high, 3, run)
#ifndef KERNELS_CPP_PHILOX_H_
#define KERNELS_CPP_PHILOX_H_

#include <stdint.h>

#include "kernels/cpp/isa.h"

AOTI_BEGIN_NAMESPACE

// Each word in 64 bits, of which the upper 32 are zero: products of two are whole, and vectorise.
struct PhiloxBlock {
  uint64_t c0, c1, c2, c3;
};

static inline PhiloxBlock philox_round(PhiloxBlock c, uint64_t k0, uint64_t k1) {
  const uint64_t kLow = 0xFFFFFFFFu;
  const uint64_t p0 = 0xD2511F53u * c.c0, p1 = 0xCD9E8D57u * c.c2;
  return PhiloxBlock{(p1 >> 32) ^ c.c1 ^ k0, p1 & kLow, (p0 >> 32) ^ c.c3 ^ k1, p0 & kLow};
}

static inline PhiloxBlock philox_block(PhiloxBlock c, uint64_t k0, uint64_t k1) {
  const uint64_t kLow = 0xFFFFFFFFu;
#pragma clang loop unroll(full)
  for (int round = 0; round < 10; ++round) {
    c = philox_round(c, k0, k1);
    k0 = (k0 + 0x9E3779B9u) & kLow;
    k1 = (k1 + 0xBB67AE85u) & kLow;
  }
  return c;
}

static inline int64_t philox(int64_t element, int64_t stream, int64_t seed, int64_t run) {
  const uint64_t kLow = 0xFFFFFFFFu;
  const uint64_t e = static_cast<uint64_t>(element), k = static_cast<uint64_t>(seed);
  const PhiloxBlock counter{e & kLow, e >> 32, static_cast<uint64_t>(stream) & kLow,
                            static_cast<uint64_t>(run) & kLow};
  const PhiloxBlock block = philox_block(counter, k & kLow, k >> 32);
  return static_cast<int64_t>(block.c0 | block.c1 << 32);
}

AOTI_END_NAMESPACE

#endif  // KERNELS_CPP_PHILOX_H_
