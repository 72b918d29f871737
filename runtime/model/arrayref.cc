#include "runtime/model/arrayref.h"

#include <stdlib.h>

#include "runtime/model/error.h"

namespace aoti_model {
namespace {

AOTIRuntimeError wrap(const AOTInductorArrayRefTensor &tensor, const char *what, int32_t index,
                      AtenTensorHandle *ret_tensor) {
  if (tensor.ndim < 0 || tensor.ndim > AOTI_ARRAYREF_TENSOR_MAX_DIMS) {
    return fail("%s %d: rank %d; expected 0 to %d", what, index, tensor.ndim, AOTI_ARRAYREF_TENSOR_MAX_DIMS);
  }
  if (aoti_torch_create_tensor_from_blob(tensor.data, tensor.ndim, tensor.sizes, tensor.strides, 0,
                                         tensor.dtype, tensor.device_type, tensor.device_idx,
                                         ret_tensor) == AOTI_TORCH_SUCCESS) {
    return AOTI_RUNTIME_SUCCESS;
  }
  return fail_shim(what);
}

AOTIRuntimeError copy_out(AtenTensorHandle result, const AOTInductorArrayRefTensor &output, int32_t index) {
  int64_t ndim = 0, *sizes = nullptr;
  int32_t dtype = 0;
  aoti_torch_get_dim(result, &ndim);
  aoti_torch_get_dtype(result, &dtype);
  aoti_torch_get_sizes(result, &sizes);
  bool fits = output.data != nullptr && output.ndim == ndim && output.dtype == dtype;
  for (int64_t i = 0; i < ndim && fits; ++i) fits = output.sizes[i] == sizes[i];
  if (!fits) {
    return fail(
        "output %d: its memory, rank, sizes or dtype are not those of the result; describe memory of your "
        "own "
        "with the result's sizes and dtype",
        index);
  }
  AtenTensorHandle target = nullptr;
  if (wrap(output, "output", index, &target) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  AOTIRuntimeError status = AOTI_RUNTIME_SUCCESS;
  if (aoti_torch_copy_(target, result, 0) != AOTI_TORCH_SUCCESS) status = fail_shim("copying an output");
  aoti_torch_delete_tensor_object(target);
  return status;
}

AOTIRuntimeError run_handles(Container *c, const AOTInductorArrayRefTensor *inputs,
                             AOTInductorArrayRefTensor *outputs, AtenTensorHandle *handles) {
  const AotiModelDesc &desc = *c->desc;
  AtenTensorHandle *results = handles + desc.num_inputs;
  AOTIRuntimeError status = AOTI_RUNTIME_SUCCESS;
  for (int32_t i = 0; i < desc.num_inputs && status == AOTI_RUNTIME_SUCCESS; ++i) {
    status = wrap(inputs[i], "input", i, &handles[i]);
  }
  if (status == AOTI_RUNTIME_SUCCESS) {
    status = container_run(c, nullptr, handles, static_cast<size_t>(desc.num_inputs), results,
                           static_cast<size_t>(desc.num_outputs), nullptr, nullptr);
  }
  for (int32_t i = 0; i < desc.num_outputs && status == AOTI_RUNTIME_SUCCESS; ++i) {
    status = copy_out(results[i], outputs[i], i);
  }
  // Slots of what the run consumed, or never made, are null.
  for (int32_t i = 0; i < desc.num_inputs + desc.num_outputs; ++i) {
    if (handles[i] != nullptr) aoti_torch_delete_tensor_object(handles[i]);
  }
  return status;
}

}  // namespace

AOTIRuntimeError run_arrayref(Container *c, int32_t num_inputs, const AOTInductorArrayRefTensor *inputs,
                              int32_t num_outputs, AOTInductorArrayRefTensor *outputs) {
  const AotiModelDesc &desc = *c->desc;
  if (num_inputs != desc.num_inputs || num_outputs != desc.num_outputs) {
    return fail("got %d inputs and %d outputs; expected %d and %d", num_inputs, num_outputs, desc.num_inputs,
                desc.num_outputs);
  }
  if ((num_inputs > 0 && inputs == nullptr) || (num_outputs > 0 && outputs == nullptr)) {
    return fail("the array of %s is null", inputs == nullptr ? "inputs" : "outputs");
  }
  const size_t count = static_cast<size_t>(num_inputs) + static_cast<size_t>(num_outputs) + 1;
  AtenTensorHandle *handles = static_cast<AtenTensorHandle *>(calloc(count, sizeof(AtenTensorHandle)));
  if (handles == nullptr)
    return fail_memory("the handles of a run", static_cast<int64_t>(count * sizeof(void *)));
  AOTIRuntimeError status = run_handles(c, inputs, outputs, handles);
  free(handles);
  return status;
}

}  // namespace aoti_model
