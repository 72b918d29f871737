// Convolution, forwards and transposed, and attention of the stand-in. The numbers are those of PyTorch 2.13
// for the same calls (torch.nn.functional.conv2d, conv_transpose1d and 2d,
// aten._scaled_dot_product_flash_attention_for_cpu).
#include <math.h>

#include "shim/src/compat/testing/small_tensors.h"

using compat_testing::check_result;
using compat_testing::ramp;
using compat_testing::Small;

namespace {

struct Convolution {
  std::vector<int64_t> stride, padding, dilation, output_padding;
  int32_t transposed;
  int64_t groups;

  AOTITorchError run(const Small<float> &x, const Small<float> &weight, const Small<float> *bias,
                     AtenTensorHandle *ret) const {
    AtenTensorHandle given = bias != nullptr ? bias->handle() : nullptr;
    const auto length = [](const std::vector<int64_t> &values) {
      return static_cast<int64_t>(values.size());
    };
    return aoti_torch_cpu_convolution(x.handle(), weight.handle(), bias != nullptr ? &given : nullptr,
                                      stride.data(), length(stride), padding.data(), length(padding),
                                      dilation.data(), length(dilation), transposed, output_padding.data(),
                                      length(output_padding), groups, ret);
  }
};

void test_convolution() {
  const Small<float> x({1, 2, 2, 3}, ramp(12, 0, -5)), weight({4, 1, 2, 2}, ramp(16, 5, -2));
  AtenTensorHandle y = nullptr;
  CHECK_EQ((Convolution{{1, 2}, {1, 1}, {1, 2}, {0, 0}, 0, 2}.run(x, weight, nullptr, &y)),
           AOTI_TORCH_SUCCESS);
  check_result<float>(y, {1, 4, 3, 2},
                      {-4, 0, 3, 8, 1, 2, 0, 4, 8, -7, 2, -2, -2, -4, -1, -8, 10, 5, -4, 4, -8, 10, 5, 0});
}

void test_transposed() {
  const Small<float> x({1, 2, 2, 3}, ramp(12, 0, -5)), weight({2, 2, 2, 2}, ramp(16, 5, -2)),
      bias({2}, {0.5, -1});
  AtenTensorHandle y = nullptr;
  CHECK_EQ((Convolution{{2, 1}, {1, 0}, {1, 2}, {1, 0}, 1, 1}.run(x, weight, &bias, &y)), AOTI_TORCH_SUCCESS);
  check_result<float>(y, {1, 2, 3, 5}, {-1.5, -3.5, -11.5, -5.5, -5.5, 8.5, 7.5, 16.5, 11.5, 12.5,
                                        -7.5, -9.5, -17.5, -5.5, -5.5, 6,   7,   6,    -5,   -7,
                                        -5,   -3,   7,     6,    5,    9,   10,  3,    -11,  -13});
  const Small<float> grouped({2, 3, 2, 1}, ramp(12, 7, -3));
  CHECK_EQ((Convolution{{1}, {0}, {1}, {0}, 1, 2}.run(x, grouped, nullptr, &y)), AOTI_TORCH_SUCCESS);
  check_result<float>(y, {1, 6, 3, 3},
                      {15, 12, 9,  16,  11,  6,   4,  2,  0,  5, 4, 3, 2, 1, 0, 0,   0,   0,
                       -5, -4, -3, -12, -9,  -6,  -4, -2, 0,  3, 6, 9, 9, 9, 9, -12, -15, -18,
                       -2, -4, -6, -9,  -12, -15, -4, -5, -6, 0, 0, 0, 1, 2, 3, 4,   5,   6});
  const Small<float> line({1, 2, 3}, {1, 2, 3, -1, 0, 4}), taps({2, 1, 2}, {1, -2, 3, 0.5});
  CHECK_EQ((Convolution{{3}, {0}, {1}, {2}, 1, 1}.run(line, taps, nullptr, &y)), AOTI_TORCH_SUCCESS);
  check_result<float>(y, {1, 1, 10}, {-2, -2.5, 0, 2, -4, 0, 15, -4, 0, 0});
}

void test_refused_convolutions() {
  const Small<float> x({1, 2, 2, 3}, ramp(12, 0, -5)), weight({4, 1, 2, 2}, ramp(16, 5, -2)),
      bias({2}, {0.5, -1});
  const auto refused = [&](const Convolution &call, const Small<float> *given, const char *part) {
    AtenTensorHandle y = nullptr;
    CHECK_EQ(call.run(x, weight, given, &y), AOTI_TORCH_FAILURE);
    CHECK(y == nullptr);
    CHECK_CONTAINS(aoti_torch_get_last_error(), part);
  };
  refused({{1}, {0}, {1}, {0}, 0, 1}, nullptr, "sizes of input (rank 4) and weight do not fit");
  refused({{1}, {0}, {1}, {0}, 1, 2}, nullptr, "sizes of input (rank 4) and weight do not fit");
  refused({{1}, {0}, {1}, {0}, 0, 2}, &bias, "do not fit");
  refused({{0}, {0}, {1}, {0}, 0, 2}, nullptr, "a stride of 0");
  refused({{1}, {0}, {3}, {0}, 0, 2}, nullptr, "the kernel is larger than the padded input");
  refused({{1}, {INT64_MAX}, {1}, {0}, 0, 2}, nullptr, "the kernel is larger than the padded input");
  refused({{1}, {0}, {INT64_MAX}, {0}, 0, 2}, nullptr, "the kernel is larger than the padded input");
}

void test_attention() {
  const Small<float> q({1, 1, 2, 2}, {1, 0, 0, 1}), k({1, 1, 3, 2}, {1, 2, 3, 4, 5, 6}),
      v({1, 1, 3, 2}, {1, 10, 2, 20, 3, 30});
  const float none = -INFINITY;
  const Small<float> mask({2, 3}, {0, none, 1, none, none, none}), crooked({2, 2}, {0, 0, 0, 0});
  double scale = 0.5;
  AtenTensorHandle y = nullptr, sums = nullptr, given = mask.handle();
  const auto attend = aoti_torch_cpu__scaled_dot_product_flash_attention_for_cpu;
  CHECK_EQ(attend(q.handle(), k.handle(), v.handle(), 0, 1, nullptr, &scale, &y, &sums), AOTI_TORCH_SUCCESS);
  check_result<float>(y, {1, 1, 2, 2}, {1, 10, 1.7310585975646973f, 17.31058692932129f}, 1e-5);
  CHECK_EQ(aoti_torch_delete_tensor_object(sums), AOTI_TORCH_SUCCESS);
  CHECK_EQ(attend(q.handle(), k.handle(), v.handle(), 0, 0, &given, &scale, &y, &sums), AOTI_TORCH_SUCCESS);
  // A row whose columns are all masked is 0.
  check_result<float>(y, {1, 1, 2, 2}, {2.9051482677459717f, 29.051483154296875f, 0, 0}, 1e-5);
  CHECK_EQ(aoti_torch_delete_tensor_object(sums), AOTI_TORCH_SUCCESS);
  given = crooked.handle();
  CHECK_EQ(attend(q.handle(), k.handle(), v.handle(), 0, 0, &given, &scale, &y, &sums), AOTI_TORCH_FAILURE);
  CHECK_CONTAINS(aoti_torch_get_last_error(), "of the mask is 2");
  CHECK_EQ(attend(q.handle(), k.handle(), v.handle(), 0.5, 0, nullptr, &scale, &y, &sums),
           AOTI_TORCH_FAILURE);
  CHECK_EQ(attend(q.handle(), v.handle(), mask.handle(), 0, 0, nullptr, &scale, &y, &sums),
           AOTI_TORCH_FAILURE);
  CHECK_CONTAINS(aoti_torch_get_last_error(), "sizes of query, key and value do not fit");
}

}  // namespace

int main() {
  test_convolution();
  test_transposed();
  test_refused_convolutions();
  test_attention();
  return aoti_test::result();
}
