// Cold start and steady state of an OpenVINO model: its C interface and CPU plugin, float32, latency mode.
// Command line and output: cold_start.h; MODEL_FILE is the model.xml with model.bin beside it.

#include <openvino/c/openvino.h>

#include "tools/bench/cold_start.h"

namespace {

void check(ov_status_e status, const char *what) {
  if (status != OK) cold_start::fail(what, ov_get_error_info(status));
}

}  // namespace

int main(int argc, char **argv) {
  const cold_start::Request request = cold_start::parse(argc, argv);
  char threads[16];
  snprintf(threads, sizeof threads, "%d", request.threads);
  ov_core_t *core = nullptr;
  check(ov_core_create(&core), "cannot create the core");
  ov_compiled_model_t *compiled = nullptr;
  check(ov_core_compile_model_from_file(
            core, request.model, "CPU", 8, &compiled, ov_property_key_hint_performance_mode, "LATENCY",
            ov_property_key_hint_inference_precision, "f32", ov_property_key_inference_num_threads, threads,
            ov_property_key_num_streams, "1"),
        "cannot compile the model");
  ov_infer_request_t *infer = nullptr;
  check(ov_compiled_model_create_infer_request(compiled, &infer), "cannot create a request");
  for (int i = 0; i < request.num_inputs; ++i) {
    const cold_start::Input &input = request.inputs[i];
    ov_shape_t shape;
    check(ov_shape_create(input.ndim, input.sizes, &shape), "cannot make a shape");
    ov_tensor_t *tensor = nullptr;
    check(ov_tensor_create_from_host_ptr(input.is_int64 ? I64 : F32, shape, input.data, &tensor),
          "cannot make a tensor");
    check(ov_infer_request_set_input_tensor_by_index(infer, static_cast<size_t>(i), tensor),
          "cannot set an input");
  }
  const auto run = [&] { check(ov_infer_request_infer(infer), "the run failed"); };
  const auto first_output = [&](const void **data, size_t *bytes) {
    ov_tensor_t *tensor = nullptr;
    void *pointer = nullptr;
    check(ov_infer_request_get_output_tensor_by_index(infer, 0, &tensor), "cannot get the output");
    check(ov_tensor_data(tensor, &pointer), "cannot read the output");
    check(ov_tensor_get_byte_size(tensor, bytes), "cannot size the output");
    *data = pointer;
  };
  return cold_start::measure(request, run, first_output);
}
