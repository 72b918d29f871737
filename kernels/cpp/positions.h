// Orders of rows, as positions: sort, topk, cumulative extremes, binary search; and what a mask selects.
//
// What enters: rows [rows, n], contiguous, of any type that compares (16-bit floats come as float). What
// leaves: int64 positions inside of the row; values are read at them afterwards.
//
// Invariants: NaN is larger than every number; equal elements keep their order (sort is stable, topk takes
// the first ones), so that results do not depend on the number of threads. Rows are tasks. Nothing is
// allocated: a sort works in the second half of its output.
//
//   aoti::sort_positions(ctx, rows, n, keys, /*descending=*/false, out);   // out [2, rows, n], the result in
//   [0]
#ifndef KERNELS_CPP_POSITIONS_H_
#define KERNELS_CPP_POSITIONS_H_

#include <stdint.h>

#include "aoti/kernel_context.h"
#include "kernels/cpp/isa.h"
#include "kernels/cpp/loops.h"

AOTI_BEGIN_NAMESPACE

// Rows of at least this many elements together are one task.
constexpr int64_t kElementsPerTask = 4096;
// Runs of this length are sorted by insertion, then merged.
constexpr int64_t kInsertionRun = 16;

template <class T>
static inline bool is_nan(T a) {
  return a != a;
}

// Whether a comes before b in ascending order.
template <class T>
static inline bool is_less(T a, T b) {
  return a < b || (is_nan(b) && !is_nan(a));
}

static inline int64_t rows_per_task(int64_t n) {
  return n >= kElementsPerTask ? 1 : kElementsPerTask / (n + 1);
}

// Whether the element at position p comes strictly before the one at q.
template <class T, bool kDescending>
static inline bool comes_before(const T *keys, int64_t p, int64_t q) {
  return kDescending ? is_less(keys[q], keys[p]) : is_less(keys[p], keys[q]);
}

// Positions [begin, end) in order, by insertion.
template <class T, bool kDescending>
static inline void sort_run(const T *keys, int64_t *order, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) {
    int64_t at = i;
    for (; at > begin && comes_before<T, kDescending>(keys, i, order[at - 1]); --at)
      order[at] = order[at - 1];
    order[at] = i;
  }
}

// Merges the ordered runs [begin, middle) and [middle, end) of `from` into `to`; of equals the left one is
// first.
template <class T, bool kDescending>
static inline void merge_runs(const T *keys, const int64_t *from, int64_t *to, int64_t begin, int64_t middle,
                              int64_t end) {
  int64_t left = begin, right = middle;
  for (int64_t i = begin; i < end; ++i) {
    const bool take_right =
        left == middle || (right < end && comes_before<T, kDescending>(keys, from[right], from[left]));
    to[i] = take_right ? from[right++] : from[left++];
  }
}

template <class T, bool kDescending>
static inline void sort_row(const T *keys, int64_t n, int64_t *out, int64_t *work) {
  int64_t *from = out, *to = work;
  for (int64_t begin = 0; begin < n; begin += kInsertionRun)
    sort_run<T, kDescending>(keys, from, begin, min_index(begin + kInsertionRun, n));
  for (int64_t run = kInsertionRun; run < n; run *= 2) {
    for (int64_t begin = 0; begin < n; begin += 2 * run)
      merge_runs<T, kDescending>(keys, from, to, begin, min_index(begin + run, n),
                                 min_index(begin + 2 * run, n));
    int64_t *const merged = to;
    to = from;
    from = merged;
  }
  if (from == out) return;
  for (int64_t i = 0; i < n; ++i) out[i] = from[i];
}

template <class T>
static void sort_positions(AotiKernelContext *ctx, int64_t rows, int64_t n, const T *keys, bool descending,
                           int64_t *out) {
  parallel_for(ctx, rows, rows_per_task(n), [=](int64_t begin, int64_t end, int32_t) {
    for (int64_t r = begin; r < end; ++r) {
      int64_t *const result = out + r * n, *const work = out + (rows + r) * n;
      if (descending) {
        sort_row<T, true>(keys + r * n, n, result, work);
      } else {
        sort_row<T, false>(keys + r * n, n, result, work);
      }
    }
  });
}

// Whether p belongs behind q among the chosen ones: its key is worse, or it is a later equal.
template <class T, bool kLargest>
static inline bool is_worse(const T *keys, int64_t p, int64_t q) {
  if (comes_before<T, kLargest>(keys, q, p)) return true;
  return p > q && !comes_before<T, kLargest>(keys, p, q);
}

