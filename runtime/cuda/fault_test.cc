// Out of memory, images that do not load, and kernel faults, on the stand-in driver.
#include <stdlib.h>

#include "runtime/cuda/testing/toy_cuda_inputs.h"
#include "shim/cuda/driver_types.h"

using namespace toy_cuda;
using namespace aoti_cuda;

namespace {

FakeCuda *fake;

void create_fails_with(const char *part) {
  AOTInductorModelContainerHandle model = nullptr;
  const int32_t memory = fake->live("memory"), modules = fake->live("module");
  CHECK_EQ(toy_cuda_api()->create_with_device(&model, 2, "cuda:0", nullptr), AOTI_RUNTIME_FAILURE);
  CHECK_CONTAINS(toy_cuda_api()->last_error(), part);
  CHECK_EQ(fake->live("memory"), memory);
  CHECK_EQ(fake->live("module"), modules);
}

void creation_fails_whole() {
  fake->fail("cuModuleLoadDataEx", kInvalidImage, 1, 1);
  create_fails_with(
      "kernel triton_per_fused_add_sum_1 (image sm_90a) cannot be loaded on cuda:0: "
      "CUDA_ERROR_INVALID_IMAGE");
  fake->fail("cuModuleLoadDataEx", kUnsupportedPtxVersion, 0, 1);
  create_fails_with("update the driver");
  fake->fail("cuModuleGetFunction", kNotFound, 0, 1);
  create_fails_with("kernel triton_poi_fused_mul_0");
  fake->fail("cuMemAlloc_v2", kOutOfMemory, 0, 1);
  create_fails_with("uploading 96 bytes of weights to cuda:0 (Stand-in GPU): CUDA_ERROR_OUT_OF_MEMORY");
  fake->fail("cuMemAlloc_v2", kOutOfMemory, 1, 1);
  create_fails_with("an instance's workspace needs 524 bytes");
  fake->fail("cuEventCreate", kOutOfMemory, 1, 1);  // of the second instance
  create_fails_with("creating an event");
}

void out_of_memory_passes() {
  auto model = create("cuda:0");
  Input input(1);
  fake->fail("cuMemAlloc_v2", kOutOfMemory, 0, 1);
  run_and_fail(model, &input, 4, "an instance's arena needs 128 bytes");
  run_and_check(model, &input, 4);
  // An output: what is kept is given back first, then it fails, then the next run works.
  const int32_t memory = fake->live("memory");
  fake->fail("cuMemAlloc_v2", kOutOfMemory, 0, 1);
  run_and_check(model, &input, 4);  // served from what is kept
  fake->fail("cuMemAlloc_v2", kOutOfMemory, 1, 2);
  run_and_fail(model, &input, 40, "out of memory on cuda:0 (Stand-in GPU)");
  CHECK(fake->live("memory") <= memory);
  for (int i = 0; i < 4; ++i) run_and_check(model, &input, 40);
  CHECK_STR_EQ(graph_state(model), "graph");
  destroy(model);
}

void wrong_architecture() {
  // The table of devices is filled by now for 0 and not for 1: another capability can only be seen there.
  fake->sm = 75;
  AOTInductorModelContainerHandle model = nullptr;
  CHECK_EQ(toy_cuda_api()->create_with_device(&model, 1, "cuda:1", nullptr), AOTI_RUNTIME_FAILURE);
  CHECK_CONTAINS(toy_cuda_api()->last_error(),
                 "kernel triton_poi_fused_mul_0 was compiled for sm_90, compute_80; cuda:1 (Stand-in GPU) "
                 "has capability sm_75");
  CHECK_CONTAINS(toy_cuda_api()->last_error(), "\"sm_75\" in cuda_archs");
}

void a_fault_is_final() {
  auto model = create("cuda:0");
  Input input(2);
  run_and_check(model, &input, 4);
  CHECK_EQ(toy_cuda_api()->set_cuda_graphs(model, false), AOTI_RUNTIME_SUCCESS);
  fake->fail("cuLaunchKernelEx", 1, 0, 1);  // not a fault: only this run fails
  run_and_fail(model, &input, 4,
               "launching kernel triton_poi_fused_mul_0 (aten.mul.Tensor [mul] at toy.py:3) on cuda:0");
  run_and_check(model, &input, 4);
  fake->fail("cuLaunchKernelEx", kIllegalAddress, 1, 1);
  run_and_fail(model, &input, 4,
               "launching kernel triton_per_fused_add_sum_1 on cuda:0: CUDA_ERROR_ILLEGAL_ADDRESS");
  CHECK_CONTAINS(toy_cuda_api()->last_error(), "AOTI_CUDA_SYNC=1");
  run_and_fail(model, &input, 4, "an earlier run failed (launching kernel triton_per_fused_add_sum_1");
  run_and_fail(model, &input, 4, "restart the process");
  destroy(model);
}

void synchronous_launches_name_the_kernel() {
  setenv("AOTI_CUDA_SYNC", "1", 1);
  auto model = create("cuda:0");
  Input input(3);
  run_and_check(model, &input, 4);
  run_and_check(model, &input, 4);
  CHECK_STR_EQ(graph_state(model), "AOTI_CUDA_SYNC waits for every launch");
  fake->fail("cuStreamSynchronize", kIllegalAddress, 1, 1);  // fill, then mul
  run_and_fail(model, &input, 4, "launching kernel triton_poi_fused_mul_0");
  CHECK(strstr(toy_cuda_api()->last_error(), "may belong") == nullptr);
  destroy(model);
  unsetenv("AOTI_CUDA_SYNC");
}

}  // namespace

int main() {
  fake = open_fake_cuda();
  creation_fails_whole();
  out_of_memory_passes();
  a_fault_is_final();
  synchronous_launches_name_the_kernel();
  wrong_architecture();
  CHECK_EQ(fake->live("module"), 0);
  CHECK_EQ(fake->live("event"), 0);
  return aoti_test::result();
}
