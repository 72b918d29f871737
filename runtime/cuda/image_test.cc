// Which image a device gets, and which kernels it goes without.
#include "runtime/cuda/image.h"

#include "runtime/cuda/testing/fake_cuda.h"
#include "tools/testing/check.h"

using namespace aoti_cuda;

namespace {

AotiCudaImage image(int32_t sm, int32_t kind) {
  AotiCudaImage made{};
  made.sm = sm;
  made.kind = kind;
  return made;
}

const AotiCudaImage images[] = {image(80, AOTI_CUDA_PTX),         image(80, AOTI_CUDA_CUBIN),
                                image(86, AOTI_CUDA_CUBIN),       image(90, AOTI_CUDA_CUBIN),
                                image(90, AOTI_CUDA_CUBIN_EXACT), image(100, AOTI_CUDA_CUBIN_EXACT),
                                image(90, AOTI_CUDA_PTX)};

int64_t chosen(int32_t sm, int32_t num_images = 7) {
  const AotiCudaKernelDesc desc{"k", "k", nullptr, nullptr, 0, 0, images, num_images, 0};
  const AotiCudaImage *best = choose_image(desc, sm);
  return best == nullptr ? -1 : best - images;
}

const FakeKernel fake_kernel[] = {{"k", 0, nullptr, [](const uint32_t *, void *const *) {}}};
const FakeModule module = {{'F', 'A', 'K', 'E', 'M', 'O', 'D', '1'}, 1, fake_kernel};

AotiCudaImage code(int32_t sm, int32_t kind, int32_t shared_bytes = 0) {
  AotiCudaImage made = image(sm, kind);
  made.data = &module;
  made.bytes = sizeof module;
  made.threads = 32;
  made.shared_bytes = shared_bytes;
  return made;
}

// Loads a kernel for newer devices and its alternative on the stand-in, which has capability 9.0. Says which
// were loaded: 1 the first, 2 the second.
int32_t loaded(const AotiCudaImage &newer) {
  char message[256] = "";
  const Device *device = device_at(0, message, sizeof message);
  CHECK(device != nullptr);
  if (device == nullptr) return -1;
  ContextScope scope(*device);
  const AotiCudaImage older = code(80, AOTI_CUDA_PTX);
  const AotiCudaKernelDesc descs[] = {{"k", "k", nullptr, nullptr, 0, 0, &newer, 1, AOTI_CUDA_OPTIONAL},
                                      {"k", "k", nullptr, nullptr, 0, 0, &older, 1, AOTI_CUDA_ALTERNATIVE}};
  Kernel kernels[2] = {};
  int32_t found = 0;
  for (int32_t i = 0; i < 2; ++i) {
    CHECK_EQ(load_kernel(*device, "m", descs[i], kernels, i, &kernels[i]), AOTI_RUNTIME_SUCCESS);
    if (kernels[i].function != nullptr) found += i + 1;
  }
  for (Kernel &kernel : kernels) unload_kernel(*device, &kernel);
  return found;
}

}  // namespace

int main() {
  CHECK_EQ(loaded(code(90, AOTI_CUDA_CUBIN_EXACT)), 1);
  CHECK_EQ(loaded(code(100, AOTI_CUDA_CUBIN_EXACT)), 2);
  CHECK_EQ(loaded(code(90, AOTI_CUDA_CUBIN, 1 << 20)), 2);  // more shared memory than the device has
  CHECK_EQ(chosen(90), 4);                                  // made for exactly this one
  CHECK_EQ(chosen(80), 1);
  CHECK_EQ(chosen(87), 2);  // code of an earlier minor version
  CHECK_EQ(chosen(89), 2);
  CHECK_EQ(chosen(100), 5);
  CHECK_EQ(chosen(103), 6);  // neither sm_100a nor another major version's code: the newest PTX
  CHECK_EQ(chosen(120), 6);
  CHECK_EQ(chosen(75), -1);
  CHECK_EQ(chosen(90, 3), 0);  // sm_80 and sm_86 do not run on 9.0: PTX
  CHECK_EQ(chosen(80, 0), -1);
  return aoti_test::result();
}
