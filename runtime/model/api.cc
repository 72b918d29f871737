// The table of functions of this library (aoti/model_api.h).
#include "aoti/model_api.h"

#include "runtime/cpu/isa.h"
#include "runtime/model/container_api.h"

// libtorch has this since 2.11; the lean shim always.
extern "C" __attribute__((weak)) AOTITorchError torch_from_blob(void *, int64_t, const int64_t *,
                                                                const int64_t *, int64_t, int32_t, int32_t,
                                                                int32_t, AtenTensorHandle *, int32_t,
                                                                const uint8_t *, int64_t,
                                                                void (*)(void *, void *), void *);

namespace aoti_model {
namespace {

const char *api_isa_name() {
  char message[1024] = "";
  clear_error();
  const AotiIsaVariant *variant =
      aoti_cpu::select_variant(aoti_model_desc.isa, aoti_model_desc.num_isa, message, sizeof message);
  if (variant != nullptr) return variant->name;
  fail("%s", message);
  return nullptr;
}

}  // namespace
}  // namespace aoti_model

extern "C" {

const AotiModelApi *aoti_model_api_of_this_library(void) {
  using namespace aoti_model;
  static const AotiModelApi api = {
      sizeof(AotiModelApi),
      AOTI_MODEL_ABI_VERSION,
      &aoti_model_desc,
      last_error,
      shim_message,
      api_isa_name,
      api_create,
      api_delete,
      api_run,
      api_run,
      api_set_num_threads,
      api_get_num_threads,
      api_get_num_inputs,
      api_get_input_name,
      api_get_num_outputs,
      api_get_output_name,
      api_get_call_spec,
      api_get_num_constants,
      api_get_constant_name,
      api_get_constant_original_fqn,
      api_get_constant_dtype,
      api_get_constant_data_size,
      api_extract_constants,
      api_update_constants,
      api_update_user_managed_constants,
      api_swap_constants,
      api_free_inactive_constants,
      aoti_torch_create_tensor_from_blob_v2,
      torch_from_blob,
      aoti_torch_empty_strided,
      aoti_torch_new_tensor_handle,
      aoti_torch_delete_tensor_object,
      aoti_torch_get_data_ptr,
      aoti_torch_get_dtype,
      aoti_torch_get_dim,
      aoti_torch_get_numel,
      aoti_torch_get_sizes,
      aoti_torch_get_strides,
      aoti_torch_get_storage_offset,
      aoti_torch_get_storage_size,
      aoti_torch_get_device_type,
      aoti_torch_get_device_index,
      aoti_torch_copy_,
      api_set_cuda_graphs,
      api_get_cuda_graph_state,
      api_synchronize_stream,
      api_stream_wait_stream,
      api_create_with_options,
      api_set_threads_of_each,
      api_get_state,
      api_create_session,
      api_delete_session,
      api_run_session,
      api_get_session_state,
      api_reset_session,
      api_set_seed,
      api_set_tracer,
  };
  return &api;
}

const AotiModelApi *aoti_model_api(void) { return aoti_model_api_of_this_library(); }

}  // extern "C"
