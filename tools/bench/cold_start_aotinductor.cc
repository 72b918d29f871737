// Cold start and steady state of a package of PyTorch's AOTInductor: libtorch's package loader, without
// Python. Command line and output: cold_start.h; MODEL_FILE is the .pt2 package. Built by the host's g++
// against the torch wheel.

#include <ATen/Parallel.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/inductor/aoti_package/model_package_loader.h>

#include <vector>

#include "tools/bench/cold_start.h"

int main(int argc, char **argv) {
  const cold_start::Request request = cold_start::parse(argc, argv);
  try {
    c10::InferenceMode mode;
    at::set_num_threads(request.threads);
    torch::inductor::AOTIModelPackageLoader loader(request.model, "model", /*run_single_threaded=*/true);
    std::vector<at::Tensor> inputs;
    for (int i = 0; i < request.num_inputs; ++i) {
      const cold_start::Input &input = request.inputs[i];
      inputs.push_back(at::from_blob(input.data,
                                     at::IntArrayRef(input.sizes, static_cast<size_t>(input.ndim)),
                                     at::TensorOptions().dtype(input.is_int64 ? at::kLong : at::kFloat)));
    }
    std::vector<at::Tensor> outputs;
    const auto first_output = [&](const void **data, size_t *bytes) {
      outputs[0] = outputs[0].contiguous();
      *data = outputs[0].data_ptr();
      *bytes = outputs[0].nbytes();
    };
    return cold_start::measure(request, [&] { outputs = loader.run(inputs); }, first_output);
  } catch (const std::exception &error) {
    cold_start::fail("AOTInductor's loader failed", error.what());
  }
}
