// Operators whose result depends on where values are: selecting, scattering, bags of embeddings.
#include <string.h>

#include "aoti/compat_ops.h"
#include "shim/src/compat/wide.h"
#include "shim/src/error.h"

using aoti_compat::dimension;
using aoti_compat::give;
using aoti_compat::is_integer;
using aoti_compat::load;
using aoti_compat::make;
using aoti_compat::Tensor;
using aoti_shim::fail;

namespace {

int64_t count_nonzero(const Tensor &values) {
  int64_t count = 0;
  for (int64_t i = 0; i < values.numel; ++i) count += values.doubles()[i] != 0;
  return count;
}

double sum(double left, double right) { return left + right; }
double product(double left, double right) { return left * right; }
double quotient(double sum, int64_t number) { return sum / static_cast<double>(number); }
// Integers wrap around, and a mean is rounded down, as in PyTorch.
int64_t sum(int64_t left, int64_t right) {
  return static_cast<int64_t>(static_cast<uint64_t>(left) + static_cast<uint64_t>(right));
}
int64_t product(int64_t left, int64_t right) {
  return static_cast<int64_t>(static_cast<uint64_t>(left) * static_cast<uint64_t>(right));
}
int64_t quotient(int64_t sum, int64_t number) { return sum / number - (sum % number < 0 ? 1 : 0); }

// One more value for a place: what `reduce` says; `number` values are there already.
template <class T>
T combine(const char *reduce, T left, T right, int64_t number) {
  if (number == 0) return right;
  if (strcmp(reduce, "prod") == 0) return product(left, right);
  if (strcmp(reduce, "amax") == 0) return left != left || left > right ? left : right;
  if (strcmp(reduce, "amin") == 0) return left != left || left < right ? left : right;
  return sum(left, right);  // sum, mean
}

bool is_reduction(const char *reduce) {
  const char *const known[] = {"sum", "prod", "mean", "amax", "amin"};
  for (const char *name : known) {
    if (reduce != nullptr && strcmp(reduce, name) == 0) return true;
  }
  return false;
}

// Where element number i of `index` goes in `target`: its own place with `dim` replaced. -1 when out of
// range.
int64_t target_of(const Tensor &index, const Tensor &target, int64_t dim, int64_t i) {
  int64_t rest = i, stride = 1, at = 0;
  for (int64_t d = index.ndim - 1; d >= 0; --d) {
    int64_t place = rest % index.sizes[d];
    rest /= index.sizes[d];
    if (d == dim) place = index.integers()[i];
    if (place < 0 || place >= target.sizes[d]) return -1;
    at += place * stride;
    stride *= target.sizes[d];
  }
  return at;
}

// Element number i of `index` in `src`, which may be larger.
int64_t source_of(const Tensor &index, const Tensor &src, int64_t i) {
  int64_t rest = i, stride = 1, at = 0;
  for (int64_t d = index.ndim - 1; d >= 0; --d) {
    at += rest % index.sizes[d] * stride;
    rest /= index.sizes[d];
    stride *= src.sizes[d];
  }
  return at;
}

// `T` is the element of `target` and `src`: double, or int64_t so that large integers stay exact.
template <class T>
AOTITorchError scatter(const char *function, const Tensor &index, const Tensor &src, int64_t dim,
                       const char *reduce, Tensor *target, Tensor *counts) {
  T *const values = static_cast<T *>(target->data);
  const T *const sources = static_cast<const T *>(src.data);
  for (int64_t i = 0; i < index.numel; ++i) {
    const int64_t at = target_of(index, *target, dim, i);
    if (at < 0) return fail(function, "index %lld is out of range", (long long)index.integers()[i]);
    values[at] = combine(reduce, values[at], sources[source_of(index, src, i)], counts->integers()[at]++);
  }
  for (int64_t i = 0; i < target->numel && strcmp(reduce, "mean") == 0; ++i) {
    if (counts->integers()[i] > 1) values[i] = quotient(values[i], counts->integers()[i]);
  }
  return AOTI_TORCH_SUCCESS;
}

struct Bags {
  int64_t mode, padding_idx;
  const Tensor &weight, &indices;
  const double *scales;  // null: all 1
};

AOTITorchError fill_bag(const char *function, const Bags &bags, int64_t begin, int64_t end, double *out) {
  const int64_t width = bags.weight.sizes[1];
  int64_t number = 0;
  for (int64_t c = 0; c < width; ++c) out[c] = 0;
  for (int64_t i = begin; i < end; ++i) {
    const int64_t row = bags.indices.integers()[i];
    if (row < 0 || row >= bags.weight.sizes[0]) {
      return fail(function, "index %lld is out of range; the table has %lld rows", (long long)row,
                  (long long)bags.weight.sizes[0]);
    }
    if (row == bags.padding_idx) continue;
    const double *from = bags.weight.doubles() + row * width,
                 scale = bags.scales != nullptr ? bags.scales[i] : 1;
    for (int64_t c = 0; c < width; ++c) {
      const bool replaces = bags.mode == 2 && (number == 0 || from[c] > out[c]);
      out[c] = bags.mode == 2 ? (replaces ? from[c] : out[c]) : out[c] + from[c] * scale;
    }
    ++number;
  }
  for (int64_t c = 0; c < width && bags.mode == 1 && number > 0; ++c) out[c] /= static_cast<double>(number);
  return AOTI_TORCH_SUCCESS;
}

}  // namespace

