// Operators along one dimension: cumulative sums, sorting, the largest k, searching.
#include <stdlib.h>
#include <string.h>

#include "aoti/compat_ops.h"
#include "shim/src/compat/wide.h"
#include "shim/src/error.h"

using aoti_compat::dimension;
using aoti_compat::give;
using aoti_compat::is_integer;
using aoti_compat::load;
using aoti_compat::make;
using aoti_compat::Rows;
using aoti_compat::rows_along;
using aoti_compat::Tensor;
using aoti_shim::fail;

namespace {

int32_t wide_dtype(int32_t dtype) { return is_integer(dtype) ? AOTI_DTYPE_INT64 : AOTI_DTYPE_FLOAT64; }

// A scalar counts as a row of one element, as in PyTorch.
bool load_rows(AtenTensorHandle self, Tensor *ret, int32_t *ret_dtype) {
  return aoti_torch_get_dtype(self, ret_dtype) == AOTI_TORCH_SUCCESS &&
         load(self, wide_dtype(*ret_dtype), ret);
}

Rows rows_of(const Tensor &tensor, int64_t dim) {
  return tensor.ndim == 0 ? Rows{1, 1, 1} : rows_along(tensor, dim);
}

template <class T>
bool before(T left, T right, bool descending) {
  // NaN is the largest: it is not equal to itself.
  const bool left_nan = left != left, right_nan = right != right;
  if (left_nan || right_nan) return descending ? left_nan && !right_nan : right_nan && !left_nan;
  return descending ? left > right : left < right;
}

// A stable merge sort of `order` by the values at start + order[i] * step; `spare` is as long.
template <class T>
void sort_order(const T *values, const Rows &rows, int64_t start, bool descending, int64_t *order,
                int64_t *spare) {
  for (int64_t i = 0; i < rows.length; ++i) order[i] = i;
  for (int64_t width = 1; width < rows.length; width *= 2) {
    for (int64_t low = 0; low < rows.length; low += 2 * width) {
      const int64_t middle = low + width < rows.length ? low + width : rows.length;
      const int64_t high = low + 2 * width < rows.length ? low + 2 * width : rows.length;
      int64_t left = low, right = middle;
      for (int64_t to = low; to < high; ++to) {
        const bool takes_right =
            left == middle || (right < high && before(values[start + order[right] * rows.step],
                                                      values[start + order[left] * rows.step], descending));
        spare[to] = takes_right ? order[right++] : order[left++];
      }
    }
    memcpy(order, spare, sizeof(int64_t) * static_cast<size_t>(rows.length));
  }
}

// The first `kept` of each row in order, and where they were.
template <class T>
void sort_rows(const T *values, const Rows &rows, const Rows &out, bool descending, T *sorted,
               int64_t *places, int64_t *order) {
  for (int64_t row = 0; row < rows.count; ++row) {
    const int64_t start = rows.start(row), to = out.start(row);
    sort_order(values, rows, start, descending, order, order + rows.length);
    for (int64_t i = 0; i < out.length; ++i) {
      sorted[to + i * out.step] = values[start + order[i] * rows.step];
      places[to + i * out.step] = order[i];
    }
  }
}

AOTITorchError sort(const char *function, AtenTensorHandle self, int64_t kept, int64_t dim, bool descending,
                    AtenTensorHandle *ret0, AtenTensorHandle *ret1) {
  Tensor values, sorted, places;
  int32_t dtype = 0;
  if (!load_rows(self, &values, &dtype)) return AOTI_TORCH_FAILURE;
  const int64_t d = values.ndim == 0 ? 0 : dimension(values, dim);
  const Rows rows = d < 0 ? Rows{} : rows_of(values, d);
  if (kept < 0) kept = rows.length;
  if (d < 0 || kept > rows.length) {
    return fail(function, "dimension %lld and %lld elements of it are not in a tensor of rank %lld",
                (long long)dim, (long long)kept, (long long)values.ndim);
  }
  int64_t sizes[aoti_compat::kMaxRank] = {};
  memcpy(sizes, values.sizes, sizeof(int64_t) * static_cast<size_t>(values.ndim));
  if (values.ndim > 0) sizes[d] = kept;
  if (!make(values.ndim, sizes, values.dtype, &sorted) ||
      !make(values.ndim, sizes, AOTI_DTYPE_INT64, &places)) {
    return AOTI_TORCH_FAILURE;
  }
  const Rows out = {rows.count, kept, rows.step};
  int64_t *order = static_cast<int64_t *>(malloc(sizeof(int64_t) * static_cast<size_t>(2 * rows.length + 2)));
  if (order == nullptr) return aoti_shim::fail_memory(function, 16 * rows.length);
  if (is_integer(dtype)) {
    sort_rows(values.integers(), rows, out, descending, sorted.integers(), places.integers(), order);
  } else {
    sort_rows(values.doubles(), rows, out, descending, sorted.doubles(), places.integers(), order);
  }
  free(order);
  AtenTensorHandle result = nullptr;
  if (!give(sorted, dtype, &result)) return AOTI_TORCH_FAILURE;
  *ret0 = result;
  *ret1 = places.release();
  return AOTI_TORCH_SUCCESS;
}

double add(double left, double right) { return left + right; }

// Wraps around, as in PyTorch.
int64_t add(int64_t left, int64_t right) {
  int64_t sum = 0;
  (void)__builtin_add_overflow(left, right, &sum);
  return sum;
}

template <class T>
void add_up(T *values, const Rows &rows) {
  for (int64_t row = 0; row < rows.count; ++row) {
    T sum = 0;
    for (int64_t i = 0; i < rows.length; ++i) {
      T *at = &values[rows.start(row) + i * rows.step];
      *at = sum = add(sum, *at);
    }
  }
}

template <class T>
int64_t position(const T *sorted, int64_t count, T value, bool right) {
  int64_t low = 0, high = count;
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    const bool goes_right =
        right ? !before(value, sorted[middle], false) : before(sorted[middle], value, false);
    (goes_right ? low : high) = goes_right ? middle + 1 : middle;
  }
  return low;
}

