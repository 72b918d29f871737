// Sets of constants exchanged under runs: who frees the old one, and a set that is large enough to be made at
// low priority.
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "aoti/model.h"
#include "runtime/model/container.h"
#include "runtime/model/error.h"
#include "runtime/model/testing/toy_inputs.h"

// Of the model library, inside which this test is.
extern "C" const AotiModelDesc aoti_model_desc;

namespace {

using aoti_model::Container;

const AotiModelApi *api;

// The container behind the handle.
Container *make(AOTInductorModelContainerHandle *model) {
  CHECK_EQ(api->create_with_device(model, 2, "cpu", nullptr), AOTI_RUNTIME_SUCCESS);
  Container *c = nullptr;
  CHECK_EQ(aoti_model::container_from(*model, &c), AOTI_RUNTIME_SUCCESS);
  return c;
}

struct Freed {
  pthread_t by;
  bool is_freed;
};

void note(void *, void *context) {
  Freed *freed = static_cast<Freed *>(context);
  freed->by = pthread_self();
  __atomic_store_n(&freed->is_freed, true, __ATOMIC_RELEASE);
}

// Makes the active set use `bias`, whose end is noted in `freed`.
void use(AOTInductorModelContainerHandle model, float *bias, Freed *freed) {
  const int64_t size = TOY_COLUMNS, stride = 1;
  AOTInductorConstantMapEntry pair = {"net.bias", nullptr};
  CHECK_EQ(api->create_tensor_with_deleter(bias, 1, &size, &stride, 0, AOTI_DTYPE_FLOAT32, AOTI_DEVICE_CPU, 0,
                                           &pair.handle, 0, nullptr, 0, note, freed),
           AOTI_TORCH_SUCCESS);
  CHECK_EQ(api->update_user_managed_constants(model, &pair, 1, false, false), AOTI_RUNTIME_SUCCESS);
  api->delete_tensor_object(pair.handle);
}

void *replace_bias(void *argument) {
  float row[TOY_COLUMNS] = {0};
  const int64_t size = TOY_COLUMNS, stride = 1;
  AOTInductorConstantMapEntry pair = {"net.bias", toy::tensor(row, AOTI_DTYPE_FLOAT32, 1, &size, &stride)};
  const auto model = static_cast<AOTInductorModelContainerHandle>(argument);
  CHECK_EQ(api->update_constants(model, &pair, 1, false, false), AOTI_RUNTIME_SUCCESS);
  api->delete_tensor_object(pair.handle);
  return nullptr;
}

// A run holds the old set while another is put in its place, for `held_us` after that.
void test_old_set(useconds_t held_us, bool updater_frees) {
  AOTInductorModelContainerHandle model = nullptr;
  Container *c = make(&model);
  float bias[TOY_COLUMNS] = {0};
  Freed freed = {};
  use(model, bias, &freed);
  aoti_model::ConstantSet *held = aoti_model::container_take_set(c);
  pthread_t updater;
  CHECK_EQ(pthread_create(&updater, nullptr, replace_bias, model), 0);
  for (bool is_new = false; !is_new; usleep(1000)) {
    aoti_model::ConstantSet *now = aoti_model::container_take_set(c);
    is_new = now != held;
    aoti_model::set_release(*c->desc, now);
  }
  usleep(held_us);
  CHECK(!__atomic_load_n(&freed.is_freed, __ATOMIC_ACQUIRE));
  if (!updater_frees) pthread_join(updater, nullptr);
  aoti_model::set_release(*c->desc, held);
  if (updater_frees) pthread_join(updater, nullptr);
  CHECK(freed.is_freed);
  CHECK_EQ(pthread_equal(freed.by, pthread_self()) != 0, !updater_frees);
  CHECK_EQ(api->delete_container(model), AOTI_RUNTIME_SUCCESS);
}

// The toy's weights with 2 MiB of nothing behind them.
void test_large_set() {
  constexpr int64_t kBytes = 2 << 20;
  alignas(AOTI_ALIGNMENT) static uint8_t weights[kBytes];
  memcpy(weights, toy_weights, sizeof toy_weights);
  AotiModelDesc desc = aoti_model_desc;
  desc.weights = weights;
  desc.weights_bytes = kBytes;
  const AotiContainerOptions options = {sizeof(options), 0, 1, "cpu", nullptr, nullptr, 0};
  Container *c = nullptr;
  CHECK_EQ(aoti_model::container_create(desc, options, &c), AOTI_RUNTIME_SUCCESS);
  const auto model = reinterpret_cast<AOTInductorModelContainerHandle>(c);
  toy::Inputs inputs(4);
  toy::Constants now;
  replace_bias(model);
  memset(now.bias, 0, sizeof now.bias);
  toy::run_and_check(model, &inputs, now);
  float row[TOY_COLUMNS] = {0};
  const int64_t size = TOY_COLUMNS - 1, stride = 1;
  AOTInductorConstantMapEntry pair = {"net.bias", toy::tensor(row, AOTI_DTYPE_FLOAT32, 1, &size, &stride)};
  CHECK_EQ(api->update_constants(model, &pair, 1, false, false), AOTI_RUNTIME_FAILURE);
  CHECK_CONTAINS(api->last_error(), "net.bias");
  api->delete_tensor_object(pair.handle);
  toy::run_and_check(model, &inputs, now);
  memcpy(weights, toy_weights, sizeof toy_weights);
  CHECK_EQ(aoti_model::container_update_from_blob(c, weights), AOTI_RUNTIME_SUCCESS);
  toy::run_and_check(model, &inputs, toy::Constants());
  CHECK_EQ(api->delete_container(model), AOTI_RUNTIME_SUCCESS);
}

}  // namespace

int main() {
  api = toy_api();
  test_old_set(20'000, true);
  test_old_set(0, true);
  test_old_set(0, false);
  test_large_set();
  return aoti_test::result();
}
