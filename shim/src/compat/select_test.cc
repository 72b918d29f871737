// Selecting, scattering and bags of embeddings of the stand-in. The numbers are those of PyTorch 2.13 for the
// same calls (Tensor.scatter_reduce, aten._embedding_bag).
#include "shim/src/compat/testing/small_tensors.h"

using compat_testing::check_result;
using compat_testing::ramp;
using compat_testing::Small;

namespace {

constexpr int64_t kBig = int64_t{1} << 62;

struct Scattered {
  const char *reduce;
  int32_t include_self;
  std::vector<int64_t> expected;
};

// Integers too large for a double, sums that wrap around, a place that nothing goes to.
void test_scatter_integers() {
  const Small<int64_t> x({2, 3}, {kBig + 1, 5, -7, 1, 2, INT64_MIN}), index({2, 3}, {0, 0, 1, 1, 0, 1}),
      src({2, 3}, {kBig + 3, 4, -3, 9, 8, -1});
  const Scattered cases[] = {
      {"sum", 1, {-9223372036854775804, 17, -7, 10, 2, 9223372036854775804}},
      {"sum", 0, {kBig + 3, 12, -7, 9, 2, -4}},
      {"prod", 1, {3, 160, -7, 9, 2, INT64_MIN}},
      {"prod", 0, {kBig + 3, 32, -7, 9, 2, 3}},
      {"mean", 1, {-4611686018427387902, 5, -7, 5, 2, 3074457345618258601}},
      {"mean", 0, {kBig + 3, 6, -7, 9, 2, -2}},
      {"amax", 1, {kBig + 3, 8, -7, 9, 2, -1}},
      {"amax", 0, {kBig + 3, 8, -7, 9, 2, -1}},
      {"amin", 1, {kBig + 1, 4, -7, 1, 2, INT64_MIN}},
      {"amin", 0, {kBig + 3, 4, -7, 9, 2, -3}},
  };
  for (const Scattered &one : cases) {
    const Small<int64_t> out({2, 3}, std::vector<int64_t>(6));
    CHECK_EQ(aoti_torch_cpu_scatter_reduce_two_out(out.handle(), x.handle(), 0, index.handle(), src.handle(),
                                                   one.reduce, one.include_self),
             AOTI_TORCH_SUCCESS);
    CHECK(out.values() == one.expected);
  }
}

// A mean of integers is rounded down, of floats not at all.
void test_scatter_means() {
  const Small<int64_t> x({1}, {-4}), index({2}, {0, 0}), src({2}, {-2, -1}), out({1}, {0});
  CHECK_EQ(aoti_torch_cpu_scatter_reduce_two_out(out.handle(), x.handle(), -1, index.handle(), src.handle(),
                                                 "mean", 1),
           AOTI_TORCH_SUCCESS);
  CHECK_EQ(out.values()[0], int64_t{-3});  // -7 / 3
  const Small<float> y({1}, {-4}), from({2}, {-2, -1}), to({1}, {0});
  CHECK_EQ(aoti_torch_cpu_scatter_reduce_two_out(to.handle(), y.handle(), 0, index.handle(), from.handle(),
                                                 "mean", 0),
           AOTI_TORCH_SUCCESS);
  CHECK_EQ(to.values()[0], -1.5f);
}

void test_scatter_refusals() {
  const Small<int64_t> x({2}, {1, 2}), src({2}, {3, 4}), outside({2}, {0, 2}), long_index({3}, {0, 0, 0}),
      out({2}, {7, 8});
  const auto scatter = [&](const Small<int64_t> &index, int64_t dim, const char *reduce) {
    return aoti_torch_cpu_scatter_reduce_two_out(out.handle(), x.handle(), dim, index.handle(), src.handle(),
                                                 reduce, 1);
  };
  CHECK_EQ(scatter(outside, 0, "sum"), AOTI_TORCH_FAILURE);
  CHECK_CONTAINS(aoti_torch_get_last_error(), "index 2 is out of range");
  CHECK_EQ(scatter(long_index, 0, "sum"), AOTI_TORCH_FAILURE);
  CHECK_CONTAINS(aoti_torch_get_last_error(), "sizes of index and source do not fit");
  CHECK_EQ(scatter(src, 1, "sum"), AOTI_TORCH_FAILURE);
  CHECK_EQ(scatter(src, 0, "median"), AOTI_TORCH_FAILURE);
  CHECK_CONTAINS(aoti_torch_get_last_error(), "unknown reduction");
  CHECK_EQ(scatter(src, 0, nullptr), AOTI_TORCH_FAILURE);
  CHECK(out.values() == (std::vector<int64_t>{7, 8}));
}

void test_select() {
  const Small<int64_t> x({2, 3}, {kBig + 1, 0, -7, 0, 2, INT64_MIN});
  const Small<float> mask({2, 3}, {1, 0, 0, 1, 0, 2}), none({2, 3}, std::vector<float>(6)),
      short_mask({2}, {1, 1});
  AtenTensorHandle y = nullptr;
  CHECK_EQ(aoti_torch_cpu_masked_select(x.handle(), mask.handle(), &y), AOTI_TORCH_SUCCESS);
  check_result<int64_t>(y, {3}, {kBig + 1, 0, INT64_MIN});
  CHECK_EQ(aoti_torch_cpu_masked_select(x.handle(), none.handle(), &y), AOTI_TORCH_SUCCESS);
  check_result<int64_t>(y, {0}, {});
  CHECK_EQ(aoti_torch_cpu_masked_select(x.handle(), short_mask.handle(), &y), AOTI_TORCH_FAILURE);
  CHECK_CONTAINS(aoti_torch_get_last_error(), "a mask of 2 elements for 6");
  CHECK_EQ(aoti_torch_cpu_nonzero(x.handle(), &y), AOTI_TORCH_SUCCESS);
  check_result<int64_t>(y, {4, 2}, {0, 0, 0, 2, 1, 1, 1, 2});
  CHECK_EQ(aoti_torch_cpu_nonzero(none.handle(), &y), AOTI_TORCH_SUCCESS);
  check_result<int64_t>(y, {0, 2}, {});
}

struct Bag {
  std::vector<int64_t> indices, offsets;
  int64_t mode;
  int32_t include_last;
  int64_t padding;

