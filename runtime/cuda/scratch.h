// Scratch memory that kernels ask for (Triton's global scratch), dealt out launch by launch.
//
// Every launch of a run gets its own piece, so two kernels that overlap (programmatic dependent launch) do
// not share one. Pieces come from chunks that are kept for the next run; only a run that needs more than any
// before allocates.
#ifndef RUNTIME_CUDA_SCRATCH_H_
#define RUNTIME_CUDA_SCRATCH_H_

#include "shim/cuda/device.h"

namespace aoti_cuda {

struct ScratchChunk;

struct Scratch {
  ScratchChunk *first;
  ScratchChunk *current;
  int64_t used;  // of the current chunk
};

// Starts a run: all pieces are free again.
void scratch_reset(Scratch *scratch);

// `bytes` (more than 0) aligned to `align`, a power of two of at most 512.
CUresult scratch_take(const Device &device, Scratch *scratch, int64_t bytes, int64_t align,
                      CUdeviceptr *ret_address);

// Frees the chunks; the device has done what used them.
void scratch_destroy(const Device &device, Scratch *scratch);

}  // namespace aoti_cuda

#endif  // RUNTIME_CUDA_SCRATCH_H_
