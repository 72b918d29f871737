// Runs of a model library one after the other, from C++: what a program pays, without Python in between.
//
// Inputs stay; each run gets handles of its own on them and its outputs are deleted at once, as a program
// that has used them would. Nothing is waited for. Gives 0, or 1 when a run failed (api->last_error()).
#include "aoti/model_api.h"

extern "C" __attribute__((visibility("default"))) int run_loop(const AotiModelApi *api,
                                                               AOTInductorModelContainerHandle model,
                                                               AtenTensorHandle *inputs, size_t num_inputs,
                                                               size_t num_outputs, int64_t count,
                                                               void *stream) {
  constexpr size_t kMax = 64;
  if (num_inputs > kMax || num_outputs > kMax) return 1;
  AtenTensorHandle handles[kMax], outputs[kMax];
  for (int64_t run = 0; run < count; ++run) {
    for (size_t i = 0; i < num_inputs; ++i) {
      if (api->new_tensor_handle(inputs[i], &handles[i]) != 0) return 1;
    }
    if (api->run(model, handles, num_inputs, outputs, num_outputs,
                 static_cast<AOTInductorStreamHandle>(stream), nullptr) != 0) {
      return 1;
    }
    for (size_t i = 0; i < num_outputs; ++i) api->delete_tensor_object(outputs[i]);
  }
  return 0;
}
