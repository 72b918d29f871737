#include "runtime/model/container_api.h"

#include <string.h>

#include "runtime/model/error.h"
#include "runtime/model/original_values.h"

namespace aoti_model {
namespace {

AOTIRuntimeError tensor_name(size_t index, int32_t count, const AotiTensorDesc *tensors, const char *what,
                             const char **ret_name) {
  if (index >= static_cast<size_t>(count))
    return fail("%s index is %zu; expected less than %d", what, index, count);
  return answer(tensors[index].name, ret_name);
}

AOTIRuntimeError update_from_pairs(AOTInductorModelContainerHandle handle,
                                   const AOTInductorConstantMapEntry *pairs, size_t num_pairs,
                                   bool use_inactive, UpdateOptions options) {
  Container *c = nullptr;
  if (enter(handle, &c) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  return container_update(c, pairs, num_pairs, use_inactive, options);
}

}  // namespace

AOTIRuntimeError enter(const void *handle, Container **ret_container) {
  clear_error();
  return container_from(handle, ret_container);
}

AOTIRuntimeError original_at(const void *handle, size_t index, const AotiOriginalDesc **ret_original) {
  Container *c = nullptr;
  if (enter(handle, &c) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  if (index >= static_cast<size_t>(c->desc->num_originals)) {
    return fail("constant index is %zu; expected less than %d", index, c->desc->num_originals);
  }
  *ret_original = &c->desc->originals[index];
  return AOTI_RUNTIME_SUCCESS;
}

AOTIRuntimeError api_create(AOTInductorModelContainerHandle *ret_container, size_t num_models,
                            const char *device, const char *weights_directory) {
  const AotiContainerOptions options = {sizeof(options),   0,       num_models, device,
                                        weights_directory, nullptr, 0};
  return api_create_with_options(ret_container, &options);
}

AOTIRuntimeError api_create_with_options(AOTInductorModelContainerHandle *ret_container,
                                         const AotiContainerOptions *options) {
  clear_error();
  if (ret_container == nullptr) return fail("the address to write the container to is null");
  if (options == nullptr) return fail("the options of a container are null");
  // A host of an earlier release has fewer fields, one of a later release has some that mean nothing here.
  AotiContainerOptions known = {};
  memcpy(&known, options, options->struct_size < sizeof(known) ? options->struct_size : sizeof(known));
  Container *c = nullptr;
  if (container_create(aoti_model_desc, known, &c) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  *ret_container = reinterpret_cast<AOTInductorModelContainerHandle>(c);
  return AOTI_RUNTIME_SUCCESS;
}

AOTIRuntimeError api_delete(AOTInductorModelContainerHandle handle) {
  clear_error();
  if (handle == nullptr) return AOTI_RUNTIME_SUCCESS;
  Container *c = nullptr;
  if (container_from(handle, &c) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  container_destroy(c);
  return AOTI_RUNTIME_SUCCESS;
}

AOTIRuntimeError api_run(AOTInductorModelContainerHandle handle, AtenTensorHandle *inputs, size_t num_inputs,
                         AtenTensorHandle *outputs, size_t num_outputs, AOTInductorStreamHandle stream,
                         AOTIProxyExecutorHandle proxy_executor) {
  Container *c = nullptr;
  if (enter(handle, &c) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  return container_run(c, nullptr, inputs, num_inputs, outputs, num_outputs, stream, proxy_executor);
}

AOTIRuntimeError api_set_num_threads(AOTInductorModelContainerHandle handle, int32_t n) {
  Container *c = nullptr;
  if (enter(handle, &c) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  return container_set_num_threads(c, n, false);
}

AOTIRuntimeError api_set_tracer(AOTInductorModelContainerHandle handle, const AotiTracer *tracer) {
  Container *c = nullptr;
  if (enter(handle, &c) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  return container_set_tracer(c, tracer);
}

AOTIRuntimeError api_set_threads_of_each(AOTInductorModelContainerHandle handle, int32_t n) {
  Container *c = nullptr;
  if (enter(handle, &c) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  return container_set_num_threads(c, n, true);
}

AOTIRuntimeError api_set_seed(AOTInductorModelContainerHandle handle, uint64_t seed) {
  Container *c = nullptr;
  if (enter(handle, &c) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  __atomic_store_n(&c->rng_seed, static_cast<int64_t>(seed), __ATOMIC_RELAXED);
  __atomic_store_n(&c->rng_runs, 0, __ATOMIC_RELAXED);
  return AOTI_RUNTIME_SUCCESS;
}

AOTIRuntimeError api_get_num_threads(AOTInductorModelContainerHandle handle, int32_t *ret_n) {
  Container *c = nullptr;
  if (enter(handle, &c) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  return answer(c->num_threads, ret_n);
}

AOTIRuntimeError api_get_num_inputs(AOTInductorModelContainerHandle handle, size_t *ret) {
  Container *c = nullptr;
  if (enter(handle, &c) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  return answer(static_cast<size_t>(c->desc->num_inputs), ret);
}

AOTIRuntimeError api_get_input_name(AOTInductorModelContainerHandle handle, size_t index,
                                    const char **ret_name) {
  Container *c = nullptr;
  if (enter(handle, &c) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  return tensor_name(index, c->desc->num_inputs, c->desc->inputs, "input", ret_name);
}

AOTIRuntimeError api_get_num_outputs(AOTInductorModelContainerHandle handle, size_t *ret) {
  Container *c = nullptr;
  if (enter(handle, &c) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  return answer(static_cast<size_t>(c->desc->num_outputs), ret);
}

AOTIRuntimeError api_get_output_name(AOTInductorModelContainerHandle handle, size_t index,
                                     const char **ret_name) {
  Container *c = nullptr;
  if (enter(handle, &c) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  return tensor_name(index, c->desc->num_outputs, c->desc->outputs, "output", ret_name);
}

AOTIRuntimeError api_get_call_spec(AOTInductorModelContainerHandle handle, const char **in_spec,
                                   const char **out_spec) {
  Container *c = nullptr;
  if (enter(handle, &c) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  if (in_spec == nullptr || out_spec == nullptr) return fail("an address to write a call spec to is null");
  *in_spec = c->desc->in_spec;
  *out_spec = c->desc->out_spec;
  return AOTI_RUNTIME_SUCCESS;
}

AOTIRuntimeError api_get_num_constants(AOTInductorModelContainerHandle handle, size_t *ret) {
  Container *c = nullptr;
  if (enter(handle, &c) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  return answer(static_cast<size_t>(c->desc->num_originals), ret);
}

AOTIRuntimeError api_get_constant_name(AOTInductorModelContainerHandle handle, size_t index,
                                       const char **ret_name) {
  const AotiOriginalDesc *original = nullptr;
  if (original_at(handle, index, &original) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  return answer(original->name, ret_name);
}

AOTIRuntimeError api_get_constant_original_fqn(AOTInductorModelContainerHandle handle, size_t index,
                                               const char **ret_fqn) {
  const AotiOriginalDesc *original = nullptr;
  if (original_at(handle, index, &original) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  return answer(original->fqn, ret_fqn);
}

AOTIRuntimeError api_get_constant_dtype(AOTInductorModelContainerHandle handle, size_t index,
                                        int32_t *ret_dtype) {
  const AotiOriginalDesc *original = nullptr;
  if (original_at(handle, index, &original) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  return answer(original->dtype, ret_dtype);
}

AOTIRuntimeError api_get_constant_data_size(AOTInductorModelContainerHandle handle, size_t index,
                                            size_t *ret_size) {
  const AotiOriginalDesc *original = nullptr;
  if (original_at(handle, index, &original) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  const size_t numel = static_cast<size_t>(original_numel(*original));
  return answer(numel * aoti_torch_dtype_element_size(original->dtype), ret_size);
}

AOTIRuntimeError api_extract_constants(AOTInductorModelContainerHandle handle,
                                       const AOTInductorConstantMapEntry **ret_entries,
                                       size_t *ret_num_entries, bool use_inactive) {
  Container *c = nullptr;
  if (enter(handle, &c) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  return container_extract(c, use_inactive, ret_entries, ret_num_entries);
}

AOTIRuntimeError api_update_constants(AOTInductorModelContainerHandle handle,
                                      const AOTInductorConstantMapEntry *pairs, size_t num_pairs,
                                      bool use_inactive, bool validate_full_update) {
  return update_from_pairs(handle, pairs, num_pairs, use_inactive,
                           UpdateOptions{false, validate_full_update});
}

AOTIRuntimeError api_update_user_managed_constants(AOTInductorModelContainerHandle handle,
                                                   const AOTInductorConstantMapEntry *pairs, size_t num_pairs,
                                                   bool use_inactive, bool validate_full_update) {
  return update_from_pairs(handle, pairs, num_pairs, use_inactive, UpdateOptions{true, validate_full_update});
}

AOTIRuntimeError api_swap_constants(AOTInductorModelContainerHandle handle) {
  Container *c = nullptr;
  if (enter(handle, &c) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  container_swap(c);
  return AOTI_RUNTIME_SUCCESS;
}

AOTIRuntimeError api_free_inactive_constants(AOTInductorModelContainerHandle handle) {
  Container *c = nullptr;
  if (enter(handle, &c) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  return container_free_inactive(c);
}

}  // namespace aoti_model
