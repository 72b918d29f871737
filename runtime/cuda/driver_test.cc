// What a process without a usable driver is told, and that a later try can succeed.
#include "shim/cuda/driver.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/cuda/testing/fake_cuda.h"
#include "shim/cuda/device.h"
#include "tools/testing/check.h"

using namespace aoti_cuda;

namespace {

void fails_with(const char *part) {
  char message[kDriverMessageBytes] = "";
  CHECK(driver(message, sizeof message) == nullptr);
  CHECK_CONTAINS(message, part);
}

// As in the driver's own header (cuda.h of CUDA 13.1).
void layouts() {
  CHECK_EQ(sizeof(CUlaunchAttributeValue), 64u);
  CHECK_EQ(sizeof(CUlaunchAttribute), 72u);
  CHECK_EQ(offsetof(CUlaunchAttribute, value), 8u);
  CHECK_EQ(sizeof(CUlaunchConfig), 56u);
  CHECK_EQ(offsetof(CUlaunchConfig, stream), 32u);
  CHECK_EQ(offsetof(CUlaunchConfig, attributes), 40u);
  CHECK_EQ(sizeof(CUDA_KERNEL_NODE_PARAMS), 72u);
  CHECK_EQ(offsetof(CUDA_KERNEL_NODE_PARAMS, params), 40u);
  CHECK_EQ(offsetof(CUDA_KERNEL_NODE_PARAMS, context), 64u);
  CHECK_EQ(sizeof(CUDA_MEMSET_NODE_PARAMS), 40u);
  CHECK_EQ(offsetof(CUDA_MEMSET_NODE_PARAMS, element_bytes), 20u);
  CHECK_EQ(offsetof(CUDA_MEMSET_NODE_PARAMS, width), 24u);
  CHECK_EQ(sizeof(CUDA_MEMCPY3D), 200u);
  CHECK_EQ(offsetof(CUDA_MEMCPY3D, source_pitch), 72u);
  CHECK_EQ(offsetof(CUDA_MEMCPY3D, destination_device), 136u);
  CHECK_EQ(offsetof(CUDA_MEMCPY3D, width_bytes), 176u);
  CHECK_EQ(sizeof(CUgraphEdgeData), 8u);
}

}  // namespace

int main() {
  layouts();
  FakeCuda *fake = open_fake_cuda();
  char library[4096], message[kDriverMessageBytes] = "";
  snprintf(library, sizeof library, "%s", getenv("AOTI_LIBCUDA"));

  setenv("AOTI_LIBCUDA", "/nowhere/libcuda.so.1", 1);
  fails_with("no CUDA driver: /nowhere/libcuda.so.1");
  fails_with("needs an NVIDIA GPU and its driver");
  unsetenv("AOTI_LIBCUDA");
  if (dlopen("libcuda.so.1", RTLD_NOW) == nullptr) fails_with("libcuda.so.1");
  setenv("AOTI_LIBCUDA", "libm.so.6", 1);
  fails_with("lacks cuInit");

  setenv("AOTI_LIBCUDA", library, 1);
  fake->version = 11080;
  fails_with("the NVIDIA driver is too old: it speaks CUDA 11.8; expected 12.0 or later");
  fake->version = 12040;
  fake->fail("cuInit", kNoDevice, 0, 1);
  fails_with("the CUDA driver (12.4) cannot be used: CUDA_ERROR_NO_DEVICE");
  fake->num_devices = 0;
  fails_with("CUDA_VISIBLE_DEVICES");
  fake->num_devices = 2;

  const Driver *cu = driver(message, sizeof message);
  CHECK(cu != nullptr);
  CHECK_EQ(cu->version, 12040);
  CHECK(driver(message, sizeof message) == cu);
  CHECK_EQ(fake->calls("cuInit"), 3);

  CHECK(device_at(2, message, sizeof message) == nullptr);
  CHECK_STR_EQ(message, "CUDA device 2 does not exist: this process sees 2 (0 to 1)");
  CHECK(device_at(-2, message, sizeof message) == nullptr);
  fake->fail("cuDevicePrimaryCtxRetain", kOutOfMemory, 0, 1);
  CHECK(device_at(1, message, sizeof message) == nullptr);
  CHECK_CONTAINS(message, "CUDA device 1 cannot be used: CUDA_ERROR_OUT_OF_MEMORY");
  const Device *device = device_at(1, message, sizeof message);
  CHECK(device != nullptr && device->sm == 90 && device->index == 1);

  // -1 is the device of the current context; a scope puts back what was current.
  CHECK_EQ(device_at(-1, message, sizeof message)->index, 0);
  {
    ContextScope scope(*device);
    CHECK_EQ(scope.result(), kSuccess);
    CHECK_EQ(device_at(-1, message, sizeof message)->index, 1);
  }
  CUcontext context = nullptr;
  CHECK_EQ(cu->CtxGetCurrent(&context), kSuccess);
  CHECK(context == nullptr);
  return aoti_test::result();
}
