// Device memory for tensors: blocks that are kept for reuse in order of a stream.
//
// A block that is freed goes back to the list of the stream that it was allocated for, at once and without
// waiting: the next tensor on that stream gets it, and the stream's order keeps the two apart. (A tensor that
// was also used on another stream must not be freed before that one is done, as in PyTorch.) So a run that
// makes its outputs allocates nothing once it is warm, and tends to get the same addresses, which a CUDA
// graph likes. When the device is out of memory, what is kept is given back to the driver and the allocation
// tried again.
//
// Streams are told apart by the driver's id, which is never reused, not by their handle. What was allocated
// while a stream was captured stays with that capture and is never given back: its graph may be launched at
// any time.
#ifndef SHIM_SRC_CUDA_MEMORY_H_
#define SHIM_SRC_CUDA_MEMORY_H_

#include "aoti/status.h"
#include "shim/cuda/device.h"

namespace aoti_shim {

struct Block {
  Block *next;  // in a list of free blocks
  const aoti_cuda::Device *device;
  unsigned long long owner;  // the id of its stream, or of the capture that it was allocated in
  int64_t bytes;
  aoti_cuda::CUdeviceptr address;
  int32_t size_class;
};

// A block of at least `bytes` (more than 0) for the thread's current stream of `device`.
AOTITorchError block_allocate(const char *function, const aoti_cuda::Device &device, int64_t bytes,
                              Block **ret_block);

// Gives a block back; cannot fail. Any thread.
void block_free(Block *block);

// Bytes that are kept for reuse on a device.
int64_t kept_bytes(const aoti_cuda::Device &device);

}  // namespace aoti_shim

#endif  // SHIM_SRC_CUDA_MEMORY_H_
