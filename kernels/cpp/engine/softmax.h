// The row operations of an online softmax.
//
// Invariant: a position that is masked with -inf gets weight 0, also when the whole row is masked. NaN stays
// NaN.
#ifndef KERNELS_CPP_ENGINE_SOFTMAX_H_
#define KERNELS_CPP_ENGINE_SOFTMAX_H_

#include <stdint.h>

#include "kernels/cpp/isa.h"

AOTI_BEGIN_NAMESPACE

// row[0..count) = row * scale + mask (none when null); -inf from there to `padded`, a multiple of 16. Returns
// the largest.
float scale_and_mask(float *row, int64_t count, int64_t padded, float scale, const float *mask,
                     int64_t mask_stride);

// row[0..padded) = exp(row - maximum). Returns the sum.
float exponentiate(float *row, int64_t padded, float maximum);

AOTI_END_NAMESPACE

#endif  // KERNELS_CPP_ENGINE_SOFTMAX_H_