template <class T>
void search(const T *sorted, const Rows &table, const T *values, const Rows &rows, bool right, int64_t *out) {
  for (int64_t row = 0; row < rows.count; ++row) {
    const T *from = sorted + (table.count == 1 ? 0 : row * table.length);
    for (int64_t i = 0; i < rows.length; ++i) {
      const int64_t at = row * rows.length + i;
      out[at] = position(from, table.length, values[at], right);
    }
  }
}

}  // namespace

extern "C" {

AOTITorchError aoti_torch_cpu_cumsum(AtenTensorHandle self, int64_t dim, int32_t *dtype,
                                     AtenTensorHandle *ret0) {
  Tensor values;
  int32_t from = 0;
  if (aoti_torch_get_dtype(self, &from) != AOTI_TORCH_SUCCESS) return AOTI_TORCH_FAILURE;
  const int32_t to = dtype != nullptr ? *dtype : is_integer(from) ? AOTI_DTYPE_INT64 : from;
  if (!load(self, wide_dtype(to), &values)) return AOTI_TORCH_FAILURE;
  const int64_t d = values.ndim == 0 ? 0 : dimension(values, dim);
  if (d < 0) return fail("aoti_torch_cpu_cumsum", "there is no dimension %lld", (long long)dim);
  if (is_integer(to)) {
    add_up(values.integers(), rows_of(values, d));
  } else {
    add_up(values.doubles(), rows_of(values, d));
  }
  return give(values, to, ret0) ? AOTI_TORCH_SUCCESS : AOTI_TORCH_FAILURE;
}

AOTITorchError aoti_torch_cpu_sort_stable(AtenTensorHandle self, int32_t *stable, int64_t dim,
                                          int32_t descending, AtenTensorHandle *ret0,
                                          AtenTensorHandle *ret1) {
  (void)stable;
  return sort("aoti_torch_cpu_sort_stable", self, -1, dim, descending != 0, ret0, ret1);
}

AOTITorchError aoti_torch_cpu_topk(AtenTensorHandle self, int64_t k, int64_t dim, int32_t largest,
                                   int32_t sorted, AtenTensorHandle *ret0, AtenTensorHandle *ret1) {
  (void)sorted;
  if (k < 0) return fail("aoti_torch_cpu_topk", "k is %lld; expected 0 or more", (long long)k);
  return sort("aoti_torch_cpu_topk", self, k, dim, largest != 0, ret0, ret1);
}

AOTITorchError aoti_torch_cpu_searchsorted_Tensor(AtenTensorHandle sorted_sequence, AtenTensorHandle self,
                                                  int32_t out_int32, int32_t right, const char **side,
                                                  AtenTensorHandle *sorter, AtenTensorHandle *ret0) {
  const char *function = "aoti_torch_cpu_searchsorted_Tensor";
  if (sorter != nullptr) return fail(function, "a sorter is not supported by the lean stand-in");
  if (side != nullptr) right = strcmp(*side, "right") == 0;
  Tensor sorted, values, places;
  int32_t dtype = 0, other = 0;
  if (aoti_torch_get_dtype(sorted_sequence, &dtype) != AOTI_TORCH_SUCCESS ||
      aoti_torch_get_dtype(self, &other) != AOTI_TORCH_SUCCESS) {
    return AOTI_TORCH_FAILURE;
  }
  const bool integers = is_integer(dtype) && is_integer(other);
  const int32_t wide = integers ? AOTI_DTYPE_INT64 : AOTI_DTYPE_FLOAT64;
  if (!load(sorted_sequence, wide, &sorted) || !load(self, wide, &values) ||
      !make(values.ndim, values.sizes, AOTI_DTYPE_INT64, &places)) {
    return AOTI_TORCH_FAILURE;
  }
  if (sorted.ndim < 1) return fail(function, "the sorted sequence is a scalar");
  const int64_t length = sorted.sizes[sorted.ndim - 1];
  Rows table = {sorted.ndim == 1 ? 1 : rows_along(sorted, sorted.ndim - 1).count, length, 1};
  Rows rows = rows_of(values, values.ndim - 1);
  if (table.count == 1) rows = Rows{1, values.numel, 1};
  if (table.count != rows.count) {
    return fail(function, "%lld sorted rows for %lld rows of values", (long long)table.count,
                (long long)rows.count);
  }
  if (integers) {
    search(sorted.integers(), table, values.integers(), rows, right != 0, places.integers());
  } else {
    search(sorted.doubles(), table, values.doubles(), rows, right != 0, places.integers());
  }
  return give(places, out_int32 != 0 ? AOTI_DTYPE_INT32 : AOTI_DTYPE_INT64, ret0) ? AOTI_TORCH_SUCCESS
                                                                                  : AOTI_TORCH_FAILURE;
}

}  // extern "C"
