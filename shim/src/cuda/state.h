// The calling thread's CUDA state as PyTorch's guards change it: current device and each device's stream.
#ifndef SHIM_SRC_CUDA_STATE_H_
#define SHIM_SRC_CUDA_STATE_H_

#include "aoti/status.h"
#include "shim/cuda/device.h"

namespace aoti_shim {

// Device `index` (-1: the current one). Null with the thread's message set.
const aoti_cuda::Device *cuda_device(const char *function, int32_t index);

// The calling thread's current stream of a device; null is the default stream.
aoti_cuda::CUstream current_stream(const aoti_cuda::Device &device);

// Records a failed driver call: "function: what: CUDA_ERROR_...", with advice where the error has a known
// cause.
AOTITorchError fail_cuda(const char *function, const aoti_cuda::Device &device, aoti_cuda::CUresult result,
                         const char *what);

}  // namespace aoti_shim

#endif  // SHIM_SRC_CUDA_STATE_H_
