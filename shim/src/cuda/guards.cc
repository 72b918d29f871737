// Current device and stream: the guards of aoti/cuda_guards.h.
#include <stdlib.h>

#include "aoti/cuda_guards.h"
#include "shim/src/cuda/state.h"
#include "shim/src/error.h"

using aoti_cuda::CUcontext;
using aoti_cuda::CUresult;
using aoti_cuda::CUstream;
using aoti_cuda::Device;
using aoti_shim::fail;

namespace {

__thread CUstream streams[aoti_cuda::kMaxDevices];

// "aotiCGRD" as a little-endian number: a guard is told from anything else.
constexpr uint64_t kLiveGuard = 0x4452474369746f61u;

// Both kinds of guard: what to put back.
struct Guard {
  uint64_t magic;
  const Device *device;  // whose stream was changed; null for a device guard
  CUstream previous_stream;
  CUcontext previous_context;
  const aoti_cuda::Driver *cu;
};

AOTITorchError make_guard(const char *function, int32_t device_index, Guard **ret_guard) {
  if (ret_guard == nullptr) return aoti_shim::fail_null(function, "ret_guard");
  const Device *device = aoti_shim::cuda_device(function, device_index);
  if (device == nullptr) return AOTI_TORCH_FAILURE;
  Guard *guard = static_cast<Guard *>(malloc(sizeof(Guard)));
  if (guard == nullptr) return aoti_shim::fail_memory(function, sizeof(Guard));
  *guard = Guard{kLiveGuard, nullptr, nullptr, nullptr, device->cu};
  CUresult result = device->cu->CtxGetCurrent(&guard->previous_context);
  if (result == aoti_cuda::kSuccess && guard->previous_context != device->context) {
    result = device->cu->CtxSetCurrent(device->context);
  }
  if (result != aoti_cuda::kSuccess) {
    free(guard);
    return aoti_shim::fail_cuda(function, *device, result, "making the device current");
  }
  *ret_guard = guard;
  return AOTI_TORCH_SUCCESS;
}

AOTITorchError delete_guard(const char *function, Guard *guard) {
  if (guard == nullptr) return AOTI_TORCH_SUCCESS;
  if (guard->magic != kLiveGuard) {
    return fail(function, "%p is not a guard that this shim gave", static_cast<void *>(guard));
  }
  guard->magic = 0;
  if (guard->device != nullptr) streams[guard->device->index] = guard->previous_stream;
  guard->cu->CtxSetCurrent(guard->previous_context);
  free(guard);
  return AOTI_TORCH_SUCCESS;
}

}  // namespace

namespace aoti_shim {

CUstream current_stream(const Device &device) { return streams[device.index]; }

const Device *cuda_device(const char *function, int32_t index) {
  char message[aoti_cuda::kDriverMessageBytes];
  const Device *device = aoti_cuda::device_at(index, message, sizeof message);
  if (device == nullptr) fail(function, "%s", message);
  return device;
}

AOTITorchError fail_cuda(const char *function, const Device &device, CUresult result, const char *what) {
  char text[256];
  aoti_cuda::describe(*device.cu, result, text, sizeof text);
  if (!aoti_cuda::is_fault(result)) return fail(function, "%s on cuda:%d: %s", what, device.index, text);
  return fail(
      function,
      "%s on cuda:%d: %s. An earlier kernel of this process has failed (CUDA reports it late), and the "
      "device's context is lost: restart the process; with AOTI_CUDA_SYNC=1 in the environment every "
      "launch of a model is waited for and the message names the kernel",
      what, device.index, text);
}

}  // namespace aoti_shim

extern "C" {

AOTITorchError aoti_torch_create_cuda_guard(int32_t device_index, CUDAGuardHandle *ret_guard) {
  return make_guard("aoti_torch_create_cuda_guard", device_index, reinterpret_cast<Guard **>(ret_guard));
}

AOTITorchError aoti_torch_cuda_guard_set_index(CUDAGuardHandle guard, int32_t device_index) {
  const char *function = "aoti_torch_cuda_guard_set_index";
  if (guard == nullptr || reinterpret_cast<Guard *>(guard)->magic != kLiveGuard) {
    return fail(function, "%p is not a guard that this shim gave", static_cast<void *>(guard));
  }
  const Device *device = aoti_shim::cuda_device(function, device_index);
  if (device == nullptr) return AOTI_TORCH_FAILURE;
  const CUresult result = device->cu->CtxSetCurrent(device->context);
  return result == aoti_cuda::kSuccess
             ? AOTI_TORCH_SUCCESS
             : aoti_shim::fail_cuda(function, *device, result, "making the device current");
}

AOTITorchError aoti_torch_delete_cuda_guard(CUDAGuardHandle guard) {
  return delete_guard("aoti_torch_delete_cuda_guard", reinterpret_cast<Guard *>(guard));
}

AOTITorchError aoti_torch_create_cuda_stream_guard(void *stream, int32_t device_index,
                                                   CUDAStreamGuardHandle *ret_guard) {
  const char *function = "aoti_torch_create_cuda_stream_guard";
  Guard **ret = reinterpret_cast<Guard **>(ret_guard);
  if (make_guard(function, device_index, ret) != AOTI_TORCH_SUCCESS) return AOTI_TORCH_FAILURE;
  const Device *device = aoti_shim::cuda_device(function, device_index);
  (*ret)->device = device;
  (*ret)->previous_stream = streams[device->index];
  streams[device->index] = static_cast<CUstream>(stream);
  return AOTI_TORCH_SUCCESS;
}

AOTITorchError aoti_torch_delete_cuda_stream_guard(CUDAStreamGuardHandle guard) {
  return delete_guard("aoti_torch_delete_cuda_stream_guard", reinterpret_cast<Guard *>(guard));
}

AOTITorchError aoti_torch_get_current_cuda_stream(int32_t device_index, void **ret_stream) {
  const char *function = "aoti_torch_get_current_cuda_stream";
  if (ret_stream == nullptr) return aoti_shim::fail_null(function, "ret_stream");
  const Device *device = aoti_shim::cuda_device(function, device_index);
  if (device == nullptr) return AOTI_TORCH_FAILURE;
  *ret_stream = streams[device->index];
  return AOTI_TORCH_SUCCESS;
}

}  // extern "C"
