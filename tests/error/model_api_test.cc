// Refusals of a library through its table of functions: wrong tensors, wrong calls, a processor that is too
// old.
#include <stdlib.h>
#include <string.h>

#include "tests/error/odd_aoti.h"
#include "tools/testing/check.h"

namespace {

const AotiModelApi *api() { return odd_aoti_api(); }

int64_t indices[3] = {0, 4, 2};
float matrix[64] = {0, 1, 2, 3, 4, 5};

struct Tensor {
  void *data;
  int64_t rank;
  int64_t sizes[3];
  int64_t strides[3];
  int32_t dtype;
};

const Tensor kIndices = {indices, 1, {3}, {1}, AOTI_DTYPE_INT64};
const Tensor kMatrix = {matrix, 2, {2, 3}, {3, 1}, AOTI_DTYPE_FLOAT32};

AtenTensorHandle handle(const Tensor &tensor) {
  AtenTensorHandle made = nullptr;
  CHECK_EQ(api()->create_tensor_from_blob_v2(tensor.data, tensor.rank, tensor.sizes, tensor.strides, 0,
                                             tensor.dtype, AOTI_DEVICE_CPU, 0, &made, 0, nullptr, 0),
           0);
  return made;
}

AOTInductorModelContainerHandle container() {
  static AOTInductorModelContainerHandle made = nullptr;
  if (made == nullptr) CHECK_EQ(api()->create_with_device(&made, 1, "cpu", nullptr), 0);
  return made;
}

// Runs on these inputs; returns the message, "" on success.
const char *run(AtenTensorHandle first, AtenTensorHandle second, size_t num_inputs = 2,
                size_t num_outputs = 8) {
  AtenTensorHandle inputs[] = {first, second, nullptr}, outputs[9] = {};
  const AOTIRuntimeError code =
      api()->run(container(), inputs, num_inputs, outputs, num_outputs, nullptr, nullptr);
  for (AtenTensorHandle output : outputs) {
    CHECK(code == 0 || output == nullptr);
    if (output != nullptr) api()->delete_tensor_object(output);
  }
  return code == 0 ? "" : api()->last_error();
}

const char *run(const Tensor &first, const Tensor &second) { return run(handle(first), handle(second)); }

void wrong_tensors() {
  CHECK_EQ(run(kIndices, kMatrix), "");
  Tensor wrong = kMatrix;
  wrong.dtype = AOTI_DTYPE_FLOAT64;
  CHECK_CONTAINS(run(kIndices, wrong), "'x'");
  CHECK_CONTAINS(run(kIndices, wrong), "float32");
  CHECK_CONTAINS(run(kIndices, wrong), "float64");
  CHECK_CONTAINS(run(kIndices, wrong), "odd_model.py");
  wrong = {matrix, 1, {6}, {1}, AOTI_DTYPE_FLOAT32};
  CHECK_CONTAINS(run(kIndices, wrong), "'x'");
  wrong = {matrix, 2, {2, 4}, {4, 1}, AOTI_DTYPE_FLOAT32};
  CHECK_CONTAINS(run(kIndices, wrong), "3");
  CHECK_CONTAINS(run(kIndices, wrong), "4");
  wrong = {matrix, 2, {2, 3}, {1, 2}, AOTI_DTYPE_FLOAT32};
  CHECK_CONTAINS(run(kIndices, wrong), "stride");
  CHECK_EQ(run(kIndices, kMatrix), "");  // nothing stays behind
}

void wrong_handles_and_counts() {
  CHECK_CONTAINS(run(handle(kIndices), nullptr), "'x'");
  CHECK_CONTAINS(run(handle(kIndices), nullptr), "null");
  CHECK_CONTAINS(run(handle(kIndices), nullptr, 1), "2");
  CHECK_CONTAINS(run(handle(kIndices), handle(kMatrix), 2, 7), "8");
}

void wrong_containers() {
  AOTInductorModelContainerHandle made = nullptr;
  CHECK(api()->create_with_device(&made, 1, "cuda", nullptr) != 0);
  CHECK_CONTAINS(api()->last_error(), "cuda");
  CHECK(api()->create_with_device(&made, 0, "cpu", nullptr) != 0);
  CHECK(api()->create_with_device(nullptr, 1, "cpu", nullptr) != 0);
  CHECK(made == nullptr);
  CHECK(api()->set_num_threads(container(), -1) != 0);
  CHECK_CONTAINS(api()->last_error(), "-1");
}

// The processor is made to look older, or is called by a name that does not exist.
void wrong_processor() {
  AOTInductorModelContainerHandle made = nullptr;
  setenv("AOTI_CPU_ISA", "x86-64-v2", 1);
  CHECK(api()->create_with_device(&made, 1, "cpu", nullptr) != 0);
  CHECK_CONTAINS(api()->last_error(), "x86-64-v2");
  CHECK_CONTAINS(api()->last_error(), "x86-64-v3");
  CHECK_CONTAINS(api()->last_error(), "--isa");
  setenv("AOTI_CPU_ISA", "pentium", 1);
  CHECK(api()->create_with_device(&made, 1, "cpu", nullptr) != 0);
  CHECK_CONTAINS(api()->last_error(), "pentium");
  unsetenv("AOTI_CPU_ISA");
  CHECK_EQ(api()->create_with_device(&made, 1, "cpu", nullptr), 0);
  CHECK_EQ(api()->delete_container(made), 0);
}

}  // namespace

int main() {
  wrong_tensors();
  wrong_handles_and_counts();
  wrong_containers();
#if defined(__x86_64__)
  wrong_processor();
#endif
  CHECK_EQ(api()->delete_container(container()), 0);
  return aoti_test::result();
}
