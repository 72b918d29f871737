// Random numbers through the generated header: a seed gives the same runs whatever the number of threads.
#include <cstdint>
#include <cstring>
#include <vector>

#include "tests/e2e/random_aoti.h"
#include "tools/testing/check.h"

namespace {

using random_aoti::Model;
using random_aoti::Result;

constexpr size_t kCount = 300 * 211;

// What two runs of a freshly seeded model draw.
struct Drawn {
  std::vector<float> uniform, normal;
  std::vector<int64_t> dice;
};

Drawn draw(const Model &model) {
  const std::vector<float> ones(kCount, 1.0f);
  Drawn drawn;
  for (int run = 0; run < 2; ++run) {
    const Result result = model.run(ones);
    CHECK_STR_EQ(result.status().message(), "");
    drawn.uniform.insert(drawn.uniform.end(), result.uniform().data(), result.uniform().data() + kCount);
    drawn.normal.insert(drawn.normal.end(), result.normal().data(), result.normal().data() + kCount);
    drawn.dice.insert(drawn.dice.end(), result.dice().data(), result.dice().data() + kCount);
  }
  return drawn;
}

template <class T>
bool same_bytes(const std::vector<T> &a, const std::vector<T> &b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

bool same(const Drawn &a, const Drawn &b) {
  return same_bytes(a.uniform, b.uniform) && same_bytes(a.normal, b.normal) && same_bytes(a.dice, b.dice);
}

void test_a_seed_decides_and_threads_do_not(const Model &model) {
  CHECK_STR_EQ(model.seed(1234).message(), "");
  const Drawn first = draw(model);
  CHECK(std::memcmp(first.uniform.data(), first.uniform.data() + kCount, kCount * sizeof(float)) != 0);
  for (int32_t threads : {2, 3, 1}) {
    CHECK_STR_EQ(model.set_num_threads(threads).message(), "");
    CHECK_STR_EQ(model.seed(1234).message(), "");
    CHECK(same(draw(model), first));
  }
  CHECK(!same(draw(model), first));  // the runs after these two
  CHECK_STR_EQ(model.seed(1235).message(), "");
  CHECK(!same(draw(model), first));
}

}  // namespace

int main() {
  const Model model;
  CHECK_STR_EQ(model.status().message(), "");
  test_a_seed_decides_and_threads_do_not(model);
  return aoti_test::result();
}
