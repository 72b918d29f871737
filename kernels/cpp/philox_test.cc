// Philox against the words that its authors publish (Random123, kat_vectors: philox 4x32, 10 rounds), and the
// same numbers from a loop of vectors as one by one.
#include "kernels/cpp/philox.h"

#include "kernels/cpp/testing/isa_check.h"
#include "tools/testing/check.h"

using namespace aoti;

namespace {

struct Known {
  PhiloxBlock counter;
  uint64_t key0, key1;
  PhiloxBlock words;
};

const Known kKnown[] = {
    {{0, 0, 0, 0}, 0, 0, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
    {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
     0xffffffff,
     0xffffffff,
     {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
    {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
     0xa4093822,
     0x299f31d0,
     {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
};

void published_words() {
  for (const Known &known : kKnown) {
    const PhiloxBlock got = philox_block(known.counter, known.key0, known.key1);
    CHECK_EQ(got.c0, known.words.c0);
    CHECK_EQ(got.c1, known.words.c1);
    CHECK_EQ(got.c2, known.words.c2);
    CHECK_EQ(got.c3, known.words.c3);
  }
}

int64_t loop[1000], one_by_one[1000];

void loops_change_nothing() {
  const int64_t seed = -5, first = (INT64_C(1) << 33) - 500;
  for (int64_t i = 0; i < 1000; ++i) loop[i] = philox(first + i, 7, seed, 3);
#pragma clang loop vectorize(disable)
  for (int64_t i = 0; i < 1000; ++i) one_by_one[i] = philox(first + i, 7, seed, 3);
  for (int64_t i = 0; i < 1000; ++i) CHECK_EQ(loop[i], one_by_one[i]);
}

void every_argument_counts() {
  const int64_t plain = philox(1, 2, 3, 4);
  CHECK(philox(2, 2, 3, 4) != plain);
  CHECK(philox(1 + (INT64_C(1) << 32), 2, 3, 4) != plain);
  CHECK(philox(1, 3, 3, 4) != plain);
  CHECK(philox(1, 2, 4, 4) != plain);
  CHECK(philox(1, 2, 3 + (INT64_C(1) << 32), 4) != plain);
  CHECK(philox(1, 2, 3, 5) != plain);
}

}  // namespace

int main() {
  if (!aoti_testing::processor_has_isa()) return 0;
  published_words();
  loops_change_nothing();
  every_argument_counts();
  return aoti_test::result();
}
