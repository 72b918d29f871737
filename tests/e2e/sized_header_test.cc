// The generated header of a model whose sizes are known at run time only: views that know the sizes of a run,
// numbers made of sizes, and what is refused.
#include <array>
#include <vector>

#include "tests/e2e/sized_aoti.h"
#include "tools/testing/check.h"

namespace {

using sized_aoti::Model;
using sized_aoti::Result;

void test_sizes_follow_from_the_elements_or_are_given(const Model &model) {
  for (int64_t n : {4, 1, 0, 100}) {
    for (int64_t m : {5, 1, 9}) {
      std::vector<float> rows(static_cast<size_t>(n * 3), 1.0f), table(static_cast<size_t>(n * m), 2.0f),
          columns(static_cast<size_t>(m * 2), 3.0f);
      const Result result = model.run(rows, {table.data(), table.size(), {n, m}}, columns);
      CHECK_STR_EQ(result.status().message(), "");
      CHECK_EQ(result.doubled().size(0), n);
      CHECK_EQ(result.doubled().size(1), 3);
      CHECK_EQ(result.sums().numel(), n);
      for (int64_t i = 0; i < n; ++i) CHECK_EQ(result.sums()(i), 3.0f + 2.0f * float(m));
      CHECK_EQ(result.turned().size(1), m);
      CHECK_EQ(result.turned()(1, m - 1), 4.0f);
      CHECK_EQ(result.count(), 3 * n);
      CHECK_EQ(result.ratio(), double(m) / 4);
    }
  }
}

void test_refusals(const Model &model) {
  std::vector<float> rows(13), table(4 * 5);
  std::array<float, 10> columns{};
  const auto run = [&](size_t numel, int64_t n, int64_t m) {
    return model.run({rows.data(), numel}, {table.data(), static_cast<size_t>(n * m), {n, m}},
                     {columns.data(), static_cast<size_t>(2 * m)});
  };
  CHECK_STR_EQ(run(12, 4, 5).status().message(), "");
  CHECK_CONTAINS(run(13, 4, 5).status().message(), "input 'rows': expected 12 elements, got 13");
  CHECK_CONTAINS(run(9, 4, 5).status().message(),
                 "input 1 'table': dimension 0 is 4; expected 3, the size of dimension 0 of input 0 'rows'");
  const Result strided =
      model.run({rows.data(), 12}, {table.data(), 20, {4, 5}}, {columns.data(), 10, {2, 5}, {5, 1}});
  CHECK_CONTAINS(strided.status().message(), "input 2 'columns': stride");
}

}  // namespace

int main() {
  const Model model;
  CHECK_STR_EQ(model.status().message(), "");
  test_sizes_follow_from_the_elements_or_are_given(model);
  test_refusals(model);
  return aoti_test::result();
}