// Moves the element at `at` of the heap down to its place; the worst is on top.
template <class T, bool kLargest>
static inline void sift_down(const T *keys, int64_t *heap, int64_t at, int64_t count) {
  const int64_t moved = heap[at];
  while (true) {
    int64_t child = 2 * at + 1;
    if (child >= count) break;
    if (child + 1 < count && is_worse<T, kLargest>(keys, heap[child + 1], heap[child])) ++child;
    if (!is_worse<T, kLargest>(keys, heap[child], moved)) break;
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = moved;
}

// The k best positions of a row, best first, in a heap of k.
template <class T, bool kLargest>
static inline void topk_row(const T *keys, int64_t n, int64_t k, int64_t *heap) {
  for (int64_t i = 0; i < k; ++i) heap[i] = i;
  for (int64_t i = k / 2; i-- > 0;) sift_down<T, kLargest>(keys, heap, i, k);
  for (int64_t i = k; i < n && k > 0; ++i) {
    if (!comes_before<T, kLargest>(keys, i, heap[0])) continue;
    heap[0] = i;
    sift_down<T, kLargest>(keys, heap, 0, k);
  }
  for (int64_t left = k - 1; left > 0; --left) {
    const int64_t worst = heap[0];
    heap[0] = heap[left];
    heap[left] = worst;
    sift_down<T, kLargest>(keys, heap, 0, left);
  }
}

// out [rows, k], 0 <= k <= n
template <class T>
static void topk_positions(AotiKernelContext *ctx, int64_t rows, int64_t n, int64_t k, const T *keys,
                           bool largest, int64_t *out) {
  parallel_for(ctx, rows, rows_per_task(n), [=](int64_t begin, int64_t end, int32_t) {
    for (int64_t r = begin; r < end; ++r) {
      if (largest) {
        topk_row<T, true>(keys + r * n, n, k, out + r * k);
      } else {
        topk_row<T, false>(keys + r * n, n, k, out + r * k);
      }
    }
  });
}

// out[r, i]: where the largest (smallest) of keys[r, 0..i] is, the last of equals; from the first NaN on, the
// last NaN. out [rows, n]
template <class T>
static void extreme_positions(AotiKernelContext *ctx, int64_t rows, int64_t n, const T *keys, bool largest,
                              int64_t *out) {
  parallel_for(ctx, rows, rows_per_task(n), [=](int64_t begin, int64_t end, int32_t) {
    for (int64_t r = begin; r < end; ++r) {
      const T *const row = keys + r * n;
      int64_t best = 0;
      for (int64_t i = 0; i < n; ++i) {
        const T a = row[i], b = row[best];
        if (is_nan(a) || (!is_nan(b) && (largest ? a >= b : a <= b))) best = i;
        out[r * n + i] = best;
      }
    }
  });
}

// out[r, j]: how many elements of the ascending row are less than values[r, j] (with `right`: or equal to
// it). All rows search one row when `shared`. out [rows, m]
template <class T>
static void search_positions(AotiKernelContext *ctx, int64_t rows, int64_t n, int64_t m, const T *sorted,
                             const T *values, bool shared, bool right, int64_t *out) {
  parallel_for(ctx, rows * m, 256, [=](int64_t begin, int64_t end, int32_t) {
    for (int64_t at = begin; at < end; ++at) {
      const T *const row = shared ? sorted : sorted + (at / m) * n;
      const T value = values[at];
      int64_t first = 0, last = n;
      while (first < last) {
        const int64_t middle = first + (last - first) / 2;
        const bool before = right ? !(row[middle] > value) : !(row[middle] >= value);
        first = before ? middle + 1 : first;
        last = before ? last : middle;
      }
      out[at] = first;
    }
  });
}

// Where the mask holds, ascending. out [count]: as many as there are, which the caller has counted.
static inline void selected_positions(AotiKernelContext *, int64_t n, int64_t count, const bool *mask,
                                      int64_t *out) {
  // Every position is written, and overwritten by the next one where the mask does not hold: no branch.
  int64_t found = 0;
  for (int64_t i = 0; i < n && found < count; ++i) {
    out[found] = i;
    found += mask[i];
  }
}

AOTI_END_NAMESPACE

#endif  // KERNELS_CPP_POSITIONS_H_
