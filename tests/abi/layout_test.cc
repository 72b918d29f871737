// Sizes and offsets of the structs that cross between separately compiled code. A change here is a change of
// the ABI: raise AOTI_MODEL_ABI_VERSION, write it into shim/abi/CHANGELOG.md, then change the numbers.
#include <stddef.h>

#include "aoti/model_api.h"
#include "aoti/model_desc.h"
#include "aoti/model_interface.h"
#include "tools/testing/check.h"

int main() {
  CHECK_EQ(AOTI_MODEL_ABI_VERSION, 2u);
  CHECK_EQ(sizeof(AotiThreads), 16u);
  CHECK_EQ(sizeof(AotiKernelContext), 40u);
  CHECK_EQ(offsetof(AotiKernelContext, error), 24u);
  CHECK_EQ(sizeof(AotiDimDesc), 32u);
  CHECK_EQ(offsetof(AotiDimDesc, symbol), 24u);
  CHECK_EQ(sizeof(AotiTensorDesc), 56u);
  CHECK_EQ(offsetof(AotiTensorDesc, dims), 24u);
  CHECK_EQ(offsetof(AotiTensorDesc, origin), 40u);
  CHECK_EQ(offsetof(AotiTensorDesc, align_bytes), 48u);
  CHECK_EQ(sizeof(AotiConstantDesc), 72u);
  CHECK_EQ(offsetof(AotiConstantDesc, offset_bytes), 40u);
  CHECK_EQ(offsetof(AotiConstantDesc, packing), 60u);
  CHECK_EQ(offsetof(AotiConstantDesc, device_type), 64u);
  CHECK_EQ(sizeof(AotiIsaVariant), 24u);
  CHECK_EQ(sizeof(AotiRunArgs), 80u);
  CHECK_EQ(offsetof(AotiRunArgs, constants), 24u);
  CHECK_EQ(offsetof(AotiRunArgs, ctx), 48u);
  CHECK_EQ(sizeof(AotiModelDesc), 160u);
  CHECK_EQ(offsetof(AotiModelDesc, num_inputs), 40u);
  CHECK_EQ(offsetof(AotiModelDesc, inputs), 64u);
  CHECK_EQ(offsetof(AotiModelDesc, arena_bytes), 96u);
  CHECK_EQ(offsetof(AotiModelDesc, weights), 120u);
  CHECK_EQ(offsetof(AotiModelDesc, run), 144u);
  CHECK_EQ(offsetof(AotiModelDesc, cuda), 152u);
  CHECK_EQ(sizeof(AotiCudaImage), 96u);
  CHECK_EQ(offsetof(AotiCudaImage, scratch_bytes), 40u);
  CHECK_EQ(offsetof(AotiCudaImage, meta), 60u);
  CHECK_EQ(sizeof(AotiCudaKernelDesc), 56u);
  CHECK_EQ(offsetof(AotiCudaKernelDesc, images), 40u);
  CHECK_EQ(sizeof(AotiCudaModelDesc), 48u);
  CHECK_EQ(offsetof(AotiCudaModelDesc, arena_bytes), 24u);
  CHECK_EQ(sizeof(AotiCudaRun), 24u);
  CHECK_EQ(sizeof(AotiCudaTensorMap), 128u);
  CHECK_EQ(sizeof(AOTInductorConstantMapEntry), 16u);
  CHECK_EQ(sizeof(AOTInductorArrayRefTensor), 192u);
  CHECK_EQ(offsetof(AOTInductorArrayRefTensor, ndim), 144u);
  CHECK_EQ(sizeof(AotiModelApi), 328u);
  CHECK_EQ(offsetof(AotiModelApi, desc), 8u);
  CHECK_EQ(offsetof(AotiModelApi, run), 56u);
  CHECK_EQ(offsetof(AotiModelApi, create_tensor_from_blob_v2), 208u);
  CHECK_EQ(sizeof(AotiFloat16), 2u);
  CHECK_EQ(sizeof(AotiComplex128), 16u);
  return aoti_test::result();
}
