// Cold start of a process on a GPU: to the first result of a model library, or (without one) to the end of
// one copy in a new context, which is the least that any program pays.
//
//   cold_start                      {"context_ns": ..., "copy_ns": ...}
//   cold_start lib.so 64x64 64x64   {"load_ns": ..., "create_ns": ..., "first_ns": ..., "second_ns": ...}
//
// Inputs are float32 and hold ones. Times are from the start of main, but for second_ns, which is of that run
// alone.
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "aoti/model_api.h"
#include "shim/cuda/device.h"

namespace {

constexpr int kMaxInputs = 16, kMaxDims = 8;

int64_t now_ns() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return int64_t{time.tv_sec} * 1000000000 + time.tv_nsec;
}

[[noreturn]] void fail(const char *what, const char *why) {
  fprintf(stderr, "cold_start: %s: %s\n", what, why);
  exit(1);
}

int bare(int64_t start) {
  char message[aoti_cuda::kDriverMessageBytes];
  const aoti_cuda::Device *device = aoti_cuda::device_at(0, message, sizeof message);
  if (device == nullptr) fail("no device", message);
  aoti_cuda::ContextScope scope(*device);
  const int64_t context = now_ns() - start;
  aoti_cuda::CUdeviceptr address = 0;
  float data[4096] = {1};
  if (device->cu->MemAlloc(&address, sizeof data) != 0 ||
      device->cu->MemcpyHtoDAsync(address, data, sizeof data, nullptr) != 0 ||
      device->cu->MemcpyDtoHAsync(data, address, sizeof data, nullptr) != 0 ||
      device->cu->StreamSynchronize(nullptr) != 0) {
    fail("copy", "the driver refused");
  }
  printf("{\"context_ns\": %lld, \"copy_ns\": %lld}\n", (long long)context, (long long)(now_ns() - start));
  return 0;
}

// "64x64" -> {64, 64}
int64_t parse(const char *text, int64_t *sizes) {
  int64_t ndim = 0;
  for (char *end = nullptr; ndim < kMaxDims; text = end + 1) {
    sizes[ndim++] = strtoll(text, &end, 10);
    if (*end != 'x') break;
  }
  return ndim;
}

AtenTensorHandle make_input(const AotiModelApi *api, const char *shape) {
  int64_t sizes[kMaxDims], strides[kMaxDims], stride = 1;
  const int64_t ndim = parse(shape, sizes);
  for (int64_t d = ndim - 1; d >= 0; --d) {
    strides[d] = stride;
    stride *= sizes[d];
  }
  float *values = static_cast<float *>(malloc(sizeof(float) * static_cast<size_t>(stride)));
  for (int64_t i = 0; i < stride; ++i) values[i] = 1;
  AtenTensorHandle host = nullptr, device = nullptr;
  if (api->create_tensor_from_blob_v2(values, ndim, sizes, strides, 0, AOTI_DTYPE_FLOAT32, AOTI_DEVICE_CPU, 0,
                                      &host, 0, nullptr, 0) != 0 ||
      api->empty_strided(ndim, sizes, strides, AOTI_DTYPE_FLOAT32, AOTI_DEVICE_CUDA, 0, &device) != 0 ||
      api->copy_(device, host, 0) != 0) {
    fail("input", api->last_tensor_error());
  }
  api->delete_tensor_object(host);
  free(values);
  return device;
}

}  // namespace

int main(int argc, char **argv) {
  const int64_t start = now_ns();
  if (argc < 2) return bare(start);
  void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) fail("load", dlerror());
  const auto get_api = reinterpret_cast<const AotiModelApi *(*)()>(dlsym(library, "aoti_model_api"));
  const AotiModelApi *api = get_api();
  const int64_t loaded = now_ns() - start;
  AOTInductorModelContainerHandle model = nullptr;
  if (api->create_with_device(&model, 1, "cuda:0", nullptr) != 0) fail("create", api->last_error());
  const int64_t created = now_ns() - start;
  int64_t finished[2] = {0, 0};
  for (int64_t &time : finished) {
    const int64_t begin = now_ns();
    AtenTensorHandle inputs[kMaxInputs], outputs[kMaxInputs];
    const size_t num_inputs = static_cast<size_t>(argc) - 2;
    size_t num_outputs = 0;
    for (size_t i = 0; i < num_inputs && i < kMaxInputs; ++i) inputs[i] = make_input(api, argv[i + 2]);
    api->get_num_outputs(model, &num_outputs);
    if (api->run(model, inputs, num_inputs, outputs, num_outputs, nullptr, nullptr) != 0)
      fail("run", api->last_error());
    if (api->synchronize_stream(model, nullptr) != 0) fail("wait", api->last_error());
    time = now_ns() - (&time == finished ? start : begin);
    for (size_t i = 0; i < num_outputs; ++i) api->delete_tensor_object(outputs[i]);
  }
  printf("{\"load_ns\": %lld, \"create_ns\": %lld, \"first_ns\": %lld, \"second_ns\": %lld}\n",
         (long long)loaded, (long long)created, (long long)finished[0], (long long)finished[1]);
  return 0;
}
