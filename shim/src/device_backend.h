// Memory of devices other than the CPU, as the lean shim sees it.
//
// shim/src/cuda defines the one backend there is. A library that needs no GPU is linked without it: the weak
// reference below is null then, and nothing of CUDA is in the library.
//
// Invariants: `tensor` arguments are live, defined and of this backend's device unless said otherwise; work
// is put in order on the calling thread's current stream of the device.
#ifndef SHIM_SRC_DEVICE_BACKEND_H_
#define SHIM_SRC_DEVICE_BACKEND_H_

#include "shim/src/tensor_object.h"

namespace aoti_shim {

struct DeviceBackend {
  // The index that `device_index` means (-1: the current device). Fails for a device that does not exist.
  AOTITorchError (*resolve)(const char *function, int32_t device_index, int32_t *ret_index);
  // Uninitialised memory, 512-byte aligned.
  AOTITorchError (*allocate)(const char *function, int32_t device_index, int64_t bytes,
                             Storage **ret_storage);
  // Copies all elements of `from` into `to`; one or both are on this backend's device. `from_strides` [ndim
  // of to] are those of `from` seen from to's sizes, 0 where it repeats. Returns before a copy between device
  // memories has ended; otherwise waits, unless `non_blocking`.
  AOTITorchError (*copy)(const char *function, const AtenTensorOpaque *to, const AtenTensorOpaque *from,
                         const int64_t *from_strides, bool non_blocking);
  // Sets `bytes` bytes to zero.
  AOTITorchError (*zero)(const char *function, const AtenTensorOpaque *tensor, void *data, int64_t bytes);
};

// Null with a message when the library was linked without CUDA.
const DeviceBackend *cuda_backend(const char *function);

}  // namespace aoti_shim

extern "C" {
extern const aoti_shim::DeviceBackend aoti_shim_cuda_backend __attribute__((weak, visibility("hidden")));
}

#endif  // SHIM_SRC_DEVICE_BACKEND_H_
