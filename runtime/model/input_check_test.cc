// Every kind of wrong input is refused with a message that names it; handles are consumed all the same, and
// the model runs afterwards.
#include <stdlib.h>
#include <string.h>

#include "runtime/model/testing/toy_inputs.h"

namespace {

const AotiModelApi *api = toy_api();
AOTInductorModelContainerHandle model;

// Runs with handle number `slot` replaced; the message must have `part`, and the outputs must be null.
void refused(int slot, AtenTensorHandle replacement, const char *part) {
  toy::Inputs inputs(6);
  AtenTensorHandle handles[3], outputs[3];
  toy::make_handles(&inputs, handles);
  CHECK_EQ(api->delete_tensor_object(handles[slot]), 0);
  handles[slot] = replacement;
  memset(outputs, 0x55, sizeof outputs);
  CHECK_EQ(api->run(model, handles, 3, outputs, 3, nullptr, nullptr), 1);
  CHECK_CONTAINS(api->last_error(), part);
  for (int i = 0; i < 3; ++i) CHECK(handles[i] == nullptr && outputs[i] == nullptr);
}

AtenTensorHandle x_of(int64_t rows, int64_t columns, int64_t row_stride, int64_t column_stride,
                      int32_t dtype = AOTI_DTYPE_FLOAT32) {
  static double memory[64 * 64];
  const int64_t sizes[] = {rows, columns}, strides[] = {row_stride, column_stride};
  return toy::tensor(memory, dtype, 2, sizes, strides);
}

void test_sizes() {
  refused(0, x_of(6, 17, 17, 1),
          "input 0 'x': dimension 1 is 17; expected 16 (sizes [6, 17], expected [2 to 64 in "
          "steps of 2, 16]; toy.py:3 in forward). Pass a tensor of the expected sizes");
  refused(0, x_of(66, 16, 16, 1), "input 0 'x': dimension 0 is 66; expected 2 to 64");
  refused(0, x_of(0, 16, 16, 1), "dimension 0 is 0; expected 2 to 64");
  refused(0, x_of(5, 16, 16, 1), "dimension 0 is 5; expected a multiple of 2");
  refused(1, x_of(8, 16, 16, 1),
          "input 1 'y': dimension 0 is 8; expected 6, the size of dimension 0 of input 0 'x'");
}

void test_kinds() {
  const int64_t three[] = {6, 16, 1}, three_strides[] = {16, 1, 1};
  static float memory[6 * 16];
  refused(0, x_of(6, 16, 16, 1, AOTI_DTYPE_FLOAT64),
          "input 0 'x': dtype float64; expected float32; toy.py:3 in forward. Convert it first");
  refused(2, x_of(1, 1, 1, 1, AOTI_DTYPE_INT32), "input 2 'index': dtype int32; expected int64. Convert");
  refused(0, toy::tensor(memory, AOTI_DTYPE_FLOAT32, 3, three, three_strides),
          "input 0 'x': rank 3, sizes [6, 16, 1]; expected rank 2");
  refused(0, nullptr, "input 0 'x': the handle is null; expected a float32 tensor of sizes [2 to 64");
  alignas(16) static char foreign[256] = "no tensor";
  toy::Inputs inputs(6);
  AtenTensorHandle handles[3], outputs[3];
  toy::make_handles(&inputs, handles);
  AtenTensorHandle kept = handles[1];
  handles[1] = reinterpret_cast<AtenTensorHandle>(foreign);
  CHECK_EQ(api->run(model, handles, 3, outputs, 3, nullptr, nullptr), 1);
  CHECK_CONTAINS(api->last_error(), "input 1 'y': ");
  CHECK_CONTAINS(api->last_error(), "not a tensor handle of this shim");
  CHECK_EQ(api->delete_tensor_object(kept), 0);
}

void test_layout() {
  refused(0, x_of(6, 16, 1, 6),
          "input 0 'x': stride 6 in dimension 1; expected 1 (strides [1, 6] of sizes [6, 16], "
          "expected contiguous; toy.py:3 in forward). Make it contiguous first");
  refused(0, x_of(6, 16, 32, 1), "stride 32 in dimension 0; expected 16");
  static char bytes[6 * 16 * 4 + 64];
  const int64_t sizes[] = {6, 16}, strides[] = {16, 1};
  char *odd = bytes + 1 + (4 - reinterpret_cast<uintptr_t>(bytes) % 4) % 4;
  refused(0, toy::tensor(odd, AOTI_DTYPE_FLOAT32, 2, sizes, strides),
          "expected a multiple of the element size, 4 bytes");
  // The stride of a dimension of size 1 does not matter.
  toy::Inputs inputs(6);
  AtenTensorHandle handles[3], outputs[3];
  toy::make_handles(&inputs, handles);
  CHECK_EQ(api->delete_tensor_object(handles[2]), 0);
  const int64_t one[] = {1}, far[] = {99};
  handles[2] = toy::tensor(&inputs.index, AOTI_DTYPE_INT64, 1, one, far);
  CHECK_EQ(api->run(model, handles, 3, outputs, 3, nullptr, nullptr), 0);
  toy::check_and_delete(inputs, toy::Constants(), outputs);
}

void test_counts() {
  toy::Inputs inputs(6);
  AtenTensorHandle handles[3], outputs[3];
  toy::make_handles(&inputs, handles);
  CHECK_EQ(api->run(model, handles, 2, outputs, 3, nullptr, nullptr), 1);
  CHECK_CONTAINS(api->last_error(), "got 2 inputs; expected 3: (x, y, index)");
  CHECK(handles[0] == nullptr && handles[1] == nullptr && handles[2] != nullptr);
  CHECK_EQ(api->delete_tensor_object(handles[2]), 0);
  toy::make_handles(&inputs, handles);
  CHECK_EQ(api->run(model, handles, 3, outputs, 1, nullptr, nullptr), 1);
  CHECK_CONTAINS(api->last_error(), "got 1 outputs; expected 3: (mul, add, y)");
  CHECK_EQ(api->run(model, nullptr, 3, outputs, 3, nullptr, nullptr), 1);
  CHECK_CONTAINS(api->last_error(), "array of input handles is null");
}

void test_kernel_error() {
  toy::Inputs inputs(6);
  inputs.index = 16;
  AtenTensorHandle handles[3], outputs[3];
  toy::make_handles(&inputs, handles);
  CHECK_EQ(api->run(model, handles, 3, outputs, 3, nullptr, nullptr), 1);
  CHECK_CONTAINS(api->last_error(),
                 "kernel cpp_fused_add_index_2: index out of range; expected 0 to 15 (toy.py:4 in "
                 "forward); got 16 (toy_model.cc:");
  CHECK(outputs[0] == nullptr);
}

}  // namespace

int main() {
  CHECK_EQ(api->create_with_device(&model, 1, "cpu", nullptr), 0);
  test_sizes();
  test_kinds();
  test_layout();
  test_counts();
  test_kernel_error();
  toy::Inputs inputs(6);
  toy::run_and_check(model, &inputs, toy::Constants());
  CHECK_EQ(api->delete_container(model), 0);
  return aoti_test::result();
}
