#include "shim/cuda/device.h"

#include <pthread.h>
#include <stdio.h>

namespace aoti_cuda {
namespace {

Device devices[kMaxDevices];
bool opened[kMaxDevices];  // written under `mutex`, after the device
pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

CUresult open_device(const Driver &cu, int32_t index, Device *device) {
  CUdevice ordinal = 0;
  int32_t major = 0, minor = 0;
  CUresult result = cu.DeviceGet(&ordinal, index);
  if (result == kSuccess) result = cu.DeviceGetAttribute(&major, kComputeCapabilityMajor, ordinal);
  if (result == kSuccess) result = cu.DeviceGetAttribute(&minor, kComputeCapabilityMinor, ordinal);
  if (result == kSuccess) {
    result = cu.DeviceGetAttribute(&device->shared_optin_bytes, kMaxSharedMemoryPerBlockOptin, ordinal);
  }
  if (result == kSuccess) result = cu.DevicePrimaryCtxRetain(&device->context, ordinal);
  if (result != kSuccess) return result;
  if (cu.DeviceGetName(device->name, sizeof device->name, ordinal) != kSuccess) device->name[0] = '\0';
  device->cu = &cu;
  device->index = index;
  device->sm = 10 * major + minor;
  return kSuccess;
}

bool check_index(const Driver &cu, int32_t index, char *message, size_t bytes) {
  int32_t count = 0;
  if (cu.DeviceGetCount(&count) != kSuccess) count = 0;
  if (index >= 0 && index < count && index < kMaxDevices) return true;
  snprintf(message, bytes, "CUDA device %d does not exist: this process sees %d (0 to %d)", index, count,
           count - 1);
  return false;
}

}  // namespace

int32_t current_device_index(const Driver &cu) {
  CUcontext context = nullptr;
  CUdevice device = 0;
  if (cu.CtxGetCurrent(&context) != kSuccess || context == nullptr) return 0;
  return cu.CtxGetDevice(&device) == kSuccess ? device : 0;
}

const Device *device_at(int32_t index, char *message, size_t bytes) {
  const Driver *cu = driver(message, bytes);
  if (cu == nullptr) return nullptr;
  if (index == -1) index = current_device_index(*cu);
  if (index >= 0 && index < kMaxDevices && __atomic_load_n(&opened[index], __ATOMIC_ACQUIRE)) {
    return &devices[index];
  }
  if (!check_index(*cu, index, message, bytes)) return nullptr;
  pthread_mutex_lock(&mutex);
  CUresult result = opened[index] ? kSuccess : open_device(*cu, index, &devices[index]);
  if (result == kSuccess) __atomic_store_n(&opened[index], true, __ATOMIC_RELEASE);
  pthread_mutex_unlock(&mutex);
  if (result == kSuccess) return &devices[index];
  char text[256];
  snprintf(message, bytes,
           "CUDA device %d cannot be used: %s. Check that no other process holds it exclusively", index,
           describe(*cu, result, text, sizeof text));
  return nullptr;
}

}  // namespace aoti_cuda
