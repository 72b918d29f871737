// Devices and streams of CUDA: the calling thread's current device and stream, as guards that are put back.
//
// Names, signatures and semantics are those of PyTorch 2.13's aoti_torch/c/shim.h (there under USE_CUDA).
// A stream is a CUstream (cudaStream_t is the same); null is the default stream of the device. The current
// stream decides where memory that a new tensor gets may be used at once, and where copies are put in order.
// State is per thread and starts with the device of the driver's current context (else device 0) and the
// default stream.
//
// Errors: a device that does not exist, no driver, or a library that was built without CUDA; the message says
// which. Guards are owned by the caller and deleted in the reverse order of their creation, by the same
// thread.
#ifndef AOTI_CUDA_GUARDS_H_
#define AOTI_CUDA_GUARDS_H_

#include "aoti/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct CUDAGuardOpaque CUDAGuardOpaque;
typedef CUDAGuardOpaque *CUDAGuardHandle;

typedef struct CUDAStreamGuardOpaque CUDAStreamGuardOpaque;
typedef CUDAStreamGuardOpaque *CUDAStreamGuardHandle;

// Makes device `device_index` current until the guard is deleted. -1 is the current one.
AOTI_SHIM_API AOTITorchError aoti_torch_create_cuda_guard(int32_t device_index, CUDAGuardHandle *ret_guard);
AOTI_SHIM_API AOTITorchError aoti_torch_cuda_guard_set_index(CUDAGuardHandle guard, int32_t device_index);
// Puts back what was current. Consumes `guard`; null is accepted.
AOTI_SHIM_API AOTITorchError aoti_torch_delete_cuda_guard(CUDAGuardHandle guard);

// Makes `device_index` the current device and `stream` (borrowed; of that device) its current stream, until
// the guard is deleted.
AOTI_SHIM_API AOTITorchError aoti_torch_create_cuda_stream_guard(void *stream, int32_t device_index,
                                                                 CUDAStreamGuardHandle *ret_guard);
AOTI_SHIM_API AOTITorchError aoti_torch_delete_cuda_stream_guard(CUDAStreamGuardHandle guard);

// The calling thread's current stream of a device (borrowed; null is the default stream). -1 is the current
// device.
AOTI_SHIM_API AOTITorchError aoti_torch_get_current_cuda_stream(int32_t device_index, void **ret_stream);

// Memory of the current device, for use in order of its current stream; freed by the second function.
AOTI_SHIM_API AOTITorchError aoti_torch_cuda_caching_allocator_raw_alloc(uint64_t nbytes, void **ret_ptr);
AOTI_SHIM_API AOTITorchError aoti_torch_cuda_caching_allocator_raw_delete(void *ptr);

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // AOTI_CUDA_GUARDS_H_
