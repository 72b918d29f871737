#include "shim/src/device_backend.h"

#include "shim/src/error.h"

namespace aoti_shim {

const DeviceBackend *cuda_backend(const char *function) {
  const DeviceBackend *backend = &aoti_shim_cuda_backend;
  if (backend == nullptr) {
    fail(function,
         "device type 1 (cuda): this library was linked for the CPU only; compile the model with "
         "device = \"cuda\", or use CPU tensors");
  }
  return backend;
}

}  // namespace aoti_shim
