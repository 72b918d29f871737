// Which image a device gets.
#include "runtime/cuda/image.h"

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

}  // namespace

int main() {
  CHECK_EQ(chosen(90), 4);  // made for exactly this one
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
