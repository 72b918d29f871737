// How a matrix product is cut: columns into groups of panels, rows into strips, both among threads.
//
// What enters: the sizes and the number of threads. What leaves: numbers only.
//
// Invariants: cuts are balanced (no two parts differ by more than one unit), cover everything once, and never
// change the packed layout or the order in which the k's of one element are added, so results do not depend
// on threads.
//
//   ColumnGroups g = choose_columns(32, 49);          // 512 columns, 49 rows: eight groups of four panels
//   Split s = choose_split({1, 49, 4608, g, false}, 2);   // {1, 1, 2}: each thread takes four groups
#ifndef KERNELS_CPP_ENGINE_PLAN_H_
#define KERNELS_CPP_ENGINE_PLAN_H_

#include <stdint.h>

#include "kernels/cpp/simd.h"

AOTI_BEGIN_NAMESPACE

// Part `index` of `total` units cut into `parts` balanced pieces.
struct Range {
  int64_t begin;
  int64_t end;
};
static inline Range balanced_part(int64_t total, int64_t parts, int64_t index) {
  const int64_t base = total / parts, extra = total % parts;
  const int64_t begin = index * base + (index < extra ? index : extra);
  return Range{begin, begin + base + (index < extra ? 1 : 0)};
}

static inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Rows of `bytes` bytes from the one that is read to the one that is asked for, where each is read once: what
// memory sends meanwhile.
static inline int64_t rows_ahead(int64_t bytes) {
  constexpr int64_t kBytesAhead = 8192, kMost = 64, kLeast = 4;
  const int64_t rows = kBytesAhead / (bytes > 0 ? bytes : 1);
  return rows > kMost ? kMost : (rows < kLeast ? kLeast : rows);
}

// `panels` panels of B cut into `count` balanced groups; a group is what one register tile is wide.
struct ColumnGroups {
  int64_t panels;
  int64_t count;
};

// The groups that need the fewest cycles for `rows` rows.
ColumnGroups choose_columns(int64_t panels, int64_t rows);

struct SplitProblem {
  int64_t batch;
  int64_t m;
  int64_t k;
  ColumnGroups columns;
  bool packs_b;  // each thread copies its part of B first
};

// parts along each dimension; batch * rows * columns <= threads
struct Split {
  int64_t batch;
  int64_t rows;
  int64_t columns;
};

// The cut among at most `threads` threads whose slowest part is the fastest. Products too small to be worth
// waking a thread stay in one part.
Split choose_split(const SplitProblem &problem, int64_t threads);

AOTI_END_NAMESPACE

#endif  // KERNELS_CPP_ENGINE_PLAN_H_
