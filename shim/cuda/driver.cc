#include "shim/cuda/driver.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

namespace aoti_cuda {
namespace {

constexpr char kLibrary[] = "libcuda.so.1";

Driver table;
bool ready;  // written under `mutex`, after the table
pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

void *open_library(char *message, size_t bytes) {
  const char *given = getenv("AOTI_LIBCUDA");
  const char *path = given != nullptr && given[0] != '\0' ? given : kLibrary;
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library != nullptr) return library;
  const char *reason = dlerror();
  snprintf(
      message, bytes,
      "no CUDA driver: %s. A CUDA model needs an NVIDIA GPU and its driver (version 525 or later); inside a "
      "container, start it with the GPU made visible. AOTI_LIBCUDA names the driver's library where it is "
      "not found by itself",
      reason != nullptr ? reason : path);
  return nullptr;
}

bool find_functions(void *library, Driver *cu, char *message, size_t bytes) {
  const char *missing = nullptr;
#define AOTI_CUDA_FIND(field, symbol, parameters)                                \
  cu->field = reinterpret_cast<CUresult(*) parameters>(dlsym(library, #symbol)); \
  if (cu->field == nullptr && missing == nullptr) missing = #symbol;
  AOTI_CUDA_REQUIRED_FUNCTIONS(AOTI_CUDA_FIND)
#undef AOTI_CUDA_FIND
#define AOTI_CUDA_FIND(field, symbol, parameters) \
  cu->field = reinterpret_cast<CUresult(*) parameters>(dlsym(library, #symbol));
  AOTI_CUDA_OPTIONAL_FUNCTIONS(AOTI_CUDA_FIND)
#undef AOTI_CUDA_FIND
  if (cu->DriverGetVersion == nullptr || cu->DriverGetVersion(&cu->version) != kSuccess) cu->version = 0;
  if (missing == nullptr && cu->version >= kDriverVersion) return true;
  snprintf(
      message, bytes,
      "the NVIDIA driver is too old: it speaks CUDA %d.%d%s%s; expected 12.0 or later (driver 525). Update "
      "the driver",
      cu->version / 1000, cu->version % 1000 / 10, missing != nullptr ? " and lacks " : "",
      missing != nullptr ? missing : "");
  return false;
}

bool initialise(const Driver &cu, char *message, size_t bytes) {
  char text[256];
  int32_t count = 0;
  CUresult result = cu.Init(0);
  if (result == kSuccess) result = cu.DeviceGetCount(&count);
  if (result == kSuccess && count == 0) result = kNoDevice;
  if (result == kSuccess) return true;
  snprintf(message, bytes,
           "the CUDA driver (%d.%d) cannot be used: %s. Check that `nvidia-smi` lists a GPU and that "
           "CUDA_VISIBLE_DEVICES does not hide it",
           cu.version / 1000, cu.version % 1000 / 10, describe(cu, result, text, sizeof text));
  return false;
}

}  // namespace

const Driver *driver(char *message, size_t bytes) {
  if (__atomic_load_n(&ready, __ATOMIC_ACQUIRE)) return &table;
  pthread_mutex_lock(&mutex);
  bool ok = ready;
  if (!ok) {
    Driver found{};
    void *library = open_library(message, bytes);
    ok = library != nullptr && find_functions(library, &found, message, bytes) &&
         initialise(found, message, bytes);
    if (ok) {
      table = found;
      __atomic_store_n(&ready, true, __ATOMIC_RELEASE);
    } else if (library != nullptr) {
      dlclose(library);
    }
  }
  pthread_mutex_unlock(&mutex);
  return ok ? &table : nullptr;
}

const char *describe(const Driver &cu, CUresult result, char *text, size_t bytes) {
  const char *name = nullptr, *explanation = nullptr;
  if (cu.GetErrorName(result, &name) != kSuccess || name == nullptr) name = "unknown CUDA error";
  if (cu.GetErrorString(result, &explanation) != kSuccess) explanation = nullptr;
  snprintf(text, bytes, "%s (%d)%s%s", name, result, explanation != nullptr ? ": " : "",
           explanation != nullptr ? explanation : "");
  return text;
}

CUresult allocate(const Driver &cu, CUdeviceptr *address, size_t bytes) {
  CUstreamCaptureMode mode = kCaptureModeRelaxed;
  const CUresult result = cu.ThreadExchangeStreamCaptureMode(&mode);
  if (result != kSuccess) return result;
  const CUresult allocated = cu.MemAlloc(address, bytes);
  cu.ThreadExchangeStreamCaptureMode(&mode);
  return allocated;
}

bool is_fault(CUresult result) {
  switch (result) {
    case kEccUncorrectable:
    case kIllegalAddress:
    case kLaunchTimeout:
    case kContextIsDestroyed:
    case kAssert:
    case kHardwareStackError:
    case kIllegalInstruction:
    case kMisalignedAddress:
    case kInvalidAddressSpace:
    case kInvalidPc:
    case kLaunchFailed:
      return true;
    default:
      return false;
  }
}

}  // namespace aoti_cuda