  AOTITorchError run(const Small<float> *scales, AtenTensorHandle *out) const {
    const Small<float> table({4, 2}, ramp(8, 0, 0));
    const Small<int64_t> rows({static_cast<int64_t>(indices.size())}, indices),
        starts({static_cast<int64_t>(offsets.size())}, offsets);
    AtenTensorHandle given = scales != nullptr ? scales->handle() : nullptr, others[3] = {};
    const AOTITorchError status = aoti_torch_cpu__embedding_bag(
        table.handle(), rows.handle(), starts.handle(), 0, mode, 0, scales != nullptr ? &given : nullptr,
        include_last, padding, out, &others[0], &others[1], &others[2]);
    for (AtenTensorHandle other : others)
      CHECK_EQ(aoti_torch_delete_tensor_object(other), AOTI_TORCH_SUCCESS);
    return status;
  }
};

void test_bags() {
  AtenTensorHandle y = nullptr;
  const Small<float> scales({4}, {0.5, 2, 1, -1}), short_scales({1}, {1});
  CHECK_EQ((Bag{{1, 3, 0, 2}, {0, 2, 2}, 1, 0, -1}.run(nullptr, &y)), AOTI_TORCH_SUCCESS);
  check_result<float>(y, {3, 2}, {4, 5, 0, 0, 2, 3});
  CHECK_EQ((Bag{{1, 3, 0, 2}, {0, 2, 4}, 0, 1, 3}.run(&scales, &y)), AOTI_TORCH_SUCCESS);
  check_result<float>(y, {2, 2}, {1, 1.5, -4, -4});
  CHECK_EQ((Bag{{1, 3, 0, 2}, {0, 2, 2}, 2, 0, -1}.run(nullptr, &y)), AOTI_TORCH_SUCCESS);
  check_result<float>(y, {3, 2}, {6, 7, 0, 0, 4, 5});
  const auto refused = [&](const Bag &bag, const Small<float> *given, const char *part) {
    CHECK_EQ(bag.run(given, &y), AOTI_TORCH_FAILURE);
    CHECK_CONTAINS(aoti_torch_get_last_error(), part);
  };
  refused({{1, 4}, {0}, 0, 0, -1}, nullptr, "index 4 is out of range; the table has 4 rows");
  refused({{1, -1}, {0}, 0, 0, -1}, nullptr, "index -1 is out of range");
  refused({{1, 2}, {0, 3}, 0, 0, -1}, nullptr, "bag 0 is [0, 3) of 2 indices");
  refused({{1, 2}, {1, 0}, 0, 0, -1}, nullptr, "bag 0 is [1, 0) of 2 indices");
  refused({{1, 2}, {0}, 3, 0, -1}, nullptr, "mode 0 to 2");
  refused({{1, 2}, {0}, 0, 0, -1}, &short_scales, "expected a table of rank 2");
  refused({{}, {}, 0, 1, -1}, nullptr, "");
}

}  // namespace

int main() {
  test_scatter_integers();
  test_scatter_means();
  test_scatter_refusals();
  test_select();
  test_bags();
  return aoti_test::result();
}
