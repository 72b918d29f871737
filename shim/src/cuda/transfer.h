// Copies between strided tensors when one or both are on a GPU.
#ifndef SHIM_SRC_CUDA_TRANSFER_H_
#define SHIM_SRC_CUDA_TRANSFER_H_

#include "shim/cuda/device.h"
#include "shim/src/tensor_object.h"

namespace aoti_shim {

// As DeviceBackend.copy, on `stream` of `device`, whose context is current. Runs of elements that lie
// together on both sides are copied as one, two such levels by one call of the driver; what is scattered
// takes a call for each piece, which is right but slow.
aoti_cuda::CUresult transfer(const aoti_cuda::Device &device, aoti_cuda::CUstream stream,
                             const AtenTensorOpaque *to, const AtenTensorOpaque *from,
                             const int64_t *from_strides);

}  // namespace aoti_shim

#endif  // SHIM_SRC_CUDA_TRANSFER_H_
