#include "runtime/cuda/testing/toy_cuda_model.h"

#include "aoti/cuda_model.h"
#include "runtime/cuda/testing/fake_cuda.h"

ToyCudaOptions toy_cuda_options;

namespace {

constexpr int64_t kColumns = 8;
constexpr int32_t kSemaphores = 3;

enum : int32_t { triton_poi_fused_mul_0, triton_per_fused_add_sum_1 };

// ---- What would be machine code ----

// Reads x through a tensor map (of the stand-in: address, then sizes, innermost first).
void mul(const uint32_t grid[3], void *const *params) {
  const float *weight = *static_cast<float *const *>(params[0]);
  float *out = *static_cast<float *const *>(params[1]);
  const int32_t count = *static_cast<const int32_t *>(params[2]);
  const AotiCudaTensorMap *map = static_cast<const AotiCudaTensorMap *>(params[3]);
  const float *x = reinterpret_cast<const float *>(map->opaque[0]);
  const int32_t rows = *static_cast<const int32_t *>(params[4]);
  if (map->opaque[1] != kColumns || map->opaque[2] != static_cast<uint64_t>(rows)) return;
  for (int32_t i = 0; i < count && i < static_cast<int32_t>(grid[0]) * 4; ++i)
    out[i] = x[i] * weight[i % kColumns];
}

void add_sum(const uint32_t *, void *const *params) {
  const float *in = *static_cast<float *const *>(params[0]), *bias = *static_cast<float *const *>(params[1]);
  float *out = *static_cast<float *const *>(params[2]);
  const int32_t count = *static_cast<const int32_t *>(params[3]);
  float *workspace = *static_cast<float *const *>(params[4]);
  int32_t *semaphores = *static_cast<int32_t *const *>(params[5]);
  float *scratch = *static_cast<float *const *>(params[6]);
  if (*static_cast<void *const *>(params[7]) != nullptr) return;  // no profile scratch was asked for
  scratch[0] = 0;
  // In parts: the last one to arrive adds them up and leaves the semaphore as it was.
  for (int64_t j = 0; j < kColumns; ++j) {
    workspace[j] = bias[j];
    if (++semaphores[kSemaphores - 1] < kColumns) continue;
    semaphores[kSemaphores - 1] = 0;
    for (int64_t k = 0; k < kColumns; ++k) scratch[0] += workspace[k];
  }
  for (int32_t i = 0; i < count; ++i) out[i] = in[i] + scratch[0];
}

const int32_t mul_bytes[] = {8, 8, 4, 128, 4, 4, 8, 8}, add_bytes[] = {8, 8, 8, 4, 8, 8, 8, 8};
const FakeKernel mul_kernel[] = {{"mul_entry", 8, mul_bytes, mul}};
const FakeKernel add_kernel[] = {{"add_entry", 8, add_bytes, add_sum}};
const FakeModule mul_module = {{'F', 'A', 'K', 'E', 'M', 'O', 'D', '1'}, 1, mul_kernel};
const FakeModule add_module = {{'F', 'A', 'K', 'E', 'M', 'O', 'D', '1'}, 1, add_kernel};

// ---- What the compiler prints ----

const AotiCudaTensorMapDesc mul_maps[] = {{7, 4, 0, 2, {4, 8}}};  // float32, no swizzle
const AotiCudaImage mul_images[] = {
    {90, AOTI_CUDA_CUBIN, &mul_module, sizeof mul_module, 128, 0, 1, 0, 0, 0, 1, {4}, mul_maps, 1},
    {80, AOTI_CUDA_PTX, &mul_module, sizeof mul_module, 64, 0, 1, 0, 0, 0, 1, {4}, mul_maps, 1}};
const AotiCudaImage add_images[] = {{90,
                                     AOTI_CUDA_CUBIN_EXACT,
                                     &add_module,
                                     sizeof add_module,
                                     128,
                                     65536,
                                     1,
                                     AOTI_CUDA_DEPENDENT_LAUNCH,
                                     64,
                                     0,
                                     128,
                                     {1},
                                     nullptr,
                                     0}};
const AotiCudaKernelDesc kernels[] = {
    {"triton_poi_fused_mul_0", "mul_entry", "aten.mul.Tensor [mul] at toy.py:3", mul_bytes, 8, 0, mul_images,
     2, 0},
    {"triton_per_fused_add_sum_1", "add_entry", nullptr, add_bytes, 6, 2, add_images, 1, 0}};

int64_t arena_bytes_for(const int64_t *symbols) { return symbols[0] * kColumns * 4; }

const AotiCudaModelDesc cuda_model = {sizeof(AotiCudaModelDesc), 2,       kernels, &aoti_cuda_runtime, 0,
                                      arena_bytes_for,           nullptr, 32,      kSemaphores,        0};

int32_t run(AotiRunArgs *args) {
  AotiCudaRun *const cuda = args->cuda;
  AOTICudaStreamGuard stream_guard(cuda->stream, cuda->device_index);
  AOTI_TORCH_ERROR_CODE_CHECK(stream_guard.status());
  const int32_t count = static_cast<int32_t>(args->symbols[0] * kColumns);
  const int64_t size[] = {args->symbols[0], kColumns}, stride[] = {kColumns, 1};
  float *const buf0 = aoti_cuda_arena<float>(cuda, 0);
  AtenTensorHandle buf1_handle = nullptr, buf2_handle = nullptr;
  AOTI_TORCH_ERROR_CODE_CHECK(aoti_torch_empty_strided(2, size, stride, AOTI_DTYPE_FLOAT32, AOTI_DEVICE_CUDA,
                                                       cuda->device_index, &buf1_handle));
  RAIIAtenTensorHandle buf1(buf1_handle);
  AOTI_TORCH_ERROR_CODE_CHECK(aoti_torch_empty_strided(2, size, stride, AOTI_DTYPE_FLOAT32, AOTI_DEVICE_CUDA,
                                                       cuda->device_index, &buf2_handle));
  RAIIAtenTensorHandle buf2(buf2_handle);
  AOTI_CUDA_CHECK(aoti_cuda_fill(cuda, buf0, 0, 4, count));
  AotiCudaTensorMap map0;
  AOTI_CUDA_CHECK(aoti_cuda_tensor_map(cuda, triton_poi_fused_mul_0, 0,
                                       aoti_data<const float>(args->inputs[0]), size, stride, &map0));
  for (int32_t launches = toy_cuda_options.extra_launch ? 2 : 1; launches > 0; --launches) {
    AOTI_CUDA_CHECK(
        launchKernel(cuda, triton_poi_fused_mul_0, aoti_cuda_grid(cuda, triton_poi_fused_mul_0, count),
                     aoti_constant<float>(args, 0), buf0, count, map0, static_cast<int32_t>(size[0]),
                     static_cast<int32_t>(size[1]), stride[0], stride[1]));
  }
  if (toy_cuda_options.host_copy) {
    float value = 0;
    AOTI_CUDA_CHECK(aoti_cuda_copy(cuda, &value, buf0, sizeof value, AOTI_CUDA_DEVICE_TO_HOST));
  }
  if (toy_cuda_options.fail_before_add) AOTI_REPORT("asked to fail");
  AOTI_CUDA_CHECK(launchKernel(cuda, triton_per_fused_add_sum_1, AotiCudaGrid{2, 1, 1}, buf0,
                               aoti_constant<float>(args, 1), aoti_data<float>(buf1), count, cuda->workspace,
                               cuda->semaphores));
  AOTI_CUDA_CHECK(
      aoti_cuda_copy(cuda, aoti_data<float>(buf2), buf0, 4 * int64_t{count}, AOTI_CUDA_DEVICE_TO_DEVICE));
  args->outputs[0] = buf1.release();
  args->outputs[1] = buf2.release();
  return AOTI_RUNTIME_SUCCESS;
}

const AotiDimDesc dims[] = {{1, 64, 1, 0, 0}, AOTI_STATIC_DIM(kColumns)};
const AotiTensorDesc inputs[] = {
    {"x", AOTI_DTYPE_FLOAT32, AOTI_DEVICE_CUDA, 2, dims, nullptr, "toy.py:3 in forward", 16, 0}};
const AotiTensorDesc outputs[] = {
    {"add", AOTI_DTYPE_FLOAT32, AOTI_DEVICE_CUDA, 2, dims, nullptr, nullptr, 0, 0},
    {"mul", AOTI_DTYPE_FLOAT32, AOTI_DEVICE_CUDA, 2, dims, nullptr, nullptr, 0, 0}};

alignas(64) const
    float weights[64] = {1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1};
const int64_t row[] = {kColumns};
const AotiConstantDesc constants[] = {{"weight", "net.weight", AOTI_DTYPE_FLOAT32, 1, row, nullptr, 0, 32,
                                       AOTI_CONSTANT_PARAMETER, AOTI_PACKING_PLAIN, AOTI_DEVICE_CUDA, 0},
                                      {"bias", "net.bias", AOTI_DTYPE_FLOAT32, 1, row, nullptr, 64, 32,
                                       AOTI_CONSTANT_PARAMETER, AOTI_PACKING_PLAIN, AOTI_DEVICE_CUDA, 0}};
const AotiOriginalDesc originals[] = {
    {"weight", "net.weight", AOTI_DTYPE_FLOAT32, 1, row, AOTI_CONSTANT_PARAMETER, -1, 0},
    {"bias", "net.bias", AOTI_DTYPE_FLOAT32, 1, row, AOTI_CONSTANT_PARAMETER, -1, 0}};
const int64_t weight_recipe[] = {AOTI_RECIPE_SOURCE, 0}, bias_recipe[] = {AOTI_RECIPE_SOURCE, 1};
const AotiRecipe recipes[] = {{weight_recipe, 2, nullptr, nullptr, 0, 0},
                              {bias_recipe, 2, nullptr, nullptr, 0, 0}};

}  // namespace

extern "C" {

__attribute__((visibility("hidden"))) extern const AotiModelDesc aoti_model_desc;
const AotiModelDesc aoti_model_desc = {sizeof(AotiModelDesc),
                                       AOTI_MODEL_ABI_VERSION,
                                       "toy_cuda",
                                       "hand-written",
                                       "",
                                       "",
                                       1,  // inputs
                                       2,  // outputs
                                       2,  // constants
                                       1,  // symbols
                                       0,  // variants
                                       0,
                                       inputs,
                                       outputs,
                                       constants,
                                       nullptr,
                                       0,
                                       nullptr,
                                       0,
                                       reinterpret_cast<const uint8_t *>(weights),
                                       nullptr,
                                       sizeof weights,
                                       run,
                                       &cuda_model,
                                       0,  // sizes known at run time only
                                       0,
                                       nullptr,
                                       nullptr,
                                       nullptr,
                                       nullptr,
                                       2,
                                       0,
                                       originals,
                                       recipes};

const AotiModelApi *toy_cuda_api(void) { return aoti_model_api_of_this_library(); }

}  // extern "C"
