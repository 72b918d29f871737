// The exported functions for one bare instance: a container of one, under another type of handle.
#include <stdlib.h>

#include "runtime/model/arrayref.h"
#include "runtime/model/constant_map.h"
#include "runtime/model/container_api.h"

using namespace aoti_model;

namespace {

AOTInductorModelContainerHandle container_of(AOTInductorModelHandle model) {
  return reinterpret_cast<AOTInductorModelContainerHandle>(model);
}

AOTIRuntimeError create(AOTInductorModelHandle *ret_model, const AOTInductorConstantMapEntry *pairs,
                        size_t num_pairs) {
  AOTInductorModelContainerHandle container = nullptr;
  clear_error();
  if (ret_model == nullptr) return fail("the address to write the model to is null");
  if (api_create(&container, 1, "cpu", nullptr) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  if (num_pairs > 0 && pairs != nullptr &&
      api_update_user_managed_constants(container, pairs, num_pairs, false, false) != AOTI_RUNTIME_SUCCESS) {
    container_destroy(reinterpret_cast<Container *>(container));
    return AOTI_RUNTIME_FAILURE;
  }
  *ret_model = reinterpret_cast<AOTInductorModelHandle>(container);
  return AOTI_RUNTIME_SUCCESS;
}

}  // namespace

extern "C" {

AOTIRuntimeError AOTInductorModelCreate(AOTInductorModelHandle *model_handle,
                                        AOTInductorConstantMapHandle constant_map_handle) {
  if (constant_map_handle == nullptr) return create(model_handle, nullptr, 0);
  AOTInductorConstantMapEntry *entries = nullptr;
  size_t count = 0;
  clear_error();
  if (map_read(constant_map_handle, &entries, &count) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  AOTIRuntimeError result = create(model_handle, entries, count);
  free(entries);
  return result;
}

AOTIRuntimeError AOTInductorModelCreateV2(AOTInductorModelHandle *model_handle,
                                          const AOTInductorConstantMapEntry *pairs, size_t num_pairs) {
  return create(model_handle, pairs, num_pairs);
}

AOTIRuntimeError AOTInductorModelRun(AOTInductorModelHandle model_handle, AtenTensorHandle *input_handles,
                                     AtenTensorHandle *output_handles) {
  Container *c = nullptr;
  if (enter(model_handle, &c) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  return container_run(c, nullptr, input_handles, static_cast<size_t>(c->desc->num_inputs), output_handles,
                       static_cast<size_t>(c->desc->num_outputs), nullptr, nullptr);
}

AOTIRuntimeError AOTInductorModelUpdateConstantsMap(AOTInductorModelHandle model_handle,
                                                    AOTInductorConstantMapHandle constant_map_handle) {
  AOTInductorConstantMapEntry *entries = nullptr;
  size_t count = 0;
  clear_error();
  if (map_read(constant_map_handle, &entries, &count) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  AOTIRuntimeError result =
      api_update_user_managed_constants(container_of(model_handle), entries, count, false, false);
  free(entries);
  return result;
}

AOTIRuntimeError AOTInductorModelUpdateConstantsMapV2(AOTInductorModelHandle model_handle,
                                                      const AOTInductorConstantMapEntry *pairs,
                                                      int32_t num_pairs) {
  clear_error();
  if (num_pairs < 0) return fail("%d constants to update; expected 0 or more", num_pairs);
  return api_update_user_managed_constants(container_of(model_handle), pairs, static_cast<size_t>(num_pairs),
                                           false, false);
}

AOTIRuntimeError AOTInductorModelDelete(AOTInductorModelHandle model_handle) {
  return api_delete(container_of(model_handle));
}

AOTIRuntimeError AOTInductorModelGetNumOutputs(AOTInductorModelHandle model_handle, size_t *ret_num_outputs) {
  return api_get_num_outputs(container_of(model_handle), ret_num_outputs);
}

AOTIRuntimeError AOTInductorModelRunMinimalArrayrefInterfaceV2(AOTInductorModelHandle model_handle,
                                                               int32_t num_inputs,
                                                               const AOTInductorArrayRefTensor *inputs,
                                                               int32_t num_outputs,
                                                               AOTInductorArrayRefTensor *outputs) {
  Container *c = nullptr;
  if (enter(model_handle, &c) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  return run_arrayref(c, num_inputs, inputs, num_outputs, outputs);
}

}  // extern "C"
