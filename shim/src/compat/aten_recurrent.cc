// One layer of an LSTM in one direction: what AOTInductor makes of nn.LSTM on the CPU.
//
// For each step t, with the rows of both weights in the order input, forget, cell, output:
//   i, f, g, o = x[t] @ W_ih^T + h @ W_hh^T + b_ih + b_hh
//   c = sigmoid(f) * c + sigmoid(i) * tanh(g);   h = sigmoid(o) * tanh(c);   y[t] = h
#include <math.h>

#include "aoti/compat_ops.h"
#include "shim/src/compat/wide.h"
#include "shim/src/error.h"

using aoti_compat::give;
using aoti_compat::load;
using aoti_compat::make;
using aoti_compat::Tensor;
using aoti_shim::fail;

namespace {

constexpr int64_t kLstm = 2;  // at::native's numbers of cells
constexpr int64_t kGates = 4;

struct Layer {
  Tensor x, input_weight, hidden_weight, input_bias, hidden_bias, h, c;
  int64_t steps, batch, in_width, width;
  bool has_biases;
};

double sigmoid(double x) { return 1 / (1 + exp(-x)); }

// Row `row` (gate and unit) for one sample, before its function.
double gate(const Layer &l, int64_t row, const double *x, const double *h) {
  double sum = l.has_biases ? l.input_bias.doubles()[row] + l.hidden_bias.doubles()[row] : 0;
  for (int64_t k = 0; k < l.in_width; ++k) sum += l.input_weight.doubles()[row * l.in_width + k] * x[k];
  for (int64_t k = 0; k < l.width; ++k) sum += l.hidden_weight.doubles()[row * l.width + k] * h[k];
  return sum;
}

// One sample's step: reads `h`, writes `next_h`, changes `c`.
void step(const Layer &l, const double *x, const double *h, double *c, double *next_h) {
  for (int64_t unit = 0; unit < l.width; ++unit) {
    double value[kGates];
    for (int64_t g = 0; g < kGates; ++g) value[g] = gate(l, g * l.width + unit, x, h);
    c[unit] = sigmoid(value[1]) * c[unit] + sigmoid(value[0]) * tanh(value[2]);
    next_h[unit] = sigmoid(value[3]) * tanh(c[unit]);
  }
}

void run(Layer *l, bool reverse, double *out) {
  const int64_t state = l->batch * l->width;
  const double *h = l->h.doubles();
  for (int64_t i = 0; i < l->steps; ++i) {
    const int64_t t = reverse ? l->steps - 1 - i : i;
    for (int64_t n = 0; n < l->batch; ++n) {
      step(*l, l->x.doubles() + (t * l->batch + n) * l->in_width, h + n * l->width,
           l->c.doubles() + n * l->width, out + t * state + n * l->width);
    }
    h = out + t * state;
  }
  // The last step's output is the state; of no steps it stays what it was.
  for (int64_t i = 0; i < state && l->steps > 0; ++i) l->h.doubles()[i] = h[i];
}

bool is_matrix(const Tensor &tensor, int64_t rows, int64_t columns) {
  return tensor.ndim == 2 && tensor.sizes[0] == rows && tensor.sizes[1] == columns;
}

bool fits(const Layer &l) {
  int64_t rows = 0, state = 0;
  if (__builtin_mul_overflow(kGates, l.width, &rows) || __builtin_mul_overflow(l.batch, l.width, &state))
    return false;
  return is_matrix(l.input_weight, rows, l.in_width) && is_matrix(l.hidden_weight, rows, l.width) &&
         (!l.has_biases || (l.input_bias.numel == rows && l.hidden_bias.numel == rows)) &&
         l.h.numel == state && l.c.numel == state;
}

}  // namespace

extern "C" {

AOTITorchError aoti_torch_cpu_mkldnn_rnn_layer(
    AtenTensorHandle input, AtenTensorHandle weight0, AtenTensorHandle weight1, AtenTensorHandle weight2,
    AtenTensorHandle weight3, AtenTensorHandle hx_, AtenTensorHandle cx_, int32_t reverse,
    const int64_t *batch_sizes, int64_t batch_sizes_len_, int64_t mode, int64_t hidden_size,
    int64_t num_layers, int32_t has_biases, int32_t bidirectional, int32_t batch_first, int32_t train,
    AtenTensorHandle *ret0, AtenTensorHandle *ret1, AtenTensorHandle *ret2, AtenTensorHandle *ret3) {
  // One layer and one direction are given at a time, time outermost, whatever these say of the whole module.
  (void)batch_sizes, (void)num_layers, (void)bidirectional, (void)batch_first;
  const char *function = "aoti_torch_cpu_mkldnn_rnn_layer";
  if (mode != kLstm) return fail(function, "mode %lld; the lean stand-in has LSTM (2)", (long long)mode);
  if (train != 0 || batch_sizes_len_ != 0)
    return fail(function, "training and packed sequences need libtorch");
  Layer l = {};
  Tensor out, none;
  int32_t dtype = 0;
  l.has_biases = has_biases != 0;
  if (aoti_torch_get_dtype(input, &dtype) != AOTI_TORCH_SUCCESS || !load(input, AOTI_DTYPE_FLOAT64, &l.x) ||
      !load(weight0, AOTI_DTYPE_FLOAT64, &l.input_weight) ||
      !load(weight1, AOTI_DTYPE_FLOAT64, &l.hidden_weight) ||
      (l.has_biases && (!load(weight2, AOTI_DTYPE_FLOAT64, &l.input_bias) ||
                        !load(weight3, AOTI_DTYPE_FLOAT64, &l.hidden_bias))) ||
      !load(hx_, AOTI_DTYPE_FLOAT64, &l.h) || !load(cx_, AOTI_DTYPE_FLOAT64, &l.c)) {
    return AOTI_TORCH_FAILURE;
  }
  if (l.x.ndim != 3)
    return fail(function, "the input has rank %lld; expected 3 [T, N, I]", (long long)l.x.ndim);
  l.steps = l.x.sizes[0];
  l.batch = l.x.sizes[1];
  l.in_width = l.x.sizes[2];
  l.width = hidden_size;
  if (!fits(l))
    return fail(function, "sizes of weights or state do not fit %lld units", (long long)hidden_size);
  const int64_t sizes[3] = {l.steps, l.batch, l.width}, no_elements = 0;
  if (!make(3, sizes, AOTI_DTYPE_FLOAT64, &out) || !make(1, &no_elements, AOTI_DTYPE_UINT8, &none))
    return AOTI_TORCH_FAILURE;
  run(&l, reverse != 0, out.doubles());
  AtenTensorHandle given[3] = {nullptr, nullptr, nullptr};
  if (!give(out, dtype, &given[0]) || !give(l.h, dtype, &given[1]) || !give(l.c, dtype, &given[2])) {
    for (AtenTensorHandle handle : given) aoti_torch_delete_tensor_object(handle);
    return AOTI_TORCH_FAILURE;
  }
  *ret0 = given[0];
  *ret1 = given[1];
  *ret2 = given[2];
  *ret3 = none.release();
  return AOTI_TORCH_SUCCESS;
}

}  // extern "C"
