// The LSTM layer of the stand-in against the formula, written out step by step over plain arrays; and what it
// refuses.
#include <math.h>

#include <initializer_list>

#include "aoti/compat_ops.h"
#include "aoti/shim.h"
#include "tools/testing/check.h"

namespace {

constexpr int64_t kSteps = 3, kBatch = 2, kIn = 3, kWidth = 4, kRows = 4 * kWidth;

// A contiguous float32 tensor of small numbers.
struct Operand {
  float values[64];
  AtenTensorHandle tensor = nullptr;

  Operand(int64_t ndim, const int64_t *sizes, int seed) {
    int64_t strides[3] = {1, 1, 1};
    for (int64_t d = ndim - 1; d-- > 0;) strides[d] = strides[d + 1] * sizes[d + 1];
    for (int i = 0; i < 64; ++i) values[i] = static_cast<float>((i * 7 + seed * 5) % 13 - 6) / 8;
    CHECK_EQ(aoti_torch_create_tensor_from_blob(values, ndim, sizes, strides, 0, AOTI_DTYPE_FLOAT32, 0, 0,
                                                &tensor),
             0);
  }
  ~Operand() { aoti_torch_delete_tensor_object(tensor); }
};

constexpr int64_t kX[] = {kSteps, kBatch, kIn}, kInputWeight[] = {kRows, kIn},
                  kHiddenWeight[] = {kRows, kWidth}, kBias[] = {kRows}, kState[] = {1, kBatch, kWidth};

struct Operands {
  Operand x, input_weight{2, kInputWeight, 2}, hidden_weight{2, kHiddenWeight, 3}, input_bias{1, kBias, 4},
      hidden_bias{1, kBias, 5}, h{3, kState, 6}, c{3, kState, 7};

  explicit Operands(int64_t steps) : x(3, sizes_of_x(steps), 1) {}

  static const int64_t *sizes_of_x(int64_t steps) {
    static const int64_t none[] = {0, kBatch, kIn};
    return steps == 0 ? none : kX;
  }

  AOTITorchError run(bool reverse, bool has_biases, int64_t mode, int64_t width, AtenTensorHandle *results) {
    return aoti_torch_cpu_mkldnn_rnn_layer(x.tensor, input_weight.tensor, hidden_weight.tensor,
                                           input_bias.tensor, hidden_bias.tensor, h.tensor, c.tensor, reverse,
                                           nullptr, 0, mode, width, 1, has_biases, 0, 0, 0, &results[0],
                                           &results[1], &results[2], &results[3]);
  }
};

double sigmoid(double x) { return 1 / (1 + exp(-x)); }

void check_values(AtenTensorHandle tensor, const double *expected, int64_t count) {
  float *values = nullptr;
  int64_t numel = -1;
  CHECK_EQ(aoti_torch_get_numel(tensor, &numel), 0);
  CHECK_EQ(numel, count);
  CHECK_EQ(aoti_torch_get_data_ptr(tensor, reinterpret_cast<void **>(&values)), 0);
  for (int64_t i = 0; i < count && i < numel; ++i)
    CHECK_NEAR(static_cast<double>(values[i]), expected[i], 1e-6);
}

void test_layer(int64_t steps, bool reverse, bool has_biases) {
  Operands o(steps);
  double y[kSteps * kBatch * kWidth], h[kBatch * kWidth], c[kBatch * kWidth], next[kBatch * kWidth];
  for (int i = 0; i < kBatch * kWidth; ++i) h[i] = static_cast<double>(o.h.values[i]);
  for (int i = 0; i < kBatch * kWidth; ++i) c[i] = static_cast<double>(o.c.values[i]);
  for (int64_t s = 0; s < steps; ++s) {
    const int64_t t = reverse ? steps - 1 - s : s;
    for (int64_t cell = 0; cell < kBatch * kWidth; ++cell) {
      const int64_t n = cell / kWidth, unit = cell % kWidth;
      double gates[4];
      for (int64_t g = 0; g < 4; ++g) {
        const int64_t row = g * kWidth + unit;
        gates[g] = has_biases ? static_cast<double>(o.input_bias.values[row] + o.hidden_bias.values[row]) : 0;
        for (int64_t k = 0; k < kIn; ++k) {
          gates[g] += static_cast<double>(o.input_weight.values[row * kIn + k] *
                                          o.x.values[(t * kBatch + n) * kIn + k]);
        }
        for (int64_t k = 0; k < kWidth; ++k)
          gates[g] += static_cast<double>(o.hidden_weight.values[row * kWidth + k]) * h[n * kWidth + k];
      }
      c[cell] = sigmoid(gates[1]) * c[cell] + sigmoid(gates[0]) * tanh(gates[2]);
      next[cell] = sigmoid(gates[3]) * tanh(c[cell]);
    }
    for (int i = 0; i < kBatch * kWidth; ++i) h[i] = y[t * kBatch * kWidth + i] = next[i];
  }
  AtenTensorHandle results[4] = {};
  CHECK_EQ(o.run(reverse, has_biases, 2, kWidth, results), 0);
  check_values(results[0], y, steps * kBatch * kWidth);
  check_values(results[1], h, kBatch * kWidth);
  check_values(results[2], c, kBatch * kWidth);
  for (AtenTensorHandle result : results) CHECK_EQ(aoti_torch_delete_tensor_object(result), 0);
}

void refused(int64_t mode, int64_t width, const char *part) {
  Operands o(kSteps);
  AtenTensorHandle results[4] = {};
  CHECK_EQ(o.run(false, true, mode, width, results), AOTI_TORCH_FAILURE);
  CHECK_CONTAINS(aoti_torch_get_last_error(), part);
  for (AtenTensorHandle result : results) CHECK(result == nullptr);
}

}  // namespace

int main() {
  for (int64_t steps : {int64_t{0}, kSteps}) {
    for (int turn = 0; turn < 4; ++turn) test_layer(steps, (turn & 1) != 0, (turn & 2) != 0);
  }
  refused(3, kWidth, "mode 3; the lean stand-in has LSTM (2)");
  refused(2, kWidth + 1, "sizes of weights or state do not fit 5 units");
  refused(2, -1, "do not fit -1 units");
  refused(2, INT64_MAX, "do not fit");
  return aoti_test::result();
}
