// Cold start and steady state of a library of ours: dlopen, one container, runs through its table of
// functions. Command line and output: cold_start.h; MODEL_FILE is the library.

#include <dlfcn.h>

#include "aoti/model_api.h"
#include "tools/bench/cold_start.h"

namespace {

using cold_start::fail;
using cold_start::Input;

const AotiModelApi *load_api(const char *path) {
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) fail("cannot load", dlerror());
  void *symbol = dlsym(library, "aoti_model_api");
  if (symbol == nullptr) fail("no function aoti_model_api in", path);
  const AotiModelApi *(*get)(void);
  memcpy(&get, &symbol, sizeof get);
  return get();
}

AtenTensorHandle borrow(const AotiModelApi *api, const Input &input) {
  int64_t strides[cold_start::kMaxDims], stride = 1;
  for (int64_t d = input.ndim - 1; d >= 0; --d) {
    strides[d] = stride;
    stride *= input.sizes[d];
  }
  AtenTensorHandle handle;
  if (api->create_tensor_from_blob_v2(input.data, input.ndim, input.sizes, strides, 0,
                                      input.is_int64 ? AOTI_DTYPE_INT64 : AOTI_DTYPE_FLOAT32, AOTI_DEVICE_CPU,
                                      0, &handle, 0, nullptr, 0) != 0) {
    fail("cannot make an input tensor", api->last_tensor_error());
  }
  return handle;
}

}  // namespace

int main(int argc, char **argv) {
  const cold_start::Request request = cold_start::parse(argc, argv);
  const AotiModelApi *api = load_api(request.model);
  AOTInductorModelContainerHandle model;
  if (api->create_with_device(&model, 1, "cpu", nullptr) != 0)
    fail("cannot create the model", api->last_error());
  if (api->set_num_threads != nullptr && api->set_num_threads(model, request.threads) != 0) {
    fail("cannot set the number of threads", api->last_error());
  }
  size_t num_outputs = 0;
  if (api->get_num_outputs(model, &num_outputs) != 0) fail("cannot ask for the outputs", api->last_error());
  if (num_outputs < 1 || num_outputs > cold_start::kMaxInputs)
    fail("expected 1 to 16 outputs of", request.model);
  AtenTensorHandle outputs[cold_start::kMaxInputs] = {};
  const auto run = [&] {
    AtenTensorHandle inputs[cold_start::kMaxInputs];
    for (int i = 0; i < request.num_inputs; ++i) inputs[i] = borrow(api, request.inputs[i]);
    for (size_t i = 0; i < num_outputs; ++i) api->delete_tensor_object(outputs[i]);
    if (api->run(model, inputs, static_cast<size_t>(request.num_inputs), outputs, num_outputs, nullptr,
                 nullptr) != 0) {
      fail("the run failed", api->last_error());
    }
  };
  const auto first_output = [&](const void **data, size_t *bytes) {
    void *pointer;
    int64_t numel;
    int32_t dtype;
    if (api->get_data_ptr(outputs[0], &pointer) != 0 || api->get_numel(outputs[0], &numel) != 0 ||
        api->get_dtype(outputs[0], &dtype) != 0) {
      fail("cannot read the output", api->last_tensor_error());
    }
    *data = pointer;
    *bytes = static_cast<size_t>(numel) * (dtype == AOTI_DTYPE_INT64 ? 8 : 4);
  };
  return cold_start::measure(request, run, first_output);
}
