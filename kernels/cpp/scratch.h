// Scratch memory that each template needs for every thread, in bytes. kernels/cpp/scratch.py has the same
// numbers for the compiler, which states their maximum in the model's table; a test compares the two.
//
// Invariant: fixed numbers, whatever the shapes: the templates block their loops so that these suffice.
#ifndef KERNELS_CPP_SCRATCH_H_
#define KERNELS_CPP_SCRATCH_H_

#include <stdint.h>

#include "kernels/cpp/isa.h"

AOTI_BEGIN_NAMESPACE

constexpr int64_t kGemmPackedScratchBytes = 64 * 1024;
constexpr int64_t kGemmScratchBytes = 384 * 1024;
constexpr int64_t kConv2dScratchBytes = 64 * 1024;
constexpr int64_t kWinogradScratchBytes = 832 * 1024;
constexpr int64_t kAttentionScratchBytes = 512 * 1024;

AOTI_END_NAMESPACE

#endif  // KERNELS_CPP_SCRATCH_H_
