// What generated kernels need beside vector maths: loop pragmas, a parallel loop over a lambda, checked
// indices, integer arithmetic with the semantics of tensors, and 16-bit floats.
//
// What enters: plain values. What leaves: branch-free inline code that clang vectorises.
//
// Invariant: nothing here allocates, throws or has state.
//
//   aoti::parallel_for(ctx, rows, grain, [=](int64_t begin, int64_t end, int32_t thread) {
//     for (int64_t i = begin; i < end; ++i) {
//       LaneSum sum = 0.0f;
//       AOTI_VECTOR_LOOP
//       for (int64_t j = 0; j < 384; ++j) AOTI_REASSOCIATED(sum += x[384 * i + j])
//       y[i] = (float)sum;
//     }
//   });
#ifndef KERNELS_CPP_LOOPS_H_
#define KERNELS_CPP_LOOPS_H_

#include <stdint.h>

#include "aoti/kernel_context.h"
#include "kernels/cpp/isa.h"

#define AOTI_LOOP_PRAGMA(text) _Pragma(#text)
#if defined(__clang__)
// Iterations are independent but for accumulators. Several vectors at a time hide the latency of long
// dependence chains.
#define AOTI_VECTOR_LOOP AOTI_LOOP_PRAGMA(clang loop vectorize(enable) interleave_count(4))
// A few iterations that disappear, so that the loop around them is the innermost one.
#define AOTI_UNROLLED_LOOP AOTI_LOOP_PRAGMA(clang loop unroll(full))
// The statement's additions and multiplications may be done in another order (separate accumulators for each
// lane).
#define AOTI_REASSOCIATED(statement)                      \
  {                                                       \
    AOTI_LOOP_PRAGMA(clang fp reassociate(on)) statement; \
  }
#else
#define AOTI_VECTOR_LOOP AOTI_LOOP_PRAGMA(GCC ivdep)
#define AOTI_UNROLLED_LOOP AOTI_LOOP_PRAGMA(GCC unroll 8)
#define AOTI_REASSOCIATED(statement) \
  {                                  \
    statement;                       \
  }
#endif

AOTI_BEGIN_NAMESPACE

// A float32 sum over a vector loop. With clang each lane adds its part, 16 parts or more, which is as exact
// as eager's blocks; gcc keeps the order that is written, one chain of additions, which needs more digits.
#if defined(__clang__)
using LaneSum = float;
#else
using LaneSum = double;
#endif

// Runs body(begin, end, thread) over chunks of [0, n) of at least `grain`.
template <class Body>
static inline void parallel_for(AotiKernelContext *ctx, int64_t n, int64_t grain, Body body) {
  aoti_parallel_for(
      ctx->threads, n, grain,
      [](void *arg, int64_t begin, int64_t end, int32_t thread) {
        (*static_cast<const Body *>(arg))(begin, end, thread);
      },
      &body);
}

// Index arithmetic: rounds towards minus infinity, b > 0.
static inline int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }
static inline int64_t floor_mod(int64_t a, int64_t b) { return a % b + (a % b < 0 ? b : 0); }
static inline int64_t min_index(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t max_index(int64_t a, int64_t b) { return a > b ? a : b; }

// An index that came from a tensor: a negative one counts from the end. Out of [-size, size) it is reported
// as `message` and replaced by 0, so that nothing outside is touched; the run ends with the error after this
// kernel.
static inline int64_t checked_index(AotiKernelContext *ctx, int64_t value, int64_t size,
                                    const char *message) {
  const int64_t wrapped = value < 0 ? value + size : value;
  if (__builtin_expect(wrapped >= 0 && wrapped < size, 1)) return wrapped;
  aoti_kernel_fail(ctx, message, value);
  return 0;
}

// Integers wrap around.
template <class T>
static inline T wrap_add(T a, T b) {
  return (T)((uint64_t)a + (uint64_t)b);
}
template <class T>
static inline T wrap_sub(T a, T b) {
  return (T)((uint64_t)a - (uint64_t)b);
}
template <class T>
static inline T wrap_mul(T a, T b) {
  return (T)((uint64_t)a * (uint64_t)b);
}

// Integer division of tensors. Division by zero gives 0 (a kernel cannot raise), the lowest number by -1
// wraps.
template <class T>
static inline T int_trunc_div(T a, T b) {
  return b == 0 ? (T)0 : b == (T)-1 ? wrap_sub<T>(0, a) : (T)(a / b);
}
template <class T>
static inline T int_fmod(T a, T b) {
  return b == 0 || b == (T)-1 ? (T)0 : (T)(a % b);
}
template <class T>
static inline T int_floor_div(T a, T b) {
  const T rest = int_fmod<T>(a, b);
  return (T)(int_trunc_div<T>(a, b) - (rest != 0 && (rest < 0) != (b < 0)));
}
template <class T>
static inline T int_mod(T a, T b) {
  const T rest = int_fmod<T>(a, b);
  return (T)(rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest);
}
// The greatest common divisor, not negative (but for the lowest number, which has no positive counterpart).
template <class T>
static inline T int_gcd(T a, T b) {
  while (b != 0) {
    const T rest = int_fmod<T>(a, b);
    a = b;
    b = rest;
  }
  return a < 0 ? wrap_sub<T>(0, a) : a;
}
// a to the power b; a negative b gives what a / |a| and rounding towards zero leave: 1, -1 or 0.
template <class T>
static inline T int_pow(T a, T b) {
  if (b < 0) return a == 1 ? (T)1 : a == (T)-1 ? (b & 1 ? (T)-1 : (T)1) : (T)0;
  T result = 1;
  for (; b > 0; b = (T)(b >> 1)) {
    if (b & 1) result = wrap_mul<T>(result, a);
    a = wrap_mul<T>(a, a);
  }
  return result;
}

// The larger and the smaller of two floats; a NaN stays. Three instructions; the sign of zeros is not
// ordered. (As a reduction use aoti_maximum of vec_math.h: that form is the one that clang reorders.) The
// test is of b: clang 22 crashes in its straight-line vectoriser on a test of a where a is the same for a few
// unrolled iterations.
template <class T>
static inline T nan_max(T a, T b) {
  const T larger = a < b ? b : a;
  return b != b ? b : larger;
}
template <class T>
static inline T nan_min(T a, T b) {
  const T smaller = b < a ? b : a;
  return b != b ? b : smaller;
}

// Remainder with the sign of b, from a remainder with the sign of a.
template <class T>
static inline T signed_as_divisor(T rest, T b) {
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

// 16-bit floats are kept as their bits and computed as float.
static inline float half_to_float(uint16_t bits) { return (float)__builtin_bit_cast(_Float16, bits); }
static inline uint16_t float_to_half(float x) { return __builtin_bit_cast(uint16_t, (_Float16)x); }
static inline float bfloat16_to_float(uint16_t bits) {
  return __builtin_bit_cast(float, (uint32_t)bits << 16);
}
// Rounds to nearest, ties to even; a NaN stays a NaN.
static inline uint16_t float_to_bfloat16(float x) {
  const uint32_t bits = __builtin_bit_cast(uint32_t, x);
  const uint32_t rounded = bits + 0x7fffu + ((bits >> 16) & 1u);
  return (uint16_t)((x != x ? 0x7fc00000u : rounded) >> 16);
}

AOTI_END_NAMESPACE

#endif  // KERNELS_CPP_LOOPS_H_
