// Devices of the process: ordinals, primary contexts, capabilities.
//
// A device's primary context is retained at its first use and never released: it is the one that the CUDA
// runtime and PyTorch use too, so tensors and streams are shared with them. Contexts are made current for the
// length of a scope, and what the thread had is put back.
#ifndef SHIM_CUDA_DEVICE_H_
#define SHIM_CUDA_DEVICE_H_

#include "shim/cuda/driver.h"

namespace aoti_cuda {

constexpr int32_t kMaxDevices = 64;

struct Device {
  const Driver *cu;
  int32_t index;
  int32_t sm;  // 10 * major + minor
  int32_t shared_optin_bytes;
  CUcontext context;
  char name[96];
};

// Device `index`, or with -1 that of the thread's current context (else 0). Null with a message that names
// the devices there are.
const Device *device_at(int32_t index, char *message, size_t bytes);

// The index of the thread's current context, or 0 when it has none or its device is no primary one.
int32_t current_device_index(const Driver &cu);

// Makes a device's context current while it lives. result() tells whether it could.
class ContextScope {
 public:
  explicit ContextScope(const Device &device) : cu_(*device.cu) {
    result_ = cu_.CtxGetCurrent(&previous_);
    changed_ = result_ == kSuccess && previous_ != device.context;
    if (changed_) result_ = cu_.CtxSetCurrent(device.context);
  }
  ~ContextScope() {
    if (changed_) cu_.CtxSetCurrent(previous_);
  }
  ContextScope(const ContextScope &) = delete;
  ContextScope &operator=(const ContextScope &) = delete;
  CUresult result() const { return result_; }

 private:
  const Driver &cu_;
  CUcontext previous_ = nullptr;
  CUresult result_;
  bool changed_;
};

}  // namespace aoti_cuda

#endif  // SHIM_CUDA_DEVICE_H_
