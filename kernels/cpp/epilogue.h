// How finished sums leave a matrix kernel: the epilogue of the caller sees them tile by tile, while they are
// in L1.
//
// What enters: any callable
//     epilogue(const float *acc, int64_t ld, int64_t batch, int64_t m0, int64_t n0, int64_t m_count, int64_t
//     n_count)
// where acc[i * ld + j] is the finished sum of element (batch, m0 + i, n0 + j). What leaves: an EpilogueRef,
// a plain function pointer and the callable's address, which the engine (compiled once per ISA) can call.
//
// Invariants: m_count is 1..8. n_count is 16 for every full panel, and less only at the right edge of N: the
// loop over columns sees the constant 16 and becomes vector code. Calls for disjoint tiles run concurrently;
// each element of the result is passed exactly once. The epilogue must not write acc.
//
//   auto store = [=](const float *acc, int64_t ld, int64_t, int64_t m0, int64_t n0, int64_t m_count, int64_t
//   n_count) {
//     for (int64_t i = 0; i < m_count; ++i) {
//       AOTI_VECTORIZE
//       for (int64_t j = 0; j < n_count; ++j) out[(m0 + i) * N + n0 + j] = acc[i * ld + j] + bias[n0 + j];
//     }
//   };
#ifndef KERNELS_CPP_EPILOGUE_H_
#define KERNELS_CPP_EPILOGUE_H_

#include <stdint.h>

#include "kernels/cpp/isa.h"
#include "kernels/cpp/simd.h"

AOTI_BEGIN_NAMESPACE

// Width of a packed panel, for every ISA.
constexpr int64_t kPanel = 16;

// A finished tile, of any width, to hand to the epilogue.
struct Tile {
  const float *acc;
  int64_t ld;
  int64_t batch;
  int64_t m0;
  int64_t n0;
  int64_t m_count;
  int64_t n_count;
};

struct EpilogueRef {
  void (*call)(const void *epilogue, const Tile &tile);
  const void *epilogue;  // borrowed for the duration of the kernel call
};

template <class Epilogue>
static void call_epilogue(const void *epilogue, const Tile &t) {
  const Epilogue &run = *static_cast<const Epilogue *>(epilogue);
  int64_t j = 0;
  for (; j + kPanel <= t.n_count; j += kPanel) {
    run(t.acc + j, t.ld, t.batch, t.m0, t.n0 + j, t.m_count, kPanel);
  }
  if (j < t.n_count) run(t.acc + j, t.ld, t.batch, t.m0, t.n0 + j, t.m_count, t.n_count - j);
}

template <class Epilogue>
static EpilogueRef epilogue_ref(const Epilogue &epilogue) {
  return EpilogueRef{&call_epilogue<Epilogue>, &epilogue};
}

AOTI_END_NAMESPACE

#endif  // KERNELS_CPP_EPILOGUE_H_
