// Loading, runs, streams, devices, constants and entry checks of a CUDA model, on the stand-in driver.
#include <pthread.h>

#include <initializer_list>

#include "runtime/cuda/testing/toy_cuda_inputs.h"

using namespace toy_cuda;

namespace {

FakeCuda *fake;

void weights_are_uploaded_once_per_device() {
  const int64_t copies = fake->calls("cuMemcpyHtoDAsync_v2"), loads = fake->calls("cuModuleLoadDataEx");
  auto first = create("cuda:0", 3), second = create("cuda:0");
  CHECK_EQ(fake->calls("cuMemcpyHtoDAsync_v2") - copies, 1);
  CHECK_EQ(fake->calls("cuModuleLoadDataEx") - loads, 2);
  auto other = create("cuda:1");
  CHECK_EQ(fake->calls("cuMemcpyHtoDAsync_v2") - copies, 2);
  Input input(1);
  run_and_check(first, &input, 5);
  run_and_check(second, &input, 64);
  run_and_check(other, &input, 7, nullptr, 1);
  destroy(first);
  run_and_check(second, &input, 3);
  destroy(second);
  destroy(other);
  CHECK_EQ(fake->live("module"), 0);
  CHECK_EQ(fake->live("event"), 0);
}

void warm_runs_neither_allocate_nor_wait() {
  auto model = create("cuda");
  Input input(2);
  for (int i = 0; i < 3; ++i) run_and_check(model, &input, 9);
  const char *const quiet[] = {"cuMemAlloc_v2",      "cuMemFree_v2",     "cuStreamSynchronize",
                               "cuEventSynchronize", "cuCtxSynchronize", "cuStreamWaitEvent"};
  int64_t before[6];
  for (int i = 0; i < 6; ++i) before[i] = fake->calls(quiet[i]);
  for (int i = 0; i < 4; ++i) run_and_check(model, &input, 9);
  CHECK_EQ(toy_cuda_api()->set_cuda_graphs(model, false), AOTI_RUNTIME_SUCCESS);
  for (int i = 0; i < 4; ++i) run_and_check(model, &input, 9);
  for (int i = 0; i < 6; ++i) CHECK_EQ(fake->calls(quiet[i]), before[i]);
  CHECK(fake->launches_with("dependent") > 0);
  destroy(model);
}

void tensor_maps_are_made_once_for_an_address() {
  auto model = create("cuda:0");
  Input input(5), other(6);
  const int64_t maps = fake->calls("cuTensorMapEncodeTiled");
  for (int i = 0; i < 4; ++i) run_and_check(model, &input, 9);
  CHECK_EQ(fake->calls("cuTensorMapEncodeTiled"), maps + 1);
  run_and_check(model, &other, 9);  // another address, in a graph
  CHECK_STR_EQ(graph_state(model), "graph");
  run_and_check(model, &other, 5);  // another size
  CHECK_EQ(fake->calls("cuTensorMapEncodeTiled"), maps + 3);
  fake->fail("cuTensorMapEncodeTiled", 1, 0, 1);
  run_and_fail(model, &input, 5, "encoding a tensor map on cuda:0");
  run_and_check(model, &input, 5);
  destroy(model);
}

void runs_on_two_streams_are_kept_apart() {
  auto model = create("cuda:0");
  Input input(3);
  void *a = fake->make_stream(0), *b = fake->make_stream(0);
  run_and_check(model, &input, 4, a);
  const int32_t waits = fake->cross_stream_waits();
  run_and_check(model, &input, 4, a);
  CHECK_EQ(fake->cross_stream_waits(), waits);
  run_and_check(model, &input, 4, b);
  CHECK_EQ(fake->cross_stream_waits(), waits + 1);
  run_and_check(model, &input, 4);
  CHECK_EQ(fake->cross_stream_waits(), waits + 2);
  CHECK_EQ(toy_cuda_api()->stream_wait_stream(model, static_cast<AOTInductorStreamHandle>(a),
                                              static_cast<AOTInductorStreamHandle>(b)),
           AOTI_RUNTIME_SUCCESS);
  CHECK_EQ(fake->cross_stream_waits(), waits + 3);
  void *captured = fake->make_stream(0);  // no memory is kept for it yet
  fake->set_capturing(captured, true);
  run_and_check(model, &input, 4, captured);
  CHECK_STR_EQ(graph_state(model), "the caller captures the stream");
  CHECK_EQ(fake->cross_stream_waits(), waits + 3);
  fake->set_capturing(captured, false);
  destroy(model);
  fake->destroy_stream(captured);
  fake->destroy_stream(a);
  fake->destroy_stream(b);
}

void bad_input_is_refused() {
  AOTInductorModelContainerHandle model = nullptr;
  const AotiModelApi *api = toy_cuda_api();
  for (const char *device : {"cpu", "cuda:", "cuda:x", "cuda:1x", "gpu", "cuda:99999"}) {
    CHECK_EQ(api->create_with_device(&model, 1, device, nullptr), AOTI_RUNTIME_FAILURE);
    CHECK_CONTAINS(api->last_error(), "this library was compiled for \"cuda\"");
  }
  CHECK_EQ(api->create_with_device(&model, 1, "cuda:5", nullptr), AOTI_RUNTIME_FAILURE);
  CHECK_CONTAINS(api->last_error(), "CUDA device 5 does not exist: this process sees 2 (0 to 1)");
  model = create("cuda:0");
  Input input(4);
  void *elsewhere = fake->make_stream(1);
  run_and_fail(model, &input, 4, "the stream is of another device or context than cuda:0", elsewhere);
  AtenTensorHandle outputs[2], handle = handle_of(input.x, 4, 1);
  CHECK_EQ(api->run(model, &handle, 1, outputs, 2, nullptr, nullptr), AOTI_RUNTIME_FAILURE);
  CHECK_CONTAINS(api->last_error(), "input 0 'x': on cuda:1; this container runs on cuda:0");
  handle = handle_of(input.x, 4, 0, AOTI_DEVICE_CPU);
  CHECK_EQ(api->run(model, &handle, 1, outputs, 2, nullptr, nullptr), AOTI_RUNTIME_FAILURE);
  CHECK_CONTAINS(api->last_error(), "on device cpu; expected cuda");
  handle = handle_of(input.x + 1, 4);
  CHECK_EQ(api->run(model, &handle, 1, outputs, 2, nullptr, nullptr), AOTI_RUNTIME_FAILURE);
  CHECK_CONTAINS(api->last_error(), "expected a multiple of what its kernels load at a time, 16 bytes");
  const int64_t size[] = {4, 8}, gaps[] = {16, 1};
  CHECK_EQ(api->create_tensor_from_blob_v2(input.x, 2, size, gaps, 0, AOTI_DTYPE_FLOAT32, 1, 0, &handle, 0,
                                           nullptr, 0),
           0);
  CHECK_EQ(api->run(model, &handle, 1, outputs, 2, nullptr, nullptr), AOTI_RUNTIME_FAILURE);
  CHECK_CONTAINS(api->last_error(), "Make it contiguous first");
  run_and_check(model, &input, 4);
  destroy(model);
  fake->destroy_stream(elsewhere);
}

void constants_can_be_replaced() {
  const AotiModelApi *api = toy_cuda_api();
  auto model = create("cuda:0");
  Input input(5);
  run_and_check(model, &input, 6);
  float twice[8];
  for (int i = 0; i < 8; ++i) twice[i] = static_cast<float>(2 * (i + 1));
  const int64_t size = 8, stride = 1;
  AtenTensorHandle value = nullptr, on_device = nullptr;
  CHECK_EQ(api->create_tensor_from_blob_v2(twice, 1, &size, &stride, 0, AOTI_DTYPE_FLOAT32, AOTI_DEVICE_CPU,
                                           0, &value, 0, nullptr, 0),
           0);
  const AOTInductorConstantMapEntry pair = {"net.weight", value};
  CHECK_EQ(api->update_user_managed_constants(model, &pair, 1, false, false), AOTI_RUNTIME_FAILURE);
  CHECK_CONTAINS(api->last_error(), "is on device cpu; expected cuda");
  CHECK_EQ(api->update_constants(model, &pair, 1, false, false), AOTI_RUNTIME_SUCCESS);
  run_and_check(model, &input, 6, nullptr, 0, 2);
  run_and_check(model, &input, 6, nullptr, 0, 2);
  CHECK_EQ(api->empty_strided(1, &size, &stride, AOTI_DTYPE_FLOAT32, AOTI_DEVICE_CUDA, 0, &on_device), 0);
  for (float &v : twice) v *= 2;
  CHECK_EQ(api->copy_(on_device, value, 0), 0);
  const AOTInductorConstantMapEntry managed = {"net.weight", on_device};
  CHECK_EQ(api->update_user_managed_constants(model, &managed, 1, false, false), AOTI_RUNTIME_SUCCESS);
  run_and_check(model, &input, 6, nullptr, 0, 4);
  const AOTInductorConstantMapEntry *entries = nullptr;
  size_t count = 0;
  CHECK_EQ(api->extract_constants(model, &entries, &count, false), AOTI_RUNTIME_SUCCESS);
  CHECK_EQ(count, 2u);
  int32_t device_type = 0;
  CHECK_EQ(api->get_device_type(entries[1].handle, &device_type), 0);
  CHECK_EQ(device_type, 1);
  float bias[8] = {0};
  AtenTensorHandle host = nullptr;
  CHECK_EQ(api->create_tensor_from_blob_v2(bias, 1, &size, &stride, 0, AOTI_DTYPE_FLOAT32, 0, 0, &host, 0,
                                           nullptr, 0),
           0);
  CHECK_EQ(api->copy_(host, entries[1].handle, 0), 0);
  CHECK_NEAR(static_cast<double>(bias[7]), 1, 0);
  for (AtenTensorHandle handle : {value, on_device, host}) api->delete_tensor_object(handle);
  destroy(model);
}

struct Worker {
  AOTInductorModelContainerHandle model;
  int seed;
};

void *work(void *argument) {
  Worker *worker = static_cast<Worker *>(argument);
  Input input(worker->seed);
  void *stream = fake->make_stream(0);
  for (int i = 0; i < 40; ++i) run_and_check(worker->model, &input, 1 + (i * 5 + worker->seed) % 7, stream);
  fake->destroy_stream(stream);
  return nullptr;
}

void threads_share_a_container() {
  auto model = create("cuda:0", 2);
  pthread_t threads[4];
  Worker workers[4];
  for (int i = 0; i < 4; ++i) {
    workers[i] = Worker{model, i};
    pthread_create(&threads[i], nullptr, work, &workers[i]);
  }
  for (pthread_t thread : threads) pthread_join(thread, nullptr);
  destroy(model);
}

}  // namespace

int main() {
  fake = open_fake_cuda();
  weights_are_uploaded_once_per_device();
  warm_runs_neither_allocate_nor_wait();
  tensor_maps_are_made_once_for_an_address();
  runs_on_two_streams_are_kept_apart();
  bad_input_is_refused();
  constants_can_be_replaced();
  threads_share_a_container();
  CHECK_EQ(fake->live("exec"), 0);
  CHECK_EQ(fake->live("graph"), 0);
  return aoti_test::result();
}
