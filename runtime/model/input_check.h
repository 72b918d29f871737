// The door: every input is compared with the model's table before a kernel sees it.
//
// What enters: the tensor handles of one run. What leaves: the sizes of the model's symbols, or a message
// that names the input, what was expected, what came, where the model says so, and what to do:
//
//   input 0 'x': dimension 1 is 65; expected 64 (sizes [64, 65], expected [64, 64]; models/my_model.py:12).
//   Pass a tensor of the expected sizes, or export the model with a dynamic dimension here.
#ifndef RUNTIME_MODEL_INPUT_CHECK_H_
#define RUNTIME_MODEL_INPUT_CHECK_H_

#include "aoti/model_desc.h"

namespace aoti_model {

// Fails also when the number of inputs or outputs is wrong.
AOTIRuntimeError check_arity(const AotiModelDesc &desc, const AtenTensorHandle *inputs, size_t num_inputs,
                             const AtenTensorHandle *outputs, size_t num_outputs);

// Checks desc.num_inputs handles. `device_index` is the GPU that the container runs on (ignored for inputs on
// the CPU). `symbols` has room for desc.num_symbols sizes; all are set on success.
AOTIRuntimeError check_inputs(const AotiModelDesc &desc, const AtenTensorHandle *inputs, int32_t device_index,
                              int64_t *symbols);

}  // namespace aoti_model

#endif  // RUNTIME_MODEL_INPUT_CHECK_H_
