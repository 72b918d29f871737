// Reading and replacing constants: both sets, swaps, all forms of update, and what is refused.
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <initializer_list>

#include "aoti/model_interface.h"
#include "runtime/model/testing/toy_inputs.h"

namespace {

const AotiModelApi *api = toy_api();

AOTInductorModelContainerHandle make(size_t instances = 1) {
  AOTInductorModelContainerHandle model = nullptr;
  CHECK_EQ(api->create_with_device(&model, instances, "cpu", nullptr), 0);
  return model;
}

AtenTensorHandle weight_of(float (*values)[TOY_COLUMNS]) { return toy::matrix(values, TOY_COLUMNS); }

AtenTensorHandle row_of(float *values) {
  const int64_t sizes[] = {TOY_COLUMNS}, strides[] = {1};
  return toy::tensor(values, AOTI_DTYPE_FLOAT32, 1, sizes, strides);
}

void check_run(AOTInductorModelContainerHandle model, const toy::Constants &constants) {
  toy::Inputs inputs(8, 5);
  toy::run_and_check(model, &inputs, constants);
}

void refused(AOTIRuntimeError status, const char *part) {
  CHECK_EQ(status, AOTI_RUNTIME_FAILURE);
  CHECK_CONTAINS(api->last_error(), part);
}

void test_list() {
  AOTInductorModelContainerHandle model = make();
  size_t count = 0, bytes = 0;
  int32_t number = -1;
  const char *text = nullptr;
  bool folded = true;
  uint64_t blob = 0;
  CHECK_EQ(api->get_num_constants(model, &count), 0);
  CHECK_EQ(count, 5u);
  CHECK_EQ(api->get_constant_name(model, 1, &text), 0);
  CHECK_STR_EQ(text, "net_bias");
  CHECK_EQ(api->get_constant_original_fqn(model, 1, &text), 0);
  CHECK_STR_EQ(text, "net.bias");
  CHECK_EQ(api->get_constant_dtype(model, 1, &number), 0);
  CHECK_EQ(number, AOTI_DTYPE_FLOAT32);
  CHECK_EQ(api->get_constant_data_size(model, 0, &bytes), 0);
  CHECK_EQ(bytes, 1024u);
  CHECK_EQ(AOTInductorModelContainerGetConstantType(model, 1, &number), 0);
  CHECK_EQ(number, AOTI_CONSTANT_BUFFER);
  CHECK_EQ(AOTInductorModelContainerGetConstantFromFolded(model, 1, &folded), 0);
  CHECK(!folded);
  CHECK_EQ(AOTInductorModelContainerGetConstantsBlobSize(model, &blob), 0);
  CHECK_EQ(blob, sizeof toy_weights);
  CHECK_EQ(AOTInductorModelContainerRunConstantFolding(model, false, nullptr, nullptr), 0);
  refused(api->get_constant_name(model, 5, &text), "constant index is 5; expected less than 5");
  refused(api->get_constant_name(model, 0, nullptr), "null");
  CHECK_EQ(api->delete_container(model), 0);
}

void test_extract() {
  AOTInductorModelContainerHandle model = make();
  for (bool inactive : {false, true}) {
    const AOTInductorConstantMapEntry *entries = nullptr;
    size_t count = 0;
    CHECK_EQ(api->extract_constants(model, &entries, &count, inactive), 0);
    CHECK_EQ(count, 3u);  // not the two that were folded into one
    CHECK_STR_EQ(entries[0].name, "net.weight");
    CHECK_STR_EQ(entries[1].name, "net.bias");
    CHECK_STR_EQ(entries[2].name, "tied.bias");
    CHECK(toy::data_of(entries[2].handle) == toy::data_of(entries[1].handle));
    // No copy: the library's own bytes.
    CHECK(toy::data_of(entries[1].handle)[3] == toy_weights[TOY_COLUMNS][3]);
  }
  CHECK_EQ(api->delete_container(model), 0);
}

void test_update_active() {
  AOTInductorModelContainerHandle model = make();
  toy::Constants now;
  float weight[TOY_COLUMNS][TOY_COLUMNS], bias[2 * TOY_COLUMNS], scale[TOY_COLUMNS], gain = -0.5f;
  for (int i = 0; i < TOY_COLUMNS; ++i) {
    scale[i] = static_cast<float>(i);
    now.scale[i] = scale[i] * gain;  // folded by its recipe
    for (int j = 0; j < TOY_COLUMNS; ++j)
      weight[i][j] = now.weight[j][i] = static_cast<float>((i * 3 + j) % 7 - 3) / 2;
    bias[2 * i] = now.bias[i] = static_cast<float>(i) - 7;
    bias[2 * i + 1] = 1e30f;
  }
  // A transposed weight, and a bias with gaps that starts at an offset of the storage.
  const int64_t sizes[] = {TOY_COLUMNS, TOY_COLUMNS}, turned[] = {1, TOY_COLUMNS}, length[] = {TOY_COLUMNS},
                gap[] = {2};
  AOTInductorConstantMapEntry pairs[] = {
      {"net.weight", toy::tensor(weight, AOTI_DTYPE_FLOAT32, 2, sizes, turned)},
      {"net_bias", toy::tensor(bias, AOTI_DTYPE_FLOAT32, 1, length, gap)},
      {"net.scale", row_of(scale)},
      {"net_gain", toy::tensor(&gain, AOTI_DTYPE_FLOAT32, 0, nullptr, nullptr)}};
  CHECK_EQ(api->update_constants(model, pairs, 4, false, true), 0);
  memset(weight, 0, sizeof weight);  // it was copied
  check_run(model, now);
  check_run(model, now);
  CHECK_EQ(api->update_user_managed_constants(model, pairs, 0, false, false), 0);
  for (const AOTInductorConstantMapEntry &pair : pairs) api->delete_tensor_object(pair.handle);
  CHECK_EQ(api->delete_container(model), 0);
}

void test_inactive_and_swap() {
  AOTInductorModelContainerHandle model = make();
  toy::Constants library, changed, later;
  float bias[TOY_COLUMNS], weight[TOY_COLUMNS][TOY_COLUMNS];
  for (int i = 0; i < TOY_COLUMNS; ++i) bias[i] = changed.bias[i] = 2;
  AOTInductorConstantMapEntry pair = {"net.bias", row_of(bias)};
  CHECK_EQ(api->update_constants(model, &pair, 1, true, false), 0);
  check_run(model, library);
  CHECK_EQ(api->swap_constants(model), 0);
  check_run(model, changed);
  CHECK_EQ(api->swap_constants(model), 0);
  check_run(model, library);
  CHECK_EQ(api->swap_constants(model), 0);
  // The set that is inactive now was never replaced: its first update starts from the active values.
  for (auto &row : weight) {
    for (float &value : row) value = 0.25f;
  }
  for (auto &row : later.weight) {
    for (float &value : row) value = 0.25f;
  }
  memcpy(later.bias, changed.bias, sizeof later.bias);
  AOTInductorConstantMapEntry second = {"net.weight", weight_of(weight)};
  CHECK_EQ(api->update_constants(model, &second, 1, true, false), 0);
  CHECK_EQ(api->swap_constants(model), 0);
  check_run(model, later);
  // Freed, the inactive set is the library's again.
  CHECK_EQ(api->free_inactive_constants(model), 0);
  CHECK_EQ(api->swap_constants(model), 0);
  check_run(model, library);
  api->delete_tensor_object(pair.handle);
  api->delete_tensor_object(second.handle);
  CHECK_EQ(api->delete_container(model), 0);
}

void test_user_managed() {
  AOTInductorModelContainerHandle model = make();
  toy::Constants now;
  float bias[TOY_COLUMNS] = {0};
  memset(now.bias, 0, sizeof now.bias);
  AOTInductorConstantMapEntry pair = {"net.bias", row_of(bias)};
  CHECK_EQ(api->update_user_managed_constants(model, &pair, 1, false, false), 0);
  api->delete_tensor_object(pair.handle);
  check_run(model, now);
  for (int i = 0; i < TOY_COLUMNS; ++i) bias[i] = now.bias[i] = static_cast<float>(i);  // it was not copied
  check_run(model, now);
  float weight[TOY_COLUMNS][TOY_COLUMNS] = {{0}};
  const int64_t sizes[] = {TOY_COLUMNS, TOY_COLUMNS}, turned[] = {1, TOY_COLUMNS};
  pair = {"net.weight", toy::tensor(weight, AOTI_DTYPE_FLOAT32, 2, sizes, turned)};
  refused(api->update_user_managed_constants(model, &pair, 1, false, false),
          "'net.weight': its memory is not contiguous, as the library reads it; make it contiguous, or");
  api->delete_tensor_object(pair.handle);
  CHECK_EQ(api->delete_container(model), 0);
}

// What the library computed or packed is given by copy, the rest without one, and both become one set.
void test_user_managed_and_copied() {
  AOTInductorModelContainerHandle model = make();
  toy::Constants now;
  float bias[TOY_COLUMNS] = {0}, scale[TOY_COLUMNS], gain = 2;
  for (float &value : scale) value = 3;
  AOTInductorConstantMapEntry all[] = {
      {"net.bias", row_of(bias)},
      {"net.scale", row_of(scale)},
      {"net.gain", toy::tensor(&gain, AOTI_DTYPE_FLOAT32, 0, nullptr, nullptr)}};
  refused(
      api->update_user_managed_constants(model, all, 3, true, false),
      "'net.scale': memory of the caller's cannot be used as it is, because the library keeps this constant "
      "computed from it (as 'net_scale'); give it by copy (");
  CHECK_CONTAINS(api->last_error(),
                 "; 2 of the given constants are packed or computed: 'net.scale', 'net.gain'");
  CHECK_EQ(api->swap_constants(model), 0);
  check_run(model, now);  // the refused call left nothing behind
  CHECK_EQ(api->swap_constants(model), 0);
  CHECK_EQ(api->update_constants(model, all + 1, 2, true, false), 0);
  CHECK_EQ(api->update_user_managed_constants(model, all, 1, true, false), 0);
  CHECK_EQ(api->swap_constants(model), 0);
  memset(now.bias, 0, sizeof now.bias);
  for (float &value : now.scale) value = 6;
  check_run(model, now);
  bias[1] = now.bias[1] = 7;  // still the caller's memory
  check_run(model, now);
  for (AOTInductorConstantMapEntry &entry : all) api->delete_tensor_object(entry.handle);
  CHECK_EQ(api->delete_container(model), 0);
}

void test_blob() {
  AOTInductorModelContainerHandle model = make();
  toy::Constants now;
  for (float &value : now.scale) value = 3;
  for (float &value : now.bias) value = -1;
  CHECK_EQ(AOTInductorModelUpdateConstantsFromBlob(model, reinterpret_cast<const uint8_t *>(&now)), 0);
  check_run(model, now);
  CHECK_EQ(api->swap_constants(model), 0);
  check_run(model, toy::Constants());
  refused(AOTInductorModelUpdateConstantsFromBlob(model, nullptr), "expected 1152 bytes");
  CHECK_EQ(api->delete_container(model), 0);
}

void test_refusals() {
  AOTInductorModelContainerHandle model = make();
  float values[TOY_COLUMNS] = {0};
  double wide[TOY_COLUMNS] = {0};
  const int64_t length[] = {TOY_COLUMNS}, shorter[] = {TOY_COLUMNS - 1}, one[] = {1};
  float others[TOY_COLUMNS] = {1};
  AtenTensorHandle other = row_of(others);
  AtenTensorHandle row = row_of(values), half = toy::tensor(values, AOTI_DTYPE_FLOAT32, 1, shorter, one);
  AtenTensorHandle doubles = toy::tensor(wide, AOTI_DTYPE_FLOAT64, 1, length, one);
  const struct {
    AOTInductorConstantMapEntry pairs[2];
    size_t count;
    bool full;
    const char *part;
  } cases[] = {
      {{{"net.scale", row}, {}}, 1, false, "folded it together with others into one, so they are replaced"},
      {{{"net.scale", row}, {}}, 1, false, "give 'net.gain' in the same update"},
      {{{"net.bias", row}, {"tied.bias", other}}, 2, false, "'net.bias' and 'tied.bias' are one tensor"},
      {{{"no.such", row}, {}}, 1, false, "the model has no constant 'no.such'"},
      {{{"net.bias", nullptr}, {}}, 1, false, "new value of constant 'net.bias' is null"},
      {{{"net.bias", half}, {}},
       1,
       false,
       "new value of constant 'net.bias': float32 [15]; expected float32 [16]"},
      {{{"net.bias", doubles}, {}}, 1, false, "float64 [16]; expected float32 [16]"},
      {{{"net.bias", row}, {"net_bias", row}}, 2, false, "constant 'net_bias' is given twice"},
      {{{"net.bias", row}, {}}, 1, true, "constant 'net.weight' is missing"},
      {{{nullptr, row}, {}}, 1, false, "has no name"},
  };
  for (const auto &c : cases) refused(api->update_constants(model, c.pairs, c.count, false, c.full), c.part);
  refused(api->update_constants(model, nullptr, 1, false, false), "array of constants to update is null");
  // A failed update changes nothing, also when its first constant was good.
  AOTInductorConstantMapEntry both[] = {{"net.bias", row}, {"no.such", row}};
  refused(api->update_constants(model, both, 2, false, false), "no.such");
  check_run(model, toy::Constants());
  for (AtenTensorHandle handle : {row, half, doubles, other}) api->delete_tensor_object(handle);
  CHECK_EQ(api->delete_container(model), 0);
}

// A tied constant stands for its owner; both, when they are equal.
void test_tied() {
  AOTInductorModelContainerHandle model = make();
  toy::Constants now;
  for (float &value : now.bias) value = 0.5f;
  float copy[TOY_COLUMNS];
  memcpy(copy, now.bias, sizeof copy);
  AOTInductorConstantMapEntry pairs[] = {{"tied.bias", row_of(now.bias)}, {"net.bias", row_of(copy)}};
  CHECK_EQ(api->update_constants(model, pairs, 1, false, false), 0);
  check_run(model, now);
  CHECK_EQ(api->update_constants(model, pairs, 2, false, false), 0);
  check_run(model, now);
  for (const AOTInductorConstantMapEntry &pair : pairs) api->delete_tensor_object(pair.handle);
  CHECK_EQ(api->delete_container(model), 0);
}

// What was extracted stays what it was when the constant is replaced, until the next extraction.
void test_extracted_outlives_update() {
  AOTInductorModelContainerHandle model = make();
  float row[TOY_COLUMNS] = {7};
  const AOTInductorConstantMapEntry *entries = nullptr;
  size_t count = 0;
  for (int i = 0; i < 3; ++i) {
    row[0] = static_cast<float>(i);
    AOTInductorConstantMapEntry pair = {"net.bias", row_of(row)};
    CHECK_EQ(api->update_constants(model, &pair, 1, false, false), 0);
    if (i > 0) CHECK(*toy::data_of(entries[1].handle) == static_cast<float>(i - 1));
    CHECK_EQ(api->extract_constants(model, &entries, &count, false), 0);
    CHECK(*toy::data_of(entries[1].handle) == static_cast<float>(i));
    api->delete_tensor_object(pair.handle);
  }
  CHECK_EQ(api->delete_container(model), 0);
}

void test_single_model() {
  AOTInductorModelHandle model = nullptr;
  toy::Constants now;
  memset(now.bias, 0, sizeof now.bias);
  AOTInductorConstantMapEntry pair = {"net.bias", row_of(now.bias)};
  CHECK_EQ(AOTInductorModelCreateV2(&model, &pair, 1), 0);
  toy::Inputs inputs(4, 1);
  AtenTensorHandle handles[3], outputs[3];
  toy::make_handles(&inputs, handles);
  CHECK_EQ(AOTInductorModelRun(model, handles, outputs), 0);
  toy::check_and_delete(inputs, now, outputs);
  CHECK_EQ(AOTInductorModelUpdateConstantsMapV2(model, &pair, 1), 0);
  CHECK_EQ(AOTInductorModelUpdateConstantsMapV2(model, &pair, -1), 1);
  size_t count = 0;
  CHECK_EQ(AOTInductorModelGetNumOutputs(model, &count), 0);
  CHECK_EQ(count, 3u);
  api->delete_tensor_object(pair.handle);
  CHECK_EQ(AOTInductorModelDelete(model), 0);
  CHECK_EQ(AOTInductorModelDelete(nullptr), 0);
}

AOTInductorArrayRefTensor describe(void *data, int32_t dtype, int32_t ndim, int64_t rows, int64_t columns) {
  AOTInductorArrayRefTensor tensor;
  memset(&tensor, 0, sizeof tensor);
  tensor.data = data;
  tensor.dtype = dtype;
  tensor.ndim = ndim;
  tensor.sizes[0] = rows;
  tensor.sizes[1] = columns;
  tensor.strides[0] = ndim == 1 ? 1 : columns;
  tensor.strides[1] = 1;
  tensor.numel = rows * columns;
  return tensor;
}

void test_arrayref() {
  AOTInductorModelHandle model = nullptr;
  CHECK_EQ(AOTInductorModelCreate(&model, nullptr), 0);
  toy::Inputs inputs(4, 2);
  float product[4][TOY_COLUMNS], sums[4], same[4][TOY_COLUMNS];
  AOTInductorArrayRefTensor in[] = {describe(inputs.x, AOTI_DTYPE_FLOAT32, 2, 4, TOY_COLUMNS),
                                    describe(inputs.y, AOTI_DTYPE_FLOAT32, 2, 4, TOY_COLUMNS),
                                    describe(&inputs.index, AOTI_DTYPE_INT64, 1, 1, 1)};
  AOTInductorArrayRefTensor out[] = {describe(product, AOTI_DTYPE_FLOAT32, 2, 4, TOY_COLUMNS),
                                     describe(sums, AOTI_DTYPE_FLOAT32, 2, 4, 1),
                                     describe(same, AOTI_DTYPE_FLOAT32, 2, 4, TOY_COLUMNS)};
  CHECK_EQ(AOTInductorModelRunMinimalArrayrefInterfaceV2(model, 3, in, 3, out), 0);
  CHECK_NEAR(static_cast<double>(sums[1]),
             static_cast<double>(inputs.x[1][inputs.index] + inputs.y[1][inputs.index]), 0);
  CHECK_EQ(memcmp(same, inputs.y, sizeof same), 0);
  out[1].sizes[0] = 3;
  CHECK_EQ(AOTInductorModelRunMinimalArrayrefInterfaceV2(model, 3, in, 3, out), 1);
  CHECK_CONTAINS(api->last_error(), "output 1: its memory, rank, sizes or dtype are not those of the result");
  CHECK_EQ(AOTInductorModelRunMinimalArrayrefInterfaceV2(model, 2, in, 3, out), 1);
  in[0].ndim = 9;
  CHECK_EQ(AOTInductorModelRunMinimalArrayrefInterfaceV2(model, 3, in, 3, out), 1);
  CHECK_CONTAINS(api->last_error(), "rank 9; expected 0 to 8");
  CHECK_EQ(AOTInductorModelDelete(model), 0);
}

// Runs see the old bias or the new one, never a mixture.
struct Updates {
  AOTInductorModelContainerHandle model;
  bool stop;
};

void *flip_bias(void *argument) {
  Updates *updates = static_cast<Updates *>(argument);
  float rows[2][TOY_COLUMNS];
  for (int i = 0; i < TOY_COLUMNS; ++i) {
    rows[0][i] = 1000;
    rows[1][i] = 2000;
  }
  for (int i = 0; i < 200; ++i) {
    AOTInductorConstantMapEntry pair = {"net.bias", row_of(rows[i % 2])};
    CHECK_EQ(api->update_constants(updates->model, &pair, 1, i % 3 == 0, false), 0);
    if (i % 3 == 0) CHECK_EQ(api->swap_constants(updates->model), 0);
    api->delete_tensor_object(pair.handle);
  }
  __atomic_store_n(&updates->stop, true, __ATOMIC_RELEASE);
  return nullptr;
}

void test_updates_while_running() {
  Updates updates = {make(2), false};
  float row[TOY_COLUMNS];
  for (float &value : row) value = 1000;
  AOTInductorConstantMapEntry first = {"net.bias", row_of(row)};
  CHECK_EQ(api->update_constants(updates.model, &first, 1, false, false), 0);
  api->delete_tensor_object(first.handle);
  pthread_t thread;
  CHECK_EQ(pthread_create(&thread, nullptr, flip_bias, &updates), 0);
  toy::Inputs inputs(2);
  memset(inputs.x, 0, sizeof inputs.x);
  while (!__atomic_load_n(&updates.stop, __ATOMIC_ACQUIRE)) {
    AtenTensorHandle handles[3], outputs[3];
    toy::make_handles(&inputs, handles);
    CHECK_EQ(api->run(updates.model, handles, 3, outputs, 3, nullptr, nullptr), 0);
    const float *product = toy::data_of(outputs[0]);
    const float bias = product[0] / TOY_SCALE(0);
    CHECK(bias == 1000 || bias == 2000);
    for (int j = 0; j < 2 * TOY_COLUMNS; ++j) CHECK(product[j] == bias * TOY_SCALE(j % TOY_COLUMNS));
    for (AtenTensorHandle output : outputs) api->delete_tensor_object(output);
  }
  pthread_join(thread, nullptr);
  CHECK_EQ(api->delete_container(updates.model), 0);
}

}  // namespace

int main() {
  test_list();
  test_extract();
  test_update_active();
  test_inactive_and_swap();
  test_user_managed();
  test_user_managed_and_copied();
  test_blob();
  test_refusals();
  test_tied();
  test_extracted_outlives_update();
  test_single_model();
  test_arrayref();
  test_updates_while_running();
  return aoti_test::result();
}
