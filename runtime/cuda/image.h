// Which of a kernel's images a device can run, and the loading of it.
#ifndef RUNTIME_CUDA_IMAGE_H_
#define RUNTIME_CUDA_IMAGE_H_

#include "aoti/cuda.h"
#include "aoti/status.h"
#include "shim/cuda/device.h"

namespace aoti_cuda {

// A kernel that is loaded on a device, ready to be launched.
struct Kernel {
  const AotiCudaKernelDesc *desc;
  const AotiCudaImage *image;
  CUmodule module;
  bool owns_module;  // false: an earlier kernel has the same image
  CUfunction function;
  uint32_t num_attributes;
  CUlaunchAttribute attributes[3];  // in the order of node_attributes, then the one for streams only
  uint32_t num_node_attributes;     // the first ones, which graph nodes take too
  bool dependent_launch;
};

// The best image for capability `sm`: code made for exactly it, else the newest code of the same major
// version that is not newer, else the newest PTX that is not newer. Null when none fits.
const AotiCudaImage *choose_image(const AotiCudaKernelDesc &desc, int32_t sm);

// Chooses and loads; `earlier` [num_earlier] are the kernels before it in the table. The device's context is
// current. On failure nothing stays loaded, and the message names the kernel, its images and the device.
AOTIRuntimeError load_kernel(const Device &device, const char *model_name, const AotiCudaKernelDesc &desc,
                             const Kernel *earlier, int32_t num_earlier, Kernel *ret_kernel);
void unload_kernel(const Device &device, Kernel *kernel);

}  // namespace aoti_cuda

#endif  // RUNTIME_CUDA_IMAGE_H_
