// The CUDA driver, found when it is first needed: a table of its functions.
//
// What enters: nothing is linked; the first call of `driver` opens libcuda.so.1 (or the file that the
// environment variable AOTI_LIBCUDA names), checks the version and initialises it. What leaves: a table that
// lives as long as the process, or a message that says what is missing and what to do.
//
//   char message[kDriverMessageBytes];
//   const Driver *cu = driver(message, sizeof message);
//   if (cu == nullptr) return fail("%s", message);
//   CUresult result = cu->MemAlloc(&address, bytes);
//   if (result != kSuccess) return fail("%s", describe(*cu, result, text, sizeof text));
//
// Thread-safe. Shim and runtime of one library share one table; two libraries of a process have one each,
// over the same driver.
#ifndef SHIM_CUDA_DRIVER_H_
#define SHIM_CUDA_DRIVER_H_

#include "shim/cuda/driver_types.h"

namespace aoti_cuda {

constexpr size_t kDriverMessageBytes = 1024;
// The oldest driver API that has every required function (12.0: NVIDIA driver 525).
constexpr int32_t kDriverVersion = 12000;

// X(field, symbol, parameters)
#define AOTI_CUDA_REQUIRED_FUNCTIONS(X)                                                                     \
  X(Init, cuInit, (uint32_t flags))                                                                         \
  X(DriverGetVersion, cuDriverGetVersion, (int32_t *version))                                               \
  X(GetErrorName, cuGetErrorName, (CUresult result, const char **name))                                     \
  X(GetErrorString, cuGetErrorString, (CUresult result, const char **text))                                 \
  X(DeviceGetCount, cuDeviceGetCount, (int32_t *count))                                                     \
  X(DeviceGet, cuDeviceGet, (CUdevice * device, int32_t ordinal))                                           \
  X(DeviceGetName, cuDeviceGetName, (char *name, int32_t bytes, CUdevice device))                           \
  X(DeviceGetAttribute, cuDeviceGetAttribute,                                                               \
    (int32_t *value, CUdevice_attribute attribute, CUdevice device))                                        \
  X(DevicePrimaryCtxRetain, cuDevicePrimaryCtxRetain, (CUcontext * context, CUdevice device))               \
  X(CtxGetCurrent, cuCtxGetCurrent, (CUcontext * context))                                                  \
  X(CtxSetCurrent, cuCtxSetCurrent, (CUcontext context))                                                    \
  X(CtxGetDevice, cuCtxGetDevice, (CUdevice * device))                                                      \
  X(CtxSynchronize, cuCtxSynchronize, ())                                                                   \
  X(ModuleLoadDataEx, cuModuleLoadDataEx,                                                                   \
    (CUmodule * module, const void *image, uint32_t num_options, CUjit_option *options, void **values))     \
  X(ModuleUnload, cuModuleUnload, (CUmodule module))                                                        \
  X(ModuleGetFunction, cuModuleGetFunction, (CUfunction * function, CUmodule module, const char *name))     \
  X(FuncGetAttribute, cuFuncGetAttribute,                                                                   \
    (int32_t *value, CUfunction_attribute attribute, CUfunction function))                                  \
  X(FuncSetAttribute, cuFuncSetAttribute,                                                                   \
    (CUfunction function, CUfunction_attribute attribute, int32_t value))                                   \
  X(LaunchKernelEx, cuLaunchKernelEx,                                                                       \
    (const CUlaunchConfig *config, CUfunction function, void **params, void **extra))                       \
  X(MemAlloc, cuMemAlloc_v2, (CUdeviceptr * address, size_t bytes))                                         \
  X(MemFree, cuMemFree_v2, (CUdeviceptr address))                                                           \
  X(MemGetInfo, cuMemGetInfo_v2, (size_t *free_bytes, size_t *total_bytes))                                 \
  X(MemcpyHtoDAsync, cuMemcpyHtoDAsync_v2,                                                                  \
    (CUdeviceptr destination, const void *source, size_t bytes, CUstream stream))                           \
  X(MemcpyDtoHAsync, cuMemcpyDtoHAsync_v2,                                                                  \
    (void *destination, CUdeviceptr source, size_t bytes, CUstream stream))                                 \
  X(MemcpyDtoDAsync, cuMemcpyDtoDAsync_v2,                                                                  \
    (CUdeviceptr destination, CUdeviceptr source, size_t bytes, CUstream stream))                           \
  X(Memcpy3DAsync, cuMemcpy3DAsync_v2, (const CUDA_MEMCPY3D *copy, CUstream stream))                        \
  X(MemsetD8Async, cuMemsetD8Async, (CUdeviceptr address, uint8_t value, size_t count, CUstream stream))    \
  X(MemsetD16Async, cuMemsetD16Async, (CUdeviceptr address, uint16_t value, size_t count, CUstream stream)) \
  X(MemsetD32Async, cuMemsetD32Async, (CUdeviceptr address, uint32_t value, size_t count, CUstream stream)) \
  X(StreamSynchronize, cuStreamSynchronize, (CUstream stream))                                              \
  X(StreamWaitEvent, cuStreamWaitEvent, (CUstream stream, CUevent event, uint32_t flags))                   \
  X(StreamGetCtx, cuStreamGetCtx, (CUstream stream, CUcontext * context))                                   \
  X(StreamGetId, cuStreamGetId, (CUstream stream, unsigned long long *id))                                  \
  X(StreamIsCapturing, cuStreamIsCapturing, (CUstream stream, CUstreamCaptureStatus * status))              \
  X(StreamGetCaptureInfo, cuStreamGetCaptureInfo_v2,                                                        \
    (CUstream stream, CUstreamCaptureStatus * status, unsigned long long *id, CUgraph *graph,               \
     const CUgraphNode **dependencies, size_t *num_dependencies))                                           \
  X(ThreadExchangeStreamCaptureMode, cuThreadExchangeStreamCaptureMode, (CUstreamCaptureMode * mode))       \
  X(EventCreate, cuEventCreate, (CUevent * event, uint32_t flags))                                          \
  X(EventDestroy, cuEventDestroy_v2, (CUevent event))                                                       \
  X(EventRecord, cuEventRecord, (CUevent event, CUstream stream))                                           \
  X(EventSynchronize, cuEventSynchronize, (CUevent event))                                                  \
  X(GraphCreate, cuGraphCreate, (CUgraph * graph, uint32_t flags))                                          \
  X(GraphDestroy, cuGraphDestroy, (CUgraph graph))                                                          \
  X(GraphAddKernelNode, cuGraphAddKernelNode_v2,                                                            \
    (CUgraphNode * node, CUgraph graph, const CUgraphNode *after, size_t num_after,                         \
     const CUDA_KERNEL_NODE_PARAMS *params))                                                                \
  X(GraphKernelNodeSetAttribute, cuGraphKernelNodeSetAttribute,                                             \
    (CUgraphNode node, CUlaunchAttributeID id, const CUlaunchAttributeValue *value))                        \
  X(GraphAddMemcpyNode, cuGraphAddMemcpyNode,                                                               \
    (CUgraphNode * node, CUgraph graph, const CUgraphNode *after, size_t num_after,                         \
     const CUDA_MEMCPY3D *copy, CUcontext context))                                                         \
  X(GraphAddMemsetNode, cuGraphAddMemsetNode,                                                               \
    (CUgraphNode * node, CUgraph graph, const CUgraphNode *after, size_t num_after,                         \
     const CUDA_MEMSET_NODE_PARAMS *params, CUcontext context))                                             \
  X(GraphInstantiate, cuGraphInstantiateWithFlags,                                                          \
    (CUgraphExec * executable, CUgraph graph, unsigned long long flags))                                    \
  X(GraphExecDestroy, cuGraphExecDestroy, (CUgraphExec executable))                                         \
  X(GraphExecKernelNodeSetParams, cuGraphExecKernelNodeSetParams_v2,                                        \
    (CUgraphExec executable, CUgraphNode node, const CUDA_KERNEL_NODE_PARAMS *params))                      \
  X(GraphExecMemcpyNodeSetParams, cuGraphExecMemcpyNodeSetParams,                                           \
    (CUgraphExec executable, CUgraphNode node, const CUDA_MEMCPY3D *copy, CUcontext context))               \
  X(GraphExecMemsetNodeSetParams, cuGraphExecMemsetNodeSetParams,                                           \
    (CUgraphExec executable, CUgraphNode node, const CUDA_MEMSET_NODE_PARAMS *params, CUcontext context))   \
  X(GraphLaunch, cuGraphLaunch, (CUgraphExec executable, CUstream stream))

// Null where the driver is too old to have them.
#define AOTI_CUDA_OPTIONAL_FUNCTIONS(X)                                                                      \
  X(GraphAddDependencies, cuGraphAddDependencies_v2,                                                         \
    (CUgraph graph, const CUgraphNode *from, const CUgraphNode *to, const CUgraphEdgeData *edge_data,        \
     size_t count))                                                                                          \
  X(TensorMapEncodeTiled, cuTensorMapEncodeTiled,                                                            \
    (void *map, int32_t data_type, uint32_t rank, void *address, const uint64_t *sizes,                      \
     const uint64_t *stride_bytes, const uint32_t *box, const uint32_t *element_strides, int32_t interleave, \
     int32_t swizzle, int32_t l2_promotion, int32_t oob_fill))

struct Driver {
  int32_t version;  // 12080 for 12.8
#define AOTI_CUDA_FIELD(field, symbol, parameters) CUresult(*field) parameters;
  AOTI_CUDA_REQUIRED_FUNCTIONS(AOTI_CUDA_FIELD)
  AOTI_CUDA_OPTIONAL_FUNCTIONS(AOTI_CUDA_FIELD)
#undef AOTI_CUDA_FIELD
};

// The table, or null with a message. A failure is tried again at the next call (the driver may have been
// installed, the variable set).
const Driver *driver(char *message, size_t bytes);

// "CUDA_ERROR_OUT_OF_MEMORY: out of memory", into `text`; gives it back.
const char *describe(const Driver &cu, CUresult result, char *text, size_t bytes);

// cuMemAlloc that also works while a stream is captured: a new allocation has no part in what is captured,
// but the driver takes it for a mistake of a thread that captures unless told otherwise.
CUresult allocate(const Driver &cu, CUdeviceptr *address, size_t bytes);

// True for errors after which a context is lost: every later call in it fails with the same.
bool is_fault(CUresult result);

}  // namespace aoti_cuda

#endif  // SHIM_CUDA_DRIVER_H_
