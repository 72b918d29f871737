// The exported model interface (aoti/model_interface.h). The functions are thin on purpose: nothing inside
// this library calls them, because another library's function of the same name may be the one that the
// dynamic linker finds.
#include "aoti/model_interface.h"

#include <stdlib.h>

#include "runtime/model/constant_map.h"
#include "runtime/model/container_api.h"

using namespace aoti_model;  // every function below is one call into it

namespace {

AOTIRuntimeError update_from_map(AOTInductorModelContainerHandle handle, AOTInductorConstantMapHandle map,
                                 bool use_inactive, UpdateOptions options) {
  Container *c = nullptr;
  AOTInductorConstantMapEntry *entries = nullptr;
  size_t count = 0;
  if (enter(handle, &c) != AOTI_RUNTIME_SUCCESS || map_read(map, &entries, &count) != AOTI_RUNTIME_SUCCESS) {
    return AOTI_RUNTIME_FAILURE;
  }
  AOTIRuntimeError result = container_update(c, entries, count, use_inactive, options);
  free(entries);
  return result;
}

}  // namespace

extern "C" {

AOTIRuntimeError AOTInductorModelContainerCreate(AOTInductorModelContainerHandle *container_handle,
                                                 size_t num_models, bool is_cpu, const char *cubin_dir) {
  return api_create(container_handle, num_models, is_cpu ? "cpu" : "cuda", cubin_dir);
}

AOTIRuntimeError AOTInductorModelContainerCreateWithDevice(AOTInductorModelContainerHandle *container_handle,
                                                           size_t num_models, const char *device_str,
                                                           const char *cubin_dir) {
  return api_create(container_handle, num_models, device_str, cubin_dir);
}

AOTIRuntimeError AOTInductorModelContainerDelete(AOTInductorModelContainerHandle container_handle) {
  return api_delete(container_handle);
}

AOTIRuntimeError AOTInductorModelContainerRun(AOTInductorModelContainerHandle container_handle,
                                              AtenTensorHandle *input_handles, size_t num_inputs,
                                              AtenTensorHandle *output_handles, size_t num_outputs,
                                              AOTInductorStreamHandle stream_handle,
                                              AOTIProxyExecutorHandle proxy_executor_handle) {
  return api_run(container_handle, input_handles, num_inputs, output_handles, num_outputs, stream_handle,
                 proxy_executor_handle);
}

AOTIRuntimeError AOTInductorModelContainerRunSingleThreaded(
    AOTInductorModelContainerHandle container_handle, AtenTensorHandle *input_handles, size_t num_inputs,
    AtenTensorHandle *output_handles, size_t num_outputs, AOTInductorStreamHandle stream_handle,
    AOTIProxyExecutorHandle proxy_executor_handle) {
  return api_run(container_handle, input_handles, num_inputs, output_handles, num_outputs, stream_handle,
                 proxy_executor_handle);
}

AOTIRuntimeError AOTInductorModelContainerGetNumInputs(AOTInductorModelContainerHandle container_handle,
                                                       size_t *ret_num_inputs) {
  return api_get_num_inputs(container_handle, ret_num_inputs);
}

AOTIRuntimeError AOTInductorModelContainerGetInputName(AOTInductorModelContainerHandle container_handle,
                                                       size_t input_idx, const char **ret_input_names) {
  return api_get_input_name(container_handle, input_idx, ret_input_names);
}

AOTIRuntimeError AOTInductorModelContainerGetNumOutputs(AOTInductorModelContainerHandle container_handle,
                                                        size_t *ret_num_outputs) {
  return api_get_num_outputs(container_handle, ret_num_outputs);
}

AOTIRuntimeError AOTInductorModelContainerGetOutputName(AOTInductorModelContainerHandle container_handle,
                                                        size_t output_idx, const char **ret_output_names) {
  return api_get_output_name(container_handle, output_idx, ret_output_names);
}

AOTIRuntimeError AOTInductorModelContainerGetCallSpec(AOTInductorModelContainerHandle container_handle,
                                                      const char **in_spec, const char **out_spec) {
  return api_get_call_spec(container_handle, in_spec, out_spec);
}

AOTIRuntimeError AOTInductorModelContainerGetNumConstants(AOTInductorModelContainerHandle container_handle,
                                                          size_t *num_constants) {
  return api_get_num_constants(container_handle, num_constants);
}

AOTIRuntimeError AOTInductorModelContainerGetConstantName(AOTInductorModelContainerHandle container_handle,
                                                          size_t idx, const char **name) {
  return api_get_constant_name(container_handle, idx, name);
}

AOTIRuntimeError AOTInductorModelContainerGetConstantOriginalFQN(
    AOTInductorModelContainerHandle container_handle, size_t idx, const char **original_fqn) {
  return api_get_constant_original_fqn(container_handle, idx, original_fqn);
}

AOTIRuntimeError AOTInductorModelContainerGetConstantFromFolded(
    AOTInductorModelContainerHandle container_handle, size_t idx, bool *from_folded) {
  const AotiOriginalDesc *original = nullptr;
  if (original_at(container_handle, idx, &original) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  return answer(false, from_folded);
}

AOTIRuntimeError AOTInductorModelContainerGetConstantType(AOTInductorModelContainerHandle container_handle,
                                                          size_t idx, int32_t *type) {
  const AotiOriginalDesc *original = nullptr;
  if (original_at(container_handle, idx, &original) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  return answer(original->kind, type);
}

AOTIRuntimeError AOTInductorModelContainerGetConstantDtype(AOTInductorModelContainerHandle container_handle,
                                                           size_t idx, int32_t *dtype) {
  return api_get_constant_dtype(container_handle, idx, dtype);
}

AOTIRuntimeError AOTInductorModelContainerGetConstantDataSize(
    AOTInductorModelContainerHandle container_handle, size_t idx, size_t *data_size) {
  return api_get_constant_data_size(container_handle, idx, data_size);
}

AOTIRuntimeError AOTInductorModelContainerGetConstantsBlobSize(
    AOTInductorModelContainerHandle container_handle, uint64_t *ret_size) {
  Container *c = nullptr;
  if (enter(container_handle, &c) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  return answer(static_cast<uint64_t>(c->desc->weights_bytes), ret_size);
}

AOTIRuntimeError AOTInductorModelContainerExtractConstantsMap(
    AOTInductorModelContainerHandle container_handle, AOTInductorConstantMapHandle constant_map_handle,
    bool use_inactive) {
  const AOTInductorConstantMapEntry *entries = nullptr;
  size_t count = 0;
  if (api_extract_constants(container_handle, &entries, &count, use_inactive) != AOTI_RUNTIME_SUCCESS) {
    return AOTI_RUNTIME_FAILURE;
  }
  for (size_t i = 0; i < count; ++i) {
    if (map_insert(constant_map_handle, entries[i]) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  }
  return AOTI_RUNTIME_SUCCESS;
}

AOTIRuntimeError AOTInductorModelContainerExtractConstantsMapEntries(
    AOTInductorModelContainerHandle container_handle, const AOTInductorConstantMapEntry **entries,
    size_t *num_entries, bool use_inactive) {
  return api_extract_constants(container_handle, entries, num_entries, use_inactive);
}

AOTIRuntimeError AOTInductorModelContainerUpdateConstantBuffer(
    AOTInductorModelContainerHandle container_handle, AOTInductorConstantMapHandle constant_map_handle,
    bool use_inactive, bool validate_full_update) {
  return update_from_map(container_handle, constant_map_handle, use_inactive,
                         UpdateOptions{false, validate_full_update});
}

AOTIRuntimeError AOTInductorModelContainerUpdateConstantBufferPairs(
    AOTInductorModelContainerHandle container_handle, const AOTInductorConstantMapEntry *pairs,
    size_t num_pairs, bool use_inactive, bool validate_full_update) {
  return api_update_constants(container_handle, pairs, num_pairs, use_inactive, validate_full_update);
}

AOTIRuntimeError AOTInductorModelContainerUpdateConstantBufferFromCpu(
    AOTInductorModelContainerHandle container_handle, AOTInductorConstantMapHandle constant_map_handle,
    bool use_inactive, bool validate_full_update) {
  return update_from_map(container_handle, constant_map_handle, use_inactive,
                         UpdateOptions{false, validate_full_update});
}

AOTIRuntimeError AOTInductorModelContainerUpdateConstantBufferFromCpuPairs(
    AOTInductorModelContainerHandle container_handle, const AOTInductorConstantMapEntry *pairs,
    size_t num_pairs, bool use_inactive, bool validate_full_update) {
  return api_update_constants(container_handle, pairs, num_pairs, use_inactive, validate_full_update);
}

AOTIRuntimeError AOTInductorModelContainerUpdateUserManagedConstantBuffer(
    AOTInductorModelContainerHandle container_handle, AOTInductorConstantMapHandle constant_map_handle,
    bool use_inactive, bool validate_full_update) {
  return update_from_map(container_handle, constant_map_handle, use_inactive,
                         UpdateOptions{true, validate_full_update});
}

AOTIRuntimeError AOTInductorModelContainerUpdateUserManagedConstantBufferPairs(
    AOTInductorModelContainerHandle container_handle, const AOTInductorConstantMapEntry *pairs,
    size_t num_pairs, bool use_inactive, bool validate_full_update) {
  return api_update_user_managed_constants(container_handle, pairs, num_pairs, use_inactive,
                                           validate_full_update);
}

AOTIRuntimeError AOTInductorModelContainerUpdateInactiveConstantBuffer(
    AOTInductorModelContainerHandle container_handle, AOTInductorConstantMapHandle constant_map_handle) {
  return update_from_map(container_handle, constant_map_handle, true, UpdateOptions{false, false});
}

AOTIRuntimeError AOTInductorModelContainerUpdateInactiveConstantBufferPairs(
    AOTInductorModelContainerHandle container_handle, const AOTInductorConstantMapEntry *pairs,
    size_t num_pairs) {
  return api_update_constants(container_handle, pairs, num_pairs, true, false);
}

AOTIRuntimeError AOTInductorModelUpdateConstantsFromBlob(AOTInductorModelContainerHandle container_handle,
                                                         const uint8_t *weight_blob_ptr) {
  Container *c = nullptr;
  if (enter(container_handle, &c) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  return container_update_from_blob(c, weight_blob_ptr);
}

AOTIRuntimeError AOTInductorModelContainerFreeInactiveConstantBuffer(
    AOTInductorModelContainerHandle container_handle) {
  return api_free_inactive_constants(container_handle);
}

AOTIRuntimeError AOTInductorModelContainerRunConstantFolding(AOTInductorModelContainerHandle container_handle,
                                                             bool use_inactive,
                                                             AOTInductorStreamHandle stream_handle,
                                                             AOTIProxyExecutorHandle proxy_executor_handle) {
  (void)use_inactive, (void)stream_handle, (void)proxy_executor_handle;
  Container *c = nullptr;
  return enter(container_handle, &c);
}

AOTIRuntimeError AOTInductorModelContainerSwapConstantBuffer(
    AOTInductorModelContainerHandle container_handle) {
  return api_swap_constants(container_handle);
}

AOTIRuntimeError AOTInductorGetLastError(const char **error_msg) {
  if (error_msg == nullptr) return AOTI_RUNTIME_FAILURE;
  *error_msg = last_error();
  return AOTI_RUNTIME_SUCCESS;
}

}  // extern "C"
