// The table of functions through which a host program uses one model library.
//
// A process may hold many model libraries, each with its own copy of runtime and shim (or bound to libtorch).
// The functions in a table belong together: a tensor handle made by one table's functions is given to that
// table's functions only. Hosts never call aoti_torch_* by name.
//
// Every library exports `const AotiModelApi *aoti_model_api(void)` for dlsym and NAME_api(void) for linking;
// both give the same table, which lives as long as the library is loaded.
//
//   const AotiModelApi *api = my_model_aoti_api();
//   AOTInductorModelContainerHandle model;
//   if (api->create_with_device(&model, 1, "cpu", NULL) != 0) { puts(api->last_error()); return 1; }
#ifndef AOTI_MODEL_API_H_
#define AOTI_MODEL_API_H_

#include "aoti/model_desc.h"
#include "aoti/model_interface.h"

#ifdef __cplusplus
extern "C" {
#endif

// Bytes of the table of the first release: what every library of this version has. Fields beyond may be
// missing (look at struct_size) or null.
#define AOTI_MODEL_API_FIRST_SIZE 328u

// Where the first value of a stored constant is (AotiConstantDesc): size_bytes as its table says, aligned to
// AOTI_ALIGNMENT. Read in place and never written; it lives as long as the container.
typedef struct AotiConstantPlace {
  const void *data;
  uint64_t size_bytes;
} AotiConstantPlace;

// How a container is made. Fields are only ever added at the end; those beyond struct_size count as 0.
typedef struct AotiContainerOptions {
  uint32_t struct_size;  // sizeof(AotiContainerOptions) of the host
  uint32_t reserved;     // 0
  size_t num_models;
  const char *device_str;
  const char *weights_dir;  // may be null
  // Null: the weights inside the library or in its file. Else one for each stored constant, in their order,
  // in memory that several containers, methods and processes may share.
  const AotiConstantPlace *constants;
  size_t num_constants;
} AotiContainerOptions;

// The state of one sequence (docs/state.md): what a container's runs would change, apart from the container.
typedef struct AotiSessionOpaque AotiSessionOpaque;
typedef AotiSessionOpaque *AotiSessionHandle;

// A part of a session's state.
typedef struct AotiStatePlace {
  const char *fqn;  // as in state_dict, "cache.keys"
  void *data;       // aligned to AOTI_ALIGNMENT
  uint64_t size_bytes;
} AotiStatePlace;

// Fields are only ever added at the end; struct_size tells how many there are. abi_version is raised when the
// meaning of one changes. Pointers documented as "may be null" are; all others are set. Unless said otherwise
// semantics, ownership and thread-safety are those of the function of the same name in aoti/model_interface.h
// (AOTInductorModelContainer<Name>) or aoti/tensor.h (aoti_torch_<name>).
typedef struct AotiModelApi {
  uint32_t struct_size;  // sizeof(AotiModelApi) of the library
  uint32_t abi_version;  // AOTI_MODEL_ABI_VERSION of the library
  // The model's tables. Null for a library that stock AOTInductor made (api built by runtime/package).
  const AotiModelDesc *desc;

  // The message of the last call of a container function on the calling thread, when it failed. Never null;
  // borrowed, valid until the next such call on this thread.
  const char *(*last_error)(void);
  // The same for the last failed call of one of the tensor functions below.
  const char *(*last_tensor_error)(void);
  // The instruction set whose kernels run, e.g. "x86-64-v4"; null with a message when none can. May be null.
  const char *(*isa_name)(void);

  // ---- Container ----
  AOTIRuntimeError (*create_with_device)(AOTInductorModelContainerHandle *ret_container, size_t num_models,
                                         const char *device_str, const char *weights_dir);
  AOTIRuntimeError (*delete_container)(AOTInductorModelContainerHandle container);
  AOTIRuntimeError (*run)(AOTInductorModelContainerHandle container, AtenTensorHandle *input_handles,
                          size_t num_inputs, AtenTensorHandle *output_handles, size_t num_outputs,
                          AOTInductorStreamHandle stream, AOTIProxyExecutorHandle proxy_executor);
  AOTIRuntimeError (*run_single_threaded)(AOTInductorModelContainerHandle container,
                                          AtenTensorHandle *input_handles, size_t num_inputs,
                                          AtenTensorHandle *output_handles, size_t num_outputs,
                                          AOTInductorStreamHandle stream,
                                          AOTIProxyExecutorHandle proxy_executor);
  // Sets how many threads one run of this container may use; n >= 1, or 0 for the default (AOTI_NUM_THREADS,
  // else the processors that the process may use). Waits for runs in progress. Fails for n < 0 or n > 1024,
  // and when threads cannot be made (then the old number stays). May be null.
  AOTIRuntimeError (*set_num_threads)(AOTInductorModelContainerHandle container, int32_t n);
  // May be null.
  AOTIRuntimeError (*get_num_threads)(AOTInductorModelContainerHandle container, int32_t *ret_n);
  AOTIRuntimeError (*get_num_inputs)(AOTInductorModelContainerHandle container, size_t *ret_num_inputs);
  AOTIRuntimeError (*get_input_name)(AOTInductorModelContainerHandle container, size_t index,
                                     const char **ret_name);
  AOTIRuntimeError (*get_num_outputs)(AOTInductorModelContainerHandle container, size_t *ret_num_outputs);
  AOTIRuntimeError (*get_output_name)(AOTInductorModelContainerHandle container, size_t index,
                                      const char **ret_name);
  AOTIRuntimeError (*get_call_spec)(AOTInductorModelContainerHandle container, const char **ret_in_spec,
                                    const char **ret_out_spec);

  // ---- Constants ----
  AOTIRuntimeError (*get_num_constants)(AOTInductorModelContainerHandle container, size_t *ret_num_constants);
  AOTIRuntimeError (*get_constant_name)(AOTInductorModelContainerHandle container, size_t index,
                                        const char **ret_name);
  AOTIRuntimeError (*get_constant_original_fqn)(AOTInductorModelContainerHandle container, size_t index,
                                                const char **ret_fqn);
  AOTIRuntimeError (*get_constant_dtype)(AOTInductorModelContainerHandle container, size_t index,
                                         int32_t *ret_dtype);
  AOTIRuntimeError (*get_constant_data_size)(AOTInductorModelContainerHandle container, size_t index,
                                             size_t *ret_size_bytes);
  // The pairs functions may be null (stock libraries older than PyTorch 2.13).
  AOTIRuntimeError (*extract_constants)(AOTInductorModelContainerHandle container,
                                        const AOTInductorConstantMapEntry **ret_entries,
                                        size_t *ret_num_entries, bool use_inactive);
  AOTIRuntimeError (*update_constants)(AOTInductorModelContainerHandle container,
                                       const AOTInductorConstantMapEntry *pairs, size_t num_pairs,
                                       bool use_inactive, bool validate_full_update);
  AOTIRuntimeError (*update_user_managed_constants)(AOTInductorModelContainerHandle container,
                                                    const AOTInductorConstantMapEntry *pairs,
                                                    size_t num_pairs, bool use_inactive,
                                                    bool validate_full_update);
  AOTIRuntimeError (*swap_constants)(AOTInductorModelContainerHandle container);
  AOTIRuntimeError (*free_inactive_constants)(AOTInductorModelContainerHandle container);

  // ---- Tensors, of the shim that the library is bound to ----
  AOTITorchError (*create_tensor_from_blob_v2)(void *data, int64_t ndim, const int64_t *sizes,
                                               const int64_t *strides, int64_t storage_offset, int32_t dtype,
                                               int32_t device_type, int32_t device_index,
                                               AtenTensorHandle *ret_tensor, int32_t layout,
                                               const uint8_t *opaque_metadata, int64_t opaque_metadata_size);
  // torch_from_blob: with a deleter. May be null (libtorch older than 2.11).
  AOTITorchError (*create_tensor_with_deleter)(void *data, int64_t ndim, const int64_t *sizes,
                                               const int64_t *strides, int64_t storage_offset, int32_t dtype,
                                               int32_t device_type, int32_t device_index,
                                               AtenTensorHandle *ret_tensor, int32_t layout,
                                               const uint8_t *opaque_metadata, int64_t opaque_metadata_size,
                                               void (*deleter)(void *data, void *ctx), void *deleter_ctx);
  AOTITorchError (*empty_strided)(int64_t ndim, const int64_t *sizes, const int64_t *strides, int32_t dtype,
                                  int32_t device_type, int32_t device_index, AtenTensorHandle *ret_tensor);
  AOTITorchError (*new_tensor_handle)(AtenTensorHandle tensor, AtenTensorHandle *ret_tensor);
  AOTITorchError (*delete_tensor_object)(AtenTensorHandle tensor);
  AOTITorchError (*get_data_ptr)(AtenTensorHandle tensor, void **ret_data);
  AOTITorchError (*get_dtype)(AtenTensorHandle tensor, int32_t *ret_dtype);
  AOTITorchError (*get_dim)(AtenTensorHandle tensor, int64_t *ret_dim);
  AOTITorchError (*get_numel)(AtenTensorHandle tensor, int64_t *ret_numel);
  AOTITorchError (*get_sizes)(AtenTensorHandle tensor, int64_t **ret_sizes);
  AOTITorchError (*get_strides)(AtenTensorHandle tensor, int64_t **ret_strides);
  AOTITorchError (*get_storage_offset)(AtenTensorHandle tensor, int64_t *ret_storage_offset);
  AOTITorchError (*get_storage_size)(AtenTensorHandle tensor, int64_t *ret_size_bytes);
  AOTITorchError (*get_device_type)(AtenTensorHandle tensor, int32_t *ret_device_type);
  AOTITorchError (*get_device_index)(AtenTensorHandle tensor, int32_t *ret_device_index);
  // May be null (libraries made before version 2 had it; stock libraries).
  AOTITorchError (*copy_)(AtenTensorHandle self, AtenTensorHandle src, int32_t non_blocking);

  // ---- CUDA: null where copy_ is; fail for a container that runs on the CPU ----

  // Whether later runs may be kept as CUDA graphs and launched as a whole: a run of the same sizes as two
  // before it is. On at the start, unless AOTI_CUDA_GRAPHS=0 is in the environment. Waits for runs in
  // progress.
  AOTIRuntimeError (*set_cuda_graphs)(AOTInductorModelContainerHandle container, bool enabled);
  // What the last run of the container's first instance did: "graph", "graph being recorded", or the reason
  // why it had none. Borrowed, a literal.
  AOTIRuntimeError (*get_cuda_graph_state)(AOTInductorModelContainerHandle container, const char **ret_state);
  // Waits until the container's device has done what is queued on a stream of it.
  AOTIRuntimeError (*synchronize_stream)(AOTInductorModelContainerHandle container,
                                         AOTInductorStreamHandle stream);
  // Keeps what is queued on `waiting` from now on after what is on `waited` now; does not wait.
  AOTIRuntimeError (*stream_wait_stream)(AOTInductorModelContainerHandle container,
                                         AOTInductorStreamHandle waiting, AOTInductorStreamHandle waited);

  // ---- Null where the library is of an earlier release, and for stock libraries ----

  // create_with_device with weights that lie elsewhere.
  AOTIRuntimeError (*create_with_options)(AOTInductorModelContainerHandle *ret_container,
                                          const AotiContainerOptions *options);
  // set_num_threads, but each instance gets n threads of its own: runs at the same time need not take turns
  // on one set of them. For pools that give every call the same budget.
  AOTIRuntimeError (*set_threads_of_each)(AOTInductorModelContainerHandle container, int32_t n);

  // Number `index` of the parts of the model's state; its data is null. Fails beyond the last one.
  AOTIRuntimeError (*get_state)(AOTInductorModelContainerHandle container, size_t index,
                                AotiStatePlace *ret_state);
  // Makes a session of a model with state, on the CPU, with the state's first values (those of the weights
  // that the container was made with). `shared`, which may be null, names parts that lie in the caller's
  // memory instead, with the values that are there: so the methods of a package work on one state. Such
  // memory outlives the session. The caller owns the session, and deletes it before the container.
  AOTIRuntimeError (*create_session)(AOTInductorModelContainerHandle container, const AotiStatePlace *shared,
                                     size_t num_shared, AotiSessionHandle *ret_session);
  AOTIRuntimeError (*delete_session)(AotiSessionHandle session);  // null is accepted
  // run, on the session's state and the container's active parameters. Runs of one session go one after the
  // other, in the order in which they came; those of different sessions at the same time.
  AOTIRuntimeError (*run_session)(AotiSessionHandle session, AtenTensorHandle *input_handles,
                                  size_t num_inputs, AtenTensorHandle *output_handles, size_t num_outputs,
                                  AOTInductorStreamHandle stream, AOTIProxyExecutorHandle proxy_executor);
  // Number `index` of the session's parts; fails beyond the last one. Borrowed; nobody may be running.
  AOTIRuntimeError (*get_session_state)(AotiSessionHandle session, size_t index, AotiStatePlace *ret_state);
  // Puts the first values back. Waits for runs in progress.
  AOTIRuntimeError (*reset_session)(AotiSessionHandle session);

  // ---- Random numbers: may be null (libraries made before they were there; stock libraries) ----

  // Sets the seed, and counts runs from 0 again. The numbers of a run depend on the seed and on how many runs
  // of the container began since it was set, on nothing else. Without a call the seed is 0. A run that is in
  // progress may have begun with either seed. Cannot fail for a container.
  AOTIRuntimeError (*set_seed)(AOTInductorModelContainerHandle container, uint64_t seed);

  // From now on each kernel of the container's runs is told to *tracer, which is copied; null: to nobody.
  // Waits for runs in progress, so that an earlier tracer may be freed afterwards. Kernels on a GPU are not
  // traced.
  AOTIRuntimeError (*set_tracer)(AOTInductorModelContainerHandle container, const AotiTracer *tracer);
} AotiModelApi;

// The table of the library that this function is in. Never null; cannot fail; thread-safe.
// Exported by every model library. (A generated NAME_api() calls it inside the library.)
AOTI_MODEL_EXPORT const AotiModelApi *aoti_model_api(void);

// The same, hidden: what a generated NAME_api() returns, so that two model libraries in one process never
// answer for each other.
const AotiModelApi *aoti_model_api_of_this_library(void);

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // AOTI_MODEL_API_H_
