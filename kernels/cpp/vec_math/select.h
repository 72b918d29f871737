// Maximum and minimum that keep NaN, as PyTorch's do, in a form that vectorises in loops and as reductions.
#ifndef KERNELS_CPP_VEC_MATH_SELECT_H_
#define KERNELS_CPP_VEC_MATH_SELECT_H_

#include "kernels/cpp/vec_math/base.h"

AOTI_BEGIN_NAMESPACE

#if defined(__clang__)
// one operation that reductions know; `a > b ? a : b` is not (it depends on the order when NaN comes)
AOTI_INLINE float aoti_maximum(float a, float b) { return __builtin_elementwise_maximum(a, b); }
AOTI_INLINE float aoti_minimum(float a, float b) { return __builtin_elementwise_minimum(a, b); }
AOTI_INLINE double aoti_maximum(double a, double b) { return __builtin_elementwise_maximum(a, b); }
AOTI_INLINE double aoti_minimum(double a, double b) { return __builtin_elementwise_minimum(a, b); }
#else
AOTI_INLINE float aoti_maximum(float a, float b) { return a > b || a != a ? a : b; }
AOTI_INLINE float aoti_minimum(float a, float b) { return a < b || a != a ? a : b; }
AOTI_INLINE double aoti_maximum(double a, double b) { return a > b || a != a ? a : b; }
AOTI_INLINE double aoti_minimum(double a, double b) { return a < b || a != a ? a : b; }
#endif
AOTI_INLINE int64_t aoti_maximum(int64_t a, int64_t b) { return a > b ? a : b; }
AOTI_INLINE int64_t aoti_minimum(int64_t a, int64_t b) { return a < b ? a : b; }
AOTI_INLINE int32_t aoti_maximum(int32_t a, int32_t b) { return a > b ? a : b; }
AOTI_INLINE int32_t aoti_minimum(int32_t a, int32_t b) { return a < b ? a : b; }

AOTI_END_NAMESPACE

#endif  // KERNELS_CPP_VEC_MATH_SELECT_H_