extern "C" {

AOTITorchError aoti_torch_cpu_masked_select(AtenTensorHandle self, AtenTensorHandle mask,
                                            AtenTensorHandle *ret0) {
  Tensor values, chosen, result;
  int32_t dtype = 0;
  if (aoti_torch_get_dtype(self, &dtype) != AOTI_TORCH_SUCCESS ||
      !load(self, is_integer(dtype) ? AOTI_DTYPE_INT64 : AOTI_DTYPE_FLOAT64, &values) ||
      !load(mask, AOTI_DTYPE_FLOAT64, &chosen)) {
    return AOTI_TORCH_FAILURE;
  }
  if (chosen.numel != values.numel) {
    return fail("aoti_torch_cpu_masked_select", "a mask of %lld elements for %lld", (long long)chosen.numel,
                (long long)values.numel);
  }
  const int64_t count = count_nonzero(chosen);
  if (!make(1, &count, values.dtype, &result)) return AOTI_TORCH_FAILURE;
  int64_t to = 0;
  for (int64_t i = 0; i < values.numel; ++i) {
    if (chosen.doubles()[i] != 0)
      result.integers()[to++] = values.integers()[i];  // eight bytes of either type
  }
  return give(result, dtype, ret0) ? AOTI_TORCH_SUCCESS : AOTI_TORCH_FAILURE;
}

AOTITorchError aoti_torch_cpu_nonzero(AtenTensorHandle self, AtenTensorHandle *ret0) {
  Tensor values, result;
  if (!load(self, AOTI_DTYPE_FLOAT64, &values)) return AOTI_TORCH_FAILURE;
  const int64_t sizes[2] = {count_nonzero(values), values.ndim};
  if (!make(2, sizes, AOTI_DTYPE_INT64, &result)) return AOTI_TORCH_FAILURE;
  int64_t row = 0;
  for (int64_t i = 0; i < values.numel; ++i) {
    if (values.doubles()[i] == 0) continue;
    int64_t rest = i;
    for (int64_t d = values.ndim - 1; d >= 0; --d) {
      result.integers()[row * values.ndim + d] = rest % values.sizes[d];
      rest /= values.sizes[d];
    }
    ++row;
  }
  *ret0 = result.release();
  return AOTI_TORCH_SUCCESS;
}

AOTITorchError aoti_torch_cpu_scatter_reduce_two_out(AtenTensorHandle out, AtenTensorHandle self, int64_t dim,
                                                     AtenTensorHandle index, AtenTensorHandle src,
                                                     const char *reduce, int32_t include_self) {
  const char *function = "aoti_torch_cpu_scatter_reduce_two_out";
  Tensor target, places, values, counts;
  if (!is_reduction(reduce))
    return fail(function, "unknown reduction; expected sum, prod, mean, amax or amin");
  int32_t dtype = 0;
  if (aoti_torch_get_dtype(self, &dtype) != AOTI_TORCH_SUCCESS) return AOTI_TORCH_FAILURE;
  const int32_t wide = is_integer(dtype) ? AOTI_DTYPE_INT64 : AOTI_DTYPE_FLOAT64;
  if (!load(self, wide, &target) || !load(index, AOTI_DTYPE_INT64, &places) || !load(src, wide, &values) ||
      !make(target.ndim, target.sizes, AOTI_DTYPE_INT64, &counts)) {
    return AOTI_TORCH_FAILURE;
  }
  const int64_t d = dimension(target, dim);
  bool fits = d >= 0 && places.ndim == target.ndim && values.ndim == target.ndim;
  for (int64_t i = 0; i < places.ndim && fits; ++i) fits = places.sizes[i] <= values.sizes[i];
  if (!fits)
    return fail(function, "sizes of index and source do not fit, or there is no dimension %lld",
                (long long)dim);
  for (int64_t i = 0; i < counts.numel; ++i) counts.integers()[i] = include_self != 0 ? 1 : 0;
  const AOTITorchError status = wide == AOTI_DTYPE_INT64
                                    ? scatter<int64_t>(function, places, values, d, reduce, &target, &counts)
                                    : scatter<double>(function, places, values, d, reduce, &target, &counts);
  if (status != AOTI_TORCH_SUCCESS) return status;
  return aoti_torch_copy_(out, target.handle, 0);
}

AOTITorchError aoti_torch_cpu__embedding_bag(AtenTensorHandle weight, AtenTensorHandle indices,
                                             AtenTensorHandle offsets, int32_t scale_grad_by_freq,
                                             int64_t mode, int32_t sparse,
                                             AtenTensorHandle *per_sample_weights,
                                             int32_t include_last_offset, int64_t padding_idx,
                                             AtenTensorHandle *ret0, AtenTensorHandle *ret1,
                                             AtenTensorHandle *ret2, AtenTensorHandle *ret3) {
  const char *function = "aoti_torch_cpu__embedding_bag";
  (void)scale_grad_by_freq, (void)sparse;
  Tensor table, rows, starts, scales, out, empty[3];
  int32_t dtype = 0;
  if (aoti_torch_get_dtype(weight, &dtype) != AOTI_TORCH_SUCCESS ||
      !load(weight, AOTI_DTYPE_FLOAT64, &table) || !load(indices, AOTI_DTYPE_INT64, &rows) ||
      !load(offsets, AOTI_DTYPE_INT64, &starts) ||
      (per_sample_weights != nullptr && !load(*per_sample_weights, AOTI_DTYPE_FLOAT64, &scales))) {
    return AOTI_TORCH_FAILURE;
  }
  if (table.ndim != 2 || rows.ndim != 1 || starts.ndim != 1 || mode < 0 || mode > 2 ||
      (per_sample_weights != nullptr && scales.numel != rows.numel)) {
    return fail(function, "expected a table of rank 2, indices and offsets of rank 1, mode 0 to 2");
  }
  const int64_t sizes[2] = {starts.numel - (include_last_offset != 0 ? 1 : 0), table.sizes[1]}, none = 0;
  if (!make(2, sizes, AOTI_DTYPE_FLOAT64, &out)) return AOTI_TORCH_FAILURE;
  const Bags bags = {mode, padding_idx, table, rows,
                     per_sample_weights != nullptr ? scales.doubles() : nullptr};
  for (int64_t b = 0; b < sizes[0]; ++b) {
    const int64_t begin = starts.integers()[b],
                  end = b + 1 < starts.numel ? starts.integers()[b + 1] : rows.numel;
    if (begin < 0 || begin > end || end > rows.numel) {
      return fail(function, "bag %lld is [%lld, %lld) of %lld indices", (long long)b, (long long)begin,
                  (long long)end, (long long)rows.numel);
    }
    if (fill_bag(function, bags, begin, end, out.doubles() + b * sizes[1]) != AOTI_TORCH_SUCCESS) {
      return AOTI_TORCH_FAILURE;
    }
  }
  for (Tensor &tensor : empty) {
    if (!make(1, &none, AOTI_DTYPE_INT64, &tensor)) return AOTI_TORCH_FAILURE;
  }
  if (!give(out, dtype, ret0)) return AOTI_TORCH_FAILURE;
  *ret1 = empty[0].release();
  *ret2 = empty[1].release();
  *ret3 = empty[2].release();
  return AOTI_TORCH_SUCCESS;
}

}  // extern "C"
