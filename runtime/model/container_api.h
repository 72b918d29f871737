// What the exported functions and the table of functions do. Hidden: a call from inside the library reaches
// the library's own function, even when another model library in the process exports the same public names.
//
// Each function clears the last error, checks its handle and pointers, and calls the container. Semantics are
// those of the field of the same name in AotiModelApi (aoti/model_api.h).
#ifndef RUNTIME_MODEL_CONTAINER_API_H_
#define RUNTIME_MODEL_CONTAINER_API_H_

#include "aoti/model_api.h"
#include "runtime/model/container.h"
#include "runtime/model/error.h"

// The generated tables of the library that this runtime is linked into.
extern "C" __attribute__((visibility("hidden"))) const AotiModelDesc aoti_model_desc;

namespace aoti_model {

// Clears the last error and checks the handle: the start of every function.
AOTIRuntimeError enter(const void *handle, Container **ret_container);

// The parameter or buffer of that number, for functions that answer one question about it.
AOTIRuntimeError original_at(const void *handle, size_t index, const AotiOriginalDesc **ret_original);

// Writes an answer through a pointer of the caller, which must not be null.
template <class T>
AOTIRuntimeError answer(T value, T *ret) {
  if (ret == nullptr) return fail("the address to write the answer to is null");
  *ret = value;
  return AOTI_RUNTIME_SUCCESS;
}

AOTIRuntimeError api_create(AOTInductorModelContainerHandle *ret_container, size_t num_models,
                            const char *device, const char *weights_directory);
AOTIRuntimeError api_create_with_options(AOTInductorModelContainerHandle *ret_container,
                                         const AotiContainerOptions *options);
AOTIRuntimeError api_delete(AOTInductorModelContainerHandle handle);
AOTIRuntimeError api_run(AOTInductorModelContainerHandle handle, AtenTensorHandle *inputs, size_t num_inputs,
                         AtenTensorHandle *outputs, size_t num_outputs, AOTInductorStreamHandle stream,
                         AOTIProxyExecutorHandle proxy_executor);
AOTIRuntimeError api_set_num_threads(AOTInductorModelContainerHandle handle, int32_t n);
AOTIRuntimeError api_set_seed(AOTInductorModelContainerHandle handle, uint64_t seed);
AOTIRuntimeError api_get_num_threads(AOTInductorModelContainerHandle handle, int32_t *ret_n);
AOTIRuntimeError api_get_num_inputs(AOTInductorModelContainerHandle handle, size_t *ret);
AOTIRuntimeError api_get_input_name(AOTInductorModelContainerHandle handle, size_t index,
                                    const char **ret_name);
AOTIRuntimeError api_get_num_outputs(AOTInductorModelContainerHandle handle, size_t *ret);
AOTIRuntimeError api_get_output_name(AOTInductorModelContainerHandle handle, size_t index,
                                     const char **ret_name);
AOTIRuntimeError api_get_call_spec(AOTInductorModelContainerHandle handle, const char **in_spec,
                                   const char **out_spec);
AOTIRuntimeError api_get_num_constants(AOTInductorModelContainerHandle handle, size_t *ret);
AOTIRuntimeError api_get_constant_name(AOTInductorModelContainerHandle handle, size_t index,
                                       const char **ret_name);
AOTIRuntimeError api_get_constant_original_fqn(AOTInductorModelContainerHandle handle, size_t index,
                                               const char **ret_fqn);
AOTIRuntimeError api_get_constant_dtype(AOTInductorModelContainerHandle handle, size_t index,
                                        int32_t *ret_dtype);
AOTIRuntimeError api_get_constant_data_size(AOTInductorModelContainerHandle handle, size_t index,
                                            size_t *ret_size);
AOTIRuntimeError api_extract_constants(AOTInductorModelContainerHandle handle,
                                       const AOTInductorConstantMapEntry **ret_entries,
                                       size_t *ret_num_entries, bool use_inactive);
AOTIRuntimeError api_update_constants(AOTInductorModelContainerHandle handle,
                                      const AOTInductorConstantMapEntry *pairs, size_t num_pairs,
                                      bool use_inactive, bool validate_full_update);
AOTIRuntimeError api_update_user_managed_constants(AOTInductorModelContainerHandle handle,
                                                   const AOTInductorConstantMapEntry *pairs, size_t num_pairs,
                                                   bool use_inactive, bool validate_full_update);
AOTIRuntimeError api_swap_constants(AOTInductorModelContainerHandle handle);
AOTIRuntimeError api_free_inactive_constants(AOTInductorModelContainerHandle handle);
AOTIRuntimeError api_set_cuda_graphs(AOTInductorModelContainerHandle handle, bool enabled);
AOTIRuntimeError api_get_cuda_graph_state(AOTInductorModelContainerHandle handle, const char **ret_state);
AOTIRuntimeError api_synchronize_stream(AOTInductorModelContainerHandle handle,
                                        AOTInductorStreamHandle stream);
AOTIRuntimeError api_stream_wait_stream(AOTInductorModelContainerHandle handle,
                                        AOTInductorStreamHandle waiting, AOTInductorStreamHandle waited);
AOTIRuntimeError api_set_threads_of_each(AOTInductorModelContainerHandle handle, int32_t n);
AOTIRuntimeError api_set_tracer(AOTInductorModelContainerHandle handle, const AotiTracer *tracer);

// ---- Sessions (session_api.cc) ----

AOTIRuntimeError api_get_state(AOTInductorModelContainerHandle handle, size_t index,
                               AotiStatePlace *ret_state);
AOTIRuntimeError api_create_session(AOTInductorModelContainerHandle handle, const AotiStatePlace *shared,
                                    size_t num_shared, AotiSessionHandle *ret_session);
AOTIRuntimeError api_delete_session(AotiSessionHandle handle);
AOTIRuntimeError api_run_session(AotiSessionHandle handle, AtenTensorHandle *inputs, size_t num_inputs,
                                 AtenTensorHandle *outputs, size_t num_outputs,
                                 AOTInductorStreamHandle stream, AOTIProxyExecutorHandle proxy_executor);
AOTIRuntimeError api_get_session_state(AotiSessionHandle handle, size_t index, AotiStatePlace *ret_state);
AOTIRuntimeError api_reset_session(AotiSessionHandle handle);

}  // namespace aoti_model

#endif  // RUNTIME_MODEL_CONTAINER_API_H_
