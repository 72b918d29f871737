// What the container (runtime/model) calls of the CUDA runtime, through the address in
// AotiCudaModelDesc.runtime: a library without CUDA kernels names it nowhere and is linked without
// runtime/cuda.
//
//   CudaModel     one model library on one device: loaded kernels, uploaded weights; shared by all containers
//                 and instances on that device
//   CudaInstance  what one run at a time needs: arena, scratch, an event, graphs
//
// Errors are the calling thread's message (runtime/model/error.h). Thread-safe, except that an instance is
// used by one thread at a time.
#ifndef RUNTIME_CUDA_RUNTIME_TABLE_H_
#define RUNTIME_CUDA_RUNTIME_TABLE_H_

#include "aoti/model_desc.h"

namespace aoti_cuda {
struct CudaModel;
struct CudaInstance;
}  // namespace aoti_cuda

struct AotiCudaRuntime {
  // Loads the model's kernels on a device (-1: the current one) and uploads the constants that its table puts
  // there from `weights`, or joins a CudaModel that has them.
  AOTIRuntimeError (*open)(const AotiModelDesc &desc, int32_t device_index, const uint8_t *weights,
                           aoti_cuda::CudaModel **ret_model);
  void (*close)(aoti_cuda::CudaModel *model);  // accepts null
  int32_t (*device_index)(const aoti_cuda::CudaModel *model);
  // Such that the constant at offset o of the library's weights is at o of this address, on the device.
  const uint8_t *(*weights)(const aoti_cuda::CudaModel *model);

  AOTIRuntimeError (*create_instance)(aoti_cuda::CudaModel *model, aoti_cuda::CudaInstance **ret_instance);
  void (*destroy_instance)(aoti_cuda::CudaInstance *instance);  // accepts null; waits for its last run

  // Before and after the model's run function. `end` is called when `begin` succeeded, with what the run
  // function gave, and puts back the thread's context; it launches what was recorded, unless the run failed.
  AOTIRuntimeError (*begin)(aoti_cuda::CudaInstance *instance, void *stream, const int64_t *symbols,
                            AotiCudaRun **ret_run);
  AOTIRuntimeError (*end)(aoti_cuda::CudaInstance *instance, AOTIRuntimeError status);

  // Waits until the device has done all work of the process.
  AOTIRuntimeError (*finish)(aoti_cuda::CudaModel *model);
  // Waits until the device has done what is queued on a stream.
  AOTIRuntimeError (*synchronize)(aoti_cuda::CudaModel *model, void *stream);
  // Keeps what is queued on `waiting` from now on after what is queued on `waited` now.
  AOTIRuntimeError (*stream_wait)(aoti_cuda::CudaModel *model, void *waiting, void *waited);

  // CUDA graphs of this instance's runs: on or off, and in words what the last run did: "graph", "graph being
  // recorded", or why it had none.
  void (*set_graphs)(aoti_cuda::CudaInstance *instance, bool enabled);
  const char *(*graph_state)(const aoti_cuda::CudaInstance *instance);
};

#endif  // RUNTIME_CUDA_RUNTIME_TABLE_H_
