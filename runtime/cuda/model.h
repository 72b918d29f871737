// One model library on one device: its kernels, loaded, and its constants, uploaded. Counted; shared by every
// container of the library on that device that has the same weights.
#ifndef RUNTIME_CUDA_MODEL_H_
#define RUNTIME_CUDA_MODEL_H_

#include "aoti/model_desc.h"
#include "runtime/cuda/image.h"

namespace aoti_cuda {

struct CudaModel {
  CudaModel *next;  // in the list of the library's models
  int64_t references;
  const AotiModelDesc *desc;
  const Device *device;
  const uint8_t *host_weights;
  Kernel *kernels;  // [desc->cuda->num_kernels]
  CUdeviceptr uploaded;
  int64_t uploaded_begin;  // offset in the weights of the first uploaded byte
  bool sync_launches;      // AOTI_CUDA_SYNC
  bool graphs;             // unless AOTI_CUDA_GRAPHS is 0
  // A kernel fault: the context is lost. Set once; `fault` is written before `faulted`.
  bool faulted;
  char fault[512];
};

AOTIRuntimeError model_open(const AotiModelDesc &desc, int32_t device_index, const uint8_t *weights,
                            CudaModel **ret_model);
void model_close(CudaModel *model);

// As the functions of AotiCudaRuntime.
AOTIRuntimeError model_finish(CudaModel *model);
AOTIRuntimeError model_synchronize(CudaModel *model, void *stream);
AOTIRuntimeError model_stream_wait(CudaModel *model, void *waiting, void *waited);

// Records a failed driver call made while doing `what` (e.g. "launching kernel triton_..."). A fault marks
// the model, and the message says that it may belong to an earlier launch.
AOTIRuntimeError fail_driver(CudaModel *model, CUresult result, const char *what);

// Fails when an earlier call found a fault.
AOTIRuntimeError check_not_faulted(const CudaModel *model);

}  // namespace aoti_cuda

#endif  // RUNTIME_CUDA_MODEL_H_
