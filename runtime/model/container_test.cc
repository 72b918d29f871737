// Containers: creation and its refusals, runs, concurrency of runs, threads and instances. Meant for the
// thread sanitizer as well (--config=tsan).
#include "runtime/model/container.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <initializer_list>

#include "runtime/model/container_api.h"
#include "runtime/model/testing/toy_inputs.h"

using aoti_model::Container;

namespace {

const AotiModelApi *api = toy_api();

AOTInductorModelContainerHandle make(size_t instances) {
  AOTInductorModelContainerHandle model = nullptr;
  CHECK_EQ(api->create_with_device(&model, instances, "cpu", nullptr), 0);
  return model;
}

void test_description() {
  AOTInductorModelContainerHandle model = make(1);
  size_t count = 0;
  const char *name = nullptr, *out_spec = nullptr;
  CHECK_EQ(api->get_num_inputs(model, &count), 0);
  CHECK_EQ(count, 3u);
  CHECK_EQ(api->get_input_name(model, 2, &name), 0);
  CHECK_STR_EQ(name, "index");
  CHECK_EQ(api->get_input_name(model, 3, &name), 1);
  CHECK_CONTAINS(api->last_error(), "input index is 3; expected less than 3");
  CHECK_EQ(api->get_num_outputs(model, &count), 0);
  CHECK_STR_EQ(api->last_error(), "");
  CHECK_EQ(count, 3u);
  CHECK_EQ(api->get_output_name(model, 1, &name), 0);
  CHECK_STR_EQ(name, "add");
  CHECK_EQ(api->get_call_spec(model, &name, &out_spec), 0);
  CHECK_CONTAINS(name, "builtins.tuple");
  CHECK_STR_EQ(api->isa_name(), "baseline");
  CHECK_EQ(api->abi_version, AOTI_MODEL_ABI_VERSION);
  CHECK_EQ(api->struct_size, static_cast<uint32_t>(sizeof(AotiModelApi)));
  CHECK_EQ(api->delete_container(model), 0);
  CHECK_EQ(api->delete_container(nullptr), 0);
}

void test_runs() {
  AOTInductorModelContainerHandle model = make(1);
  for (int32_t threads : {1, 2, 3}) {
    CHECK_EQ(api->set_num_threads(model, threads), 0);
    int32_t got = 0;
    CHECK_EQ(api->get_num_threads(model, &got), 0);
    CHECK_EQ(got, threads);
    // Up and down: the arena grows and is used again.
    for (int64_t rows : {2, 64, 10, 32, 64}) {
      toy::Inputs inputs(rows, static_cast<int>(rows) + threads);
      toy::run_and_check(model, &inputs, toy::Constants());
    }
  }
  CHECK_EQ(api->set_num_threads(model, 0), 0);
  CHECK_EQ(api->set_num_threads(model, -1), 1);
  CHECK_CONTAINS(api->last_error(), "-1 threads; expected 1 to 1024");
  CHECK_EQ(api->delete_container(model), 0);
}

struct Client {
  AOTInductorModelContainerHandle model;
  int seed;
};

void *run_often(void *argument) {
  Client *client = static_cast<Client *>(argument);
  for (int i = 0; i < 60; ++i) {
    toy::Inputs inputs(2 + 2 * ((client->seed + i) % 16), client->seed + i);
    toy::run_and_check(client->model, &inputs, toy::Constants());
  }
  return nullptr;
}

void *change_threads(void *argument) {
  for (int i = 0; i < 20; ++i) {
    CHECK_EQ(api->set_num_threads(static_cast<Client *>(argument)->model, 1 + i % 3), 0);
    CHECK_EQ(api->swap_constants(static_cast<Client *>(argument)->model), 0);
  }
  return nullptr;
}

// More clients than instances, while another thread changes the container.
void test_concurrent_runs() {
  for (size_t instances : {1, 2, 4}) {
    AOTInductorModelContainerHandle model = make(instances);
    Client clients[4];
    pthread_t threads[4], changer;
    for (int i = 0; i < 4; ++i) {
      clients[i] = Client{model, 11 * i};
      CHECK_EQ(pthread_create(&threads[i], nullptr, run_often, &clients[i]), 0);
    }
    CHECK_EQ(pthread_create(&changer, nullptr, change_threads, &clients[0]), 0);
    for (pthread_t thread : threads) pthread_join(thread, nullptr);
    pthread_join(changer, nullptr);
    CHECK_EQ(api->delete_container(model), 0);
  }
}

void test_creation_refusals() {
  AOTInductorModelContainerHandle model = nullptr;
  CHECK_EQ(api->create_with_device(&model, 0, "cpu", nullptr), 1);
  CHECK_CONTAINS(api->last_error(), "0 instances asked for; expected 1 to 1024");
  CHECK_EQ(api->create_with_device(&model, 1, "cuda:0", nullptr), 1);
  CHECK_CONTAINS(api->last_error(), "device is \"cuda:0\"; this library was compiled for \"cpu\"");
  CHECK_EQ(api->create_with_device(&model, 1, nullptr, nullptr), 1);
  CHECK_CONTAINS(api->last_error(), "device is null");
  CHECK_EQ(api->create_with_device(nullptr, 1, "cpu", nullptr), 1);
  setenv("AOTI_NUM_THREADS", "many", 1);
  CHECK_EQ(api->create_with_device(&model, 1, "cpu", nullptr), 1);
  CHECK_CONTAINS(api->last_error(), "AOTI_NUM_THREADS is \"many\"");
  unsetenv("AOTI_NUM_THREADS");
  size_t count = 0;
  alignas(8) char foreign[64] = "not a container";
  CHECK_EQ(api->get_num_inputs(nullptr, &count), 1);
  CHECK_CONTAINS(api->last_error(), "null");
  CHECK_EQ(api->get_num_inputs(reinterpret_cast<AOTInductorModelContainerHandle>(foreign), &count), 1);
  CHECK_CONTAINS(api->last_error(), "not a container of this library");
  CHECK_EQ(api->delete_container(reinterpret_cast<AOTInductorModelContainerHandle>(foreign)), 1);
}

AOTIRuntimeError create(const AotiModelDesc &desc, const char *folder, Container **container) {
  const AotiContainerOptions options = {sizeof(options), 0, 1, "cpu", folder, nullptr, 0};
  return aoti_model::container_create(desc, options, container);
}

// Creation from a changed copy of the tables must fail with `part` in the message.
template <class Change>
void refused(Change change, const char *part) {
  AotiModelDesc desc = aoti_model_desc;
  change(&desc);
  Container *container = nullptr;
  CHECK_EQ(create(desc, nullptr, &container), 1);
  CHECK_CONTAINS(aoti_model::last_error(), part);
  CHECK(container == nullptr);
}

void test_broken_tables() {
  refused([](AotiModelDesc *d) { d->abi_version = 99; }, "has version 99 of the model tables");
  refused([](AotiModelDesc *d) { d->struct_size -= 8; }, "compile the model again");
  refused([](AotiModelDesc *d) { d->num_inputs = -1; }, "-1 inputs");
  refused([](AotiModelDesc *d) { d->outputs = nullptr; }, "3 outputs and no array");
  refused([](AotiModelDesc *d) { d->num_isa = 0; }, "no kernels");
  refused([](AotiModelDesc *d) { d->run = nullptr; }, "lacks a name, a run function");
  refused([](AotiModelDesc *d) { d->weights_bytes = 64; }, "of 64 bytes of weights");
  refused([](AotiModelDesc *d) { d->weights = nullptr; }, "neither their address nor the name of their file");
  refused([](AotiModelDesc *d) { d->weights += 1; }, "expected a multiple of 64");
  refused([](AotiModelDesc *d) { d->num_symbols = 0; }, "input 'x' is broken at dimension 0");
  static const AotiIsaVariant unknown[] = {{1234, "future", nullptr}};
  refused([](AotiModelDesc *d) { d->isa = unknown; }, "kernels for future, but the processor has");
}

// Weights in a file beside the program: the same results from one mapping.
void test_weights_file() {
  const char *folder = getenv("TEST_TMPDIR") != nullptr ? getenv("TEST_TMPDIR") : "/tmp";
  char path[4096];
  snprintf(path, sizeof path, "%s/toy.weights.%d.bin", folder, static_cast<int>(getpid()));
  const char *name = strrchr(path, '/') + 1;
  AotiModelDesc desc = aoti_model_desc;
  desc.weights = nullptr;
  desc.weights_file = name;
  Container *container = nullptr;
  CHECK_EQ(create(desc, folder, &container), 1);
  CHECK_CONTAINS(aoti_model::last_error(), "No such file or directory; looked in");
  FILE *file = fopen(path, "wb");
  CHECK(file != nullptr);
  CHECK_EQ(fwrite(toy_weights, 1, sizeof toy_weights - 4, file), sizeof toy_weights - 4);
  CHECK_EQ(fflush(file), 0);
  CHECK_EQ(create(desc, folder, &container), 1);
  CHECK_CONTAINS(aoti_model::last_error(), "has 1148 bytes; expected 1152: it is damaged");
  CHECK_EQ(fwrite(reinterpret_cast<const char *>(toy_weights) + sizeof toy_weights - 4, 1, 4, file), 4u);
  fclose(file);
  CHECK_EQ(create(desc, folder, &container), 0);
  toy::Inputs inputs(4);
  toy::run_and_check(reinterpret_cast<AOTInductorModelContainerHandle>(container), &inputs, toy::Constants());
  aoti_model::container_destroy(container);
  unlink(path);
  desc.weights_file = "../up.bin";
  CHECK_EQ(create(desc, folder, &container), 1);
  CHECK_CONTAINS(aoti_model::last_error(), "expected a name without a directory");
}

// Weights where the host has them: those of a package.
void test_placed_weights() {
  alignas(64) static float memory[3 * 4096];
  const AotiModelDesc &desc = aoti_model_desc;
  AotiConstantPlace places[3];
  for (int i = 0; i < 3; ++i) {
    float *place = memory + 4096 * (2 - i);  // in another order than the library's
    memcpy(place, desc.weights + desc.constants[i].offset_bytes,
           static_cast<size_t>(desc.constants[i].size_bytes));
    places[i] = AotiConstantPlace{place, static_cast<uint64_t>(desc.constants[i].size_bytes)};
  }
  AotiContainerOptions options = {sizeof(options), 0, 2, "cpu", nullptr, places, 3};
  AOTInductorModelContainerHandle model = nullptr;
  CHECK_EQ(api->create_with_options(&model, &options), 0);
  toy::Inputs inputs(4);
  toy::Constants constants;
  toy::run_and_check(model, &inputs, constants);
  CHECK_EQ(api->set_threads_of_each(model, 2), 0);
  toy::run_and_check(model, &inputs, constants);
  CHECK_EQ(api->set_threads_of_each(model, -1), 1);
  CHECK_CONTAINS(api->last_error(), "-1 threads");
  CHECK_EQ(api->free_inactive_constants(model), 0);
  CHECK_EQ(api->swap_constants(model), 0);
  toy::run_and_check(model, &inputs, constants);
  CHECK_EQ(api->delete_container(model), 0);
  options.num_constants = 2;
  CHECK_EQ(api->create_with_options(&model, &options), 1);
  CHECK_CONTAINS(api->last_error(), "2 constants were given; model toy has 3");
  options.num_constants = 3;
  places[1].size_bytes -= 4;
  CHECK_EQ(api->create_with_options(&model, &options), 1);
  CHECK_CONTAINS(api->last_error(), "constant 'net.bias' has 60 bytes; expected 64");
  places[1].size_bytes += 4;
  places[1].data = memory + 1;
  CHECK_EQ(api->create_with_options(&model, &options), 1);
  CHECK_CONTAINS(api->last_error(), "not a multiple of 64");
  places[1].data = nullptr;
  CHECK_EQ(api->create_with_options(&model, &options), 1);
  CHECK_CONTAINS(api->last_error(), "the place of constant 'net.bias' is null");
  CHECK_EQ(api->create_with_options(&model, nullptr), 1);
}

// The toy keeps no state, so it has no sessions (tests/serving has a model that does).
void test_no_sessions() {
  AOTInductorModelContainerHandle model = make(1);
  AotiSessionHandle session = nullptr;
  AotiStatePlace part = {};
  CHECK_EQ(api->get_state(model, 0, &part), 1);
  CHECK_CONTAINS(api->last_error(), "state index is 0; expected less than 0");
  CHECK_EQ(api->create_session(model, nullptr, 0, &session), 1);
  CHECK_CONTAINS(api->last_error(), "keeps no state from run to run");
  CHECK_EQ(api->delete_session(nullptr), 0);
  alignas(8) char foreign[64] = "not a session";
  CHECK_EQ(api->delete_session(reinterpret_cast<AotiSessionHandle>(foreign)), 1);
  CHECK_CONTAINS(api->last_error(), "not a session of this library");
  CHECK_EQ(api->delete_container(model), 0);
}

}  // namespace

int main() {
  test_description();
  test_runs();
  test_concurrent_runs();
  test_creation_refusals();
  test_broken_tables();
  test_weights_file();
  test_placed_weights();
  test_no_sessions();
  return aoti_test::result();
}
