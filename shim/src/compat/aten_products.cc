// Convolution and attention.
#include <math.h>
#include <string.h>

#include "aoti/compat_ops.h"
#include "shim/src/compat/wide.h"
#include "shim/src/error.h"

using aoti_compat::give_in_order;
using aoti_compat::load;
using aoti_compat::make;
using aoti_compat::Tensor;
using aoti_shim::fail;

namespace {

constexpr int64_t kSpace = 3;

// All sizes with three spatial dimensions, those that are not there of size 1.
struct Window {
  bool is_transposed;
  int64_t batch, in_channels, out_channels, groups;
  int64_t in[kSpace], kernel[kSpace], out[kSpace], stride[kSpace], padding[kSpace], dilation[kSpace];
};

int64_t at_or(const int64_t *values, int64_t count, int64_t index, int64_t otherwise) {
  if (index < 0) return otherwise;
  return count == 1 ? values[0] : values[index];  // one number stands for all dimensions
}

// The place of the input that `tap` of the kernel meets for the result's place `out`, in dimension d; -1:
// none. Transposed: the result's place is where the input's place would have sent it.
int64_t source_at(const Window &w, int64_t d, int64_t out, int64_t tap) {
  int64_t at = out * w.stride[d] - w.padding[d] + tap * w.dilation[d];
  if (w.is_transposed) {
    const int64_t sent = out + w.padding[d] - tap * w.dilation[d];
    at = sent >= 0 && sent % w.stride[d] == 0 ? sent / w.stride[d] : -1;
  }
  return at >= 0 && at < w.in[d] ? at : -1;
}

// `kernel`: the taps of the first channel; those of the next one are `step` further.
double convolve_at(const Window &w, const double *image, const double *kernel, int64_t channels, int64_t step,
                   const int64_t *position) {
  double sum = 0;
  const int64_t plane = w.in[1] * w.in[2];
  for (int64_t c = 0; c < channels; ++c, kernel += step) {
    const double *tap = kernel;
    for (int64_t kz = 0; kz < w.kernel[0]; ++kz) {
      const int64_t z = source_at(w, 0, position[0], kz);
      for (int64_t ky = 0; ky < w.kernel[1]; ++ky) {
        const int64_t y = source_at(w, 1, position[1], ky);
        for (int64_t kx = 0; kx < w.kernel[2]; ++kx) {
          const int64_t x = source_at(w, 2, position[2], kx);
          const double factor = *tap++;
          if (z < 0 || y < 0 || x < 0) continue;
          sum += factor * image[(c * w.in[0] + z) * plane + y * w.in[2] + x];
        }
      }
    }
  }
  return sum;
}

void convolve(const Window &w, const double *input, const double *weight, const double *bias, double *out) {
  const int64_t channels = w.in_channels / w.groups, per_group = w.out_channels / w.groups;
  const int64_t image = w.in[0] * w.in[1] * w.in[2], taps = w.kernel[0] * w.kernel[1] * w.kernel[2];
  const int64_t step = w.is_transposed ? per_group * taps : taps;
  for (int64_t n = 0; n < w.batch; ++n) {
    for (int64_t o = 0; o < w.out_channels; ++o) {
      const int64_t group = o / per_group, first = group * channels;  // of the input's channels
      const double *from = input + (n * w.in_channels + first) * image;
      const double *kernel =
          weight + (w.is_transposed ? (first * per_group + o % per_group) * taps : o * channels * taps);
      for (int64_t z = 0; z < w.out[0]; ++z) {
        for (int64_t y = 0; y < w.out[1]; ++y) {
          for (int64_t x = 0; x < w.out[2]; ++x) {
            const int64_t position[kSpace] = {z, y, x};
            *out++ = convolve_at(w, from, kernel, channels, step, position) + (bias != nullptr ? bias[o] : 0);
          }
        }
      }
    }
  }
}

// How many places the result has in dimension d; less than 1 where the kernel is larger than the padded
// input. False where that is no number.
bool out_size(const Window &w, int64_t d, int64_t output_padding, int64_t *ret) {
  int64_t span = 0, padding = 0, size = 0;
  if (w.kernel[d] < 1 || __builtin_mul_overflow(w.dilation[d], w.kernel[d] - 1, &span) ||
      __builtin_mul_overflow(w.padding[d], int64_t{2}, &padding)) {
    return false;
  }
  if (w.is_transposed) {
    return !__builtin_mul_overflow(w.in[d] - 1, w.stride[d], &size) &&
           !__builtin_sub_overflow(size, padding, &size) && !__builtin_add_overflow(size, span, &size) &&
           !__builtin_add_overflow(size, output_padding, &size) &&
           !__builtin_add_overflow(size, int64_t{1}, ret);
  }
  if (__builtin_add_overflow(w.in[d], padding, &size) || __builtin_sub_overflow(size, span, &size))
    return false;
  *ret = size < 1 ? 0 : (size - 1) / w.stride[d] + 1;
  return true;
}

// Whether a tensor has its channels innermost. PyTorch gives a convolution's result the order of such an
// operand, and stock code reads it in that order.
bool is_channels_last(AtenTensorHandle tensor) {
  bool contiguous = true;
  int64_t *strides = nullptr, *sizes = nullptr;
  return aoti_torch_is_contiguous(tensor, &contiguous) == AOTI_TORCH_SUCCESS && !contiguous &&
         aoti_torch_get_strides(tensor, &strides) == AOTI_TORCH_SUCCESS &&
         aoti_torch_get_sizes(tensor, &sizes) == AOTI_TORCH_SUCCESS && strides[1] == 1;
}

struct Attention {
  int64_t batch, heads, rows, columns, width, out_width;
  double scale;
  bool is_causal;
  const Tensor *mask;  // null: none
};

double mask_at(const Tensor &mask, int64_t b, int64_t h, int64_t t, int64_t s) {
  const int64_t place[4] = {b, h, t, s};
  int64_t at = 0, stride = 1;
  for (int64_t d = mask.ndim - 1; d >= 0; --d) {
    const int64_t size = mask.sizes[d];
    if (size != 1) at += place[d + 4 - mask.ndim] * stride;
    stride *= size;
  }
  return mask.doubles()[at];
}

// One row of the result; gives the logarithm of the sum of its exponentials. `scores` is scratch [columns].
double attend(const Attention &a, int64_t b, int64_t h, int64_t t, const double *query, const double *key,
              const double *value, double *scores, double *out) {
  double largest = -INFINITY, sum = 0;
  for (int64_t s = 0; s < a.columns; ++s) {
    double score = 0;
    for (int64_t e = 0; e < a.width; ++e) score += query[e] * key[s * a.width + e];
    score = score * a.scale + (a.mask != nullptr ? mask_at(*a.mask, b, h, t, s) : 0);
    if (a.is_causal && s > t) score = -INFINITY;
    scores[s] = score;
    if (score > largest) largest = score;
  }
  for (int64_t e = 0; e < a.out_width; ++e) out[e] = 0;
  for (int64_t s = 0; s < a.columns; ++s) {
    const double weight = largest == -INFINITY ? 0 : exp(scores[s] - largest);
    sum += weight;
    for (int64_t e = 0; e < a.out_width; ++e) out[e] += weight * value[s * a.out_width + e];
  }
  for (int64_t e = 0; e < a.out_width && sum > 0; ++e) out[e] /= sum;
  return largest + log(sum);
}

}  // namespace

extern "C" {

AOTITorchError aoti_torch_cpu_convolution(AtenTensorHandle input, AtenTensorHandle weight,
                                          AtenTensorHandle *bias, const int64_t *stride, int64_t stride_len_,
                                          const int64_t *padding, int64_t padding_len_,
                                          const int64_t *dilation, int64_t dilation_len_, int32_t transposed,
                                          const int64_t *output_padding, int64_t output_padding_len_,
                                          int64_t groups, AtenTensorHandle *ret0) {
  const char *function = "aoti_torch_cpu_convolution";
  Tensor x, k, b, out;
  int32_t dtype = 0;
  const bool is_transposed = transposed != 0;
  if (aoti_torch_get_dtype(input, &dtype) != AOTI_TORCH_SUCCESS || !load(input, AOTI_DTYPE_FLOAT64, &x) ||
      !load(weight, AOTI_DTYPE_FLOAT64, &k) || (bias != nullptr && !load(*bias, AOTI_DTYPE_FLOAT64, &b))) {
    return AOTI_TORCH_FAILURE;
  }
  const int64_t space = x.ndim - 2, first = kSpace - space;
  const bool fits = space >= 1 && space <= kSpace && k.ndim == x.ndim && groups >= 1 &&
                    x.sizes[1] % groups == 0 && k.sizes[0] % groups == 0 &&
                    (is_transposed ? k.sizes[0] == x.sizes[1] : k.sizes[1] == x.sizes[1] / groups) &&
                    stride_len_ >= 1 && padding_len_ >= 1 && dilation_len_ >= 1;
  const int64_t out_channels = !fits ? 0 : is_transposed ? k.sizes[1] * groups : k.sizes[0];
  if (!fits || (bias != nullptr && b.numel != out_channels))
    return fail(function, "sizes of input (rank %lld) and weight do not fit", (long long)x.ndim);
  Window w = {is_transposed, x.sizes[0], x.sizes[1], out_channels, groups, {}, {}, {}, {}, {}, {}};
  int64_t sizes[2 + kSpace] = {w.batch, w.out_channels, 0, 0, 0};
  for (int64_t d = 0; d < kSpace; ++d) {
    const int64_t given = d - first;
    w.in[d] = given < 0 ? 1 : x.sizes[2 + given];
    w.kernel[d] = given < 0 ? 1 : k.sizes[2 + given];
    w.stride[d] = at_or(stride, stride_len_, given, 1);
    w.padding[d] = at_or(padding, padding_len_, given, 0);
    w.dilation[d] = at_or(dilation, dilation_len_, given, 1);
    if (w.stride[d] < 1) return fail(function, "a stride of %lld", (long long)w.stride[d]);
    const bool has_more = is_transposed && output_padding_len_ >= 1;
    if (!out_size(w, d, has_more ? at_or(output_padding, output_padding_len_, given, 0) : 0, &w.out[d]) ||
        w.out[d] < 1)
      return fail(function, "the kernel is larger than the padded input");
    if (given >= 0) sizes[2 + given] = w.out[d];
  }
  if (!make(x.ndim, sizes, AOTI_DTYPE_FLOAT64, &out)) return AOTI_TORCH_FAILURE;
  convolve(w, x.doubles(), k.doubles(), bias != nullptr ? b.doubles() : nullptr, out.doubles());
  const bool channels_last = is_channels_last(input) || is_channels_last(weight);
  int64_t order[2 + kSpace] = {0, 1, 2, 3, 4};
  for (int64_t d = 1; channels_last && d < x.ndim; ++d) order[d] = d + 1 < x.ndim ? d + 1 : 1;
  return give_in_order(out, dtype, order, ret0) ? AOTI_TORCH_SUCCESS : AOTI_TORCH_FAILURE;
}

AOTITorchError aoti_torch_cpu__scaled_dot_product_flash_attention_for_cpu(
    AtenTensorHandle query, AtenTensorHandle key, AtenTensorHandle value, double dropout_p, int32_t is_causal,
    AtenTensorHandle *attn_mask, double *scale, AtenTensorHandle *ret0, AtenTensorHandle *ret1) {
  const char *function = "aoti_torch_cpu__scaled_dot_product_flash_attention_for_cpu";
  Tensor q, k, v, mask, out, sums, scores;
  int32_t dtype = 0;
  if (dropout_p != 0) return fail(function, "dropout needs libtorch");
  if (aoti_torch_get_dtype(query, &dtype) != AOTI_TORCH_SUCCESS || !load(query, AOTI_DTYPE_FLOAT64, &q) ||
      !load(key, AOTI_DTYPE_FLOAT64, &k) || !load(value, AOTI_DTYPE_FLOAT64, &v) ||
      (attn_mask != nullptr && !load(*attn_mask, AOTI_DTYPE_FLOAT64, &mask))) {
    return AOTI_TORCH_FAILURE;
  }
  bool fits = q.ndim == 4 && k.ndim == 4 && v.ndim == 4 && mask.ndim <= 4;
  for (int d = 0; d < 2 && fits; ++d) fits = q.sizes[d] == k.sizes[d] && q.sizes[d] == v.sizes[d];
  if (!fits || q.sizes[3] != k.sizes[3] || k.sizes[2] != v.sizes[2]) {
    return fail(function, "sizes of query, key and value do not fit");
  }
  const Attention a = {q.sizes[0],
                       q.sizes[1],
                       q.sizes[2],
                       k.sizes[2],
                       q.sizes[3],
                       v.sizes[3],
                       scale != nullptr ? *scale : 1 / sqrt(static_cast<double>(q.sizes[3])),
                       is_causal != 0,
                       attn_mask != nullptr ? &mask : nullptr};
  const int64_t place[4] = {a.batch, a.heads, a.rows, a.columns};
  for (int64_t d = 0; d < mask.ndim; ++d) {
    if (mask.sizes[d] != 1 && mask.sizes[d] != place[d + 4 - mask.ndim]) {
      return fail(function, "dimension %lld of the mask is %lld", (long long)d, (long long)mask.sizes[d]);
    }
  }
  const int64_t sizes[4] = {a.batch, a.heads, a.rows, a.out_width}, sum_sizes[3] = {a.batch, a.rows, a.heads};
  if (!make(4, sizes, AOTI_DTYPE_FLOAT64, &out) || !make(3, sum_sizes, AOTI_DTYPE_FLOAT64, &sums) ||
      !make(1, &a.columns, AOTI_DTYPE_FLOAT64, &scores)) {
    return AOTI_TORCH_FAILURE;
  }
  for (int64_t i = 0; i < a.batch * a.heads * a.rows; ++i) {
    const int64_t t = i % a.rows, h = i / a.rows % a.heads, n = i / a.rows / a.heads, head = n * a.heads + h;
    sums.doubles()[(n * a.rows + t) * a.heads + h] = attend(
        a, n, h, t, q.doubles() + i * a.width, k.doubles() + head * a.columns * a.width,
        v.doubles() + head * a.columns * a.out_width, scores.doubles(), out.doubles() + i * a.out_width);
  }
  AtenTensorHandle result = nullptr;
  const int64_t order[4] = {0, 2, 1, 3};  // in memory [B, T, H, E], as PyTorch's kernel leaves it
  if (!give_in_order(out, dtype, order, &result)) return AOTI_TORCH_FAILURE;
  *ret0 = result;
  *ret1 = sums.release();
  return AOTI_TORCH_SUCCESS;
}

}  // extern "C"
