// The functions that every model library exports: PyTorch 2.13's AOTInductor model interface
// (aoti_runtime/interface.h), so that PyTorch's own loader can run our libraries.
//
// General contract:
// - AOTI_RUNTIME_SUCCESS (0) or AOTI_RUNTIME_FAILURE; nothing is thrown; AOTInductorGetLastError has the
//   message.
// - Out-parameters are written on success only. No pointer may be null unless said so; a null or foreign
//   container or model handle is refused.
// - Strings and arrays given out are borrowed and live as long as the container, unless said otherwise.
// - Containers are thread-safe: any function except Delete may be called at any time from any thread.
//   A change of the number of threads waits for the runs in progress, and runs wait for it.
// - A "constant" is a parameter, a buffer or a tensor literal of the model, under its name in state_dict,
//   whatever the compiler made of it: packed, merged and folded weights can be replaced too (their recipes
//   are in the library: aoti/weights_desc.h).
#ifndef AOTI_MODEL_INTERFACE_H_
#define AOTI_MODEL_INTERFACE_H_

#include "aoti/status.h"

// Exported from a model library whatever -fvisibility says.
#define AOTI_MODEL_EXPORT __attribute__((visibility("default")))

#ifdef __cplusplus
extern "C" {
#endif

typedef struct AOTInductorModelOpaque AOTInductorModelOpaque;
typedef AOTInductorModelOpaque *AOTInductorModelHandle;

typedef struct AOTInductorModelContainerOpaque AOTInductorModelContainerOpaque;
typedef AOTInductorModelContainerOpaque *AOTInductorModelContainerHandle;

typedef struct AOTInductorStreamOpaque AOTInductorStreamOpaque;
typedef AOTInductorStreamOpaque *AOTInductorStreamHandle;

// A std::unordered_map<std::string, AtenTensorHandle> of libstdc++ (C++11 string layout), owned by the host.
// It is read, and for ExtractConstantsMap written through its own nodes, as data; see
// runtime/model/constant_map.h.
typedef struct AOTInductorConstantMap AOTInductorConstantMap;
typedef AOTInductorConstantMap *AOTInductorConstantMapHandle;

// A constant and its value. Both are borrowed.
typedef struct AOTInductorConstantMapEntry {
  const char *name;
  AtenTensorHandle handle;
} AOTInductorConstantMapEntry;

#define AOTI_ARRAYREF_TENSOR_MAX_DIMS 8

// A tensor described by plain numbers; all memory is the caller's. 192 bytes.
typedef struct AOTInductorArrayRefTensor {
  void *data;
  int64_t numel;
  int64_t sizes[AOTI_ARRAYREF_TENSOR_MAX_DIMS];
  int64_t strides[AOTI_ARRAYREF_TENSOR_MAX_DIMS];
  int32_t ndim;
  int32_t dtype;
  int32_t device_type;
  int32_t device_idx;
  int64_t reserved[4];  // 0
} AOTInductorArrayRefTensor;

// ---- Containers ----

// CreateWithDevice for a CPU (is_cpu true); is_cpu false is refused by a library built for the CPU.
AOTI_MODEL_EXPORT AOTIRuntimeError AOTInductorModelContainerCreate(
    AOTInductorModelContainerHandle *container_handle, size_t num_models, bool is_cpu, const char *cubin_dir);

// Makes a container that can run num_models (1..1024) inputs at a time, all sharing one copy of the weights.
// device_str is "cpu" or "cpu:0". cubin_dir (may be null or empty) is searched first for an external weights
// file. The caller owns *container_handle. Fails when no kernel variant can run on this processor, when the
// weights are missing or of the wrong size, and for want of memory.
AOTI_MODEL_EXPORT AOTIRuntimeError
AOTInductorModelContainerCreateWithDevice(AOTInductorModelContainerHandle *container_handle,
                                          size_t num_models, const char *device_str, const char *cubin_dir);

// Deletes a container, which nobody may be using. Null is accepted. Outputs of earlier runs stay valid.
AOTI_MODEL_EXPORT AOTIRuntimeError
AOTInductorModelContainerDelete(AOTInductorModelContainerHandle container_handle);

// Runs the model. The num_inputs handles are stolen, also on failure; the arrays are borrowed. The
// num_outputs handles written become the caller's; on failure the array's slots are null. Every input is
// checked against the model's tables first. Up to num_models calls run at once; others wait, first come first
// served. stream_handle and proxy_executor_handle may be null.
AOTI_MODEL_EXPORT AOTIRuntimeError AOTInductorModelContainerRun(
    AOTInductorModelContainerHandle container_handle, AtenTensorHandle *input_handles, size_t num_inputs,
    AtenTensorHandle *output_handles, size_t num_outputs, AOTInductorStreamHandle stream_handle,
    AOTIProxyExecutorHandle proxy_executor_handle);

// The same for callers that run one at a time. In this runtime both are the same function.
AOTI_MODEL_EXPORT AOTIRuntimeError AOTInductorModelContainerRunSingleThreaded(
    AOTInductorModelContainerHandle container_handle, AtenTensorHandle *input_handles, size_t num_inputs,
    AtenTensorHandle *output_handles, size_t num_outputs, AOTInductorStreamHandle stream_handle,
    AOTIProxyExecutorHandle proxy_executor_handle);

// ---- What the model is ----

AOTI_MODEL_EXPORT AOTIRuntimeError AOTInductorModelContainerGetNumInputs(
    AOTInductorModelContainerHandle container_handle, size_t *ret_num_inputs);
AOTI_MODEL_EXPORT AOTIRuntimeError AOTInductorModelContainerGetInputName(
    AOTInductorModelContainerHandle container_handle, size_t input_idx, const char **ret_input_names);
AOTI_MODEL_EXPORT AOTIRuntimeError AOTInductorModelContainerGetNumOutputs(
    AOTInductorModelContainerHandle container_handle, size_t *ret_num_outputs);
AOTI_MODEL_EXPORT AOTIRuntimeError AOTInductorModelContainerGetOutputName(
    AOTInductorModelContainerHandle container_handle, size_t output_idx, const char **ret_output_names);

// The pytree specs of arguments and results, as JSON.
AOTI_MODEL_EXPORT AOTIRuntimeError AOTInductorModelContainerGetCallSpec(
    AOTInductorModelContainerHandle container_handle, const char **in_spec, const char **out_spec);

// ---- Constants: what there is. idx < num_constants, else failure. ----

AOTI_MODEL_EXPORT AOTIRuntimeError AOTInductorModelContainerGetNumConstants(
    AOTInductorModelContainerHandle container_handle, size_t *num_constants);
AOTI_MODEL_EXPORT AOTIRuntimeError AOTInductorModelContainerGetConstantName(
    AOTInductorModelContainerHandle container_handle, size_t idx, const char **name);
AOTI_MODEL_EXPORT AOTIRuntimeError AOTInductorModelContainerGetConstantOriginalFQN(
    AOTInductorModelContainerHandle container_handle, size_t idx, const char **original_fqn);
// True for constants that a run-time folding computes; ours are folded at compile time, so never.
AOTI_MODEL_EXPORT AOTIRuntimeError AOTInductorModelContainerGetConstantFromFolded(
    AOTInductorModelContainerHandle container_handle, size_t idx, bool *from_folded);
// AotiConstantKind (aoti/model_desc.h).
AOTI_MODEL_EXPORT AOTIRuntimeError AOTInductorModelContainerGetConstantType(
    AOTInductorModelContainerHandle container_handle, size_t idx, int32_t *type);
AOTI_MODEL_EXPORT AOTIRuntimeError AOTInductorModelContainerGetConstantDtype(
    AOTInductorModelContainerHandle container_handle, size_t idx, int32_t *dtype);
// Bytes of its elements.
AOTI_MODEL_EXPORT AOTIRuntimeError AOTInductorModelContainerGetConstantDataSize(
    AOTInductorModelContainerHandle container_handle, size_t idx, size_t *data_size);
// Bytes of all the weights as they are stored: what UpdateConstantsFromBlob reads.
AOTI_MODEL_EXPORT AOTIRuntimeError AOTInductorModelContainerGetConstantsBlobSize(
    AOTInductorModelContainerHandle container_handle, uint64_t *ret_size);

// ---- Constants: reading and replacing ----
//
// A container has an active and an inactive set; both start as the library's weights, which are never
// written: an update gives the constants concerned memory of their own. No run waits for an update or a swap:
// runs in progress go on with the set that they began with, later ones get the new set. The old values are
// freed when the last run that uses them ends; an update waits for that, a second at most, so that no run has
// to free them. A set of a MiB or more is made on a thread of lower priority, for which the update waits:
// runs keep their cores. Names are either the constant's name or its original FQN. A tensor must have the
// constant's dtype and sizes; strides and offset may be any.
// validate_full_update: fail unless every parameter and buffer is among those given. Weights that the
// compiler folded into one (a batch norm into a convolution) are replaced together. A failed update changes
// nothing.

// Adds (original FQN -> handle) to the host's map for every constant of the set that can be had back from
// what is stored (not those that were folded with others). The handles are the container's, valid until its
// next extraction. Needs a map whose nodes this library can allocate: see runtime/model/constant_map.h.
AOTI_MODEL_EXPORT AOTIRuntimeError AOTInductorModelContainerExtractConstantsMap(
    AOTInductorModelContainerHandle container_handle, AOTInductorConstantMapHandle constant_map_handle,
    bool use_inactive);

// The same as an array of the container's: valid, with its handles, until the next extraction.
AOTI_MODEL_EXPORT AOTIRuntimeError AOTInductorModelContainerExtractConstantsMapEntries(
    AOTInductorModelContainerHandle container_handle, const AOTInductorConstantMapEntry **entries,
    size_t *num_entries, bool use_inactive);

// Copies the values into the active or inactive set. Handles are borrowed.
AOTI_MODEL_EXPORT AOTIRuntimeError AOTInductorModelContainerUpdateConstantBuffer(
    AOTInductorModelContainerHandle container_handle, AOTInductorConstantMapHandle constant_map_handle,
    bool use_inactive, bool validate_full_update);
AOTI_MODEL_EXPORT AOTIRuntimeError AOTInductorModelContainerUpdateConstantBufferPairs(
    AOTInductorModelContainerHandle container_handle, const AOTInductorConstantMapEntry *pairs,
    size_t num_pairs, bool use_inactive, bool validate_full_update);

// The same: on a CPU there is nothing to move.
AOTI_MODEL_EXPORT AOTIRuntimeError AOTInductorModelContainerUpdateConstantBufferFromCpu(
    AOTInductorModelContainerHandle container_handle, AOTInductorConstantMapHandle constant_map_handle,
    bool use_inactive, bool validate_full_update);
AOTI_MODEL_EXPORT AOTIRuntimeError AOTInductorModelContainerUpdateConstantBufferFromCpuPairs(
    AOTInductorModelContainerHandle container_handle, const AOTInductorConstantMapEntry *pairs,
    size_t num_pairs, bool use_inactive, bool validate_full_update);

// Uses the tensors' memory in place of a copy: the caller keeps it alive while the set uses it (a reference
// to the storage is held, which suffices for tensors that own theirs). Refused, as a whole, for a constant
// that the library keeps in another form than the tensor's: packed for its kernels (on a CPU most weights of
// products and convolutions), computed from it, or contiguous where the tensor is not. The message names
// those that are packed or computed. Give them to UpdateConstantBuffer first and the others here, with
// validate_full_update false, both for the inactive set, and then swap (docs/packages.md).
AOTI_MODEL_EXPORT AOTIRuntimeError AOTInductorModelContainerUpdateUserManagedConstantBuffer(
    AOTInductorModelContainerHandle container_handle, AOTInductorConstantMapHandle constant_map_handle,
    bool use_inactive, bool validate_full_update);
AOTI_MODEL_EXPORT AOTIRuntimeError AOTInductorModelContainerUpdateUserManagedConstantBufferPairs(
    AOTInductorModelContainerHandle container_handle, const AOTInductorConstantMapEntry *pairs,
    size_t num_pairs, bool use_inactive, bool validate_full_update);

// UpdateConstantBuffer of the inactive set, without full validation.
AOTI_MODEL_EXPORT AOTIRuntimeError AOTInductorModelContainerUpdateInactiveConstantBuffer(
    AOTInductorModelContainerHandle container_handle, AOTInductorConstantMapHandle constant_map_handle);
AOTI_MODEL_EXPORT AOTIRuntimeError AOTInductorModelContainerUpdateInactiveConstantBufferPairs(
    AOTInductorModelContainerHandle container_handle, const AOTInductorConstantMapEntry *pairs,
    size_t num_pairs);

// Replaces all the active set's constants, packed ones too, by a copy of a blob of GetConstantsBlobSize bytes
// in the library's own layout (a NAME.weights.bin of the same compilation).
AOTI_MODEL_EXPORT AOTIRuntimeError AOTInductorModelUpdateConstantsFromBlob(
    AOTInductorModelContainerHandle container_handle, const uint8_t *weight_blob_ptr);

// Puts the inactive set back to the library's weights and frees what it held (the state stays the active
// set's).
AOTI_MODEL_EXPORT AOTIRuntimeError
AOTInductorModelContainerFreeInactiveConstantBuffer(AOTInductorModelContainerHandle container_handle);

// An update folds at once, so nothing is left to do: succeeds. All arguments but the container may be null.
AOTI_MODEL_EXPORT AOTIRuntimeError AOTInductorModelContainerRunConstantFolding(
    AOTInductorModelContainerHandle container_handle, bool use_inactive,
    AOTInductorStreamHandle stream_handle, AOTIProxyExecutorHandle proxy_executor_handle);

// Makes the inactive set the active one and the other way round.
AOTI_MODEL_EXPORT AOTIRuntimeError
AOTInductorModelContainerSwapConstantBuffer(AOTInductorModelContainerHandle container_handle);

// ---- One bare instance ----
//
// A model is a container of one instance; what is said above holds for it.

// constant_map_handle may be null: the library's weights are used.
AOTI_MODEL_EXPORT AOTIRuntimeError AOTInductorModelCreate(AOTInductorModelHandle *model_handle,
                                                          AOTInductorConstantMapHandle constant_map_handle);
// pairs may be null when num_pairs is 0.
AOTI_MODEL_EXPORT AOTIRuntimeError AOTInductorModelCreateV2(AOTInductorModelHandle *model_handle,
                                                            const AOTInductorConstantMapEntry *pairs,
                                                            size_t num_pairs);
AOTI_MODEL_EXPORT AOTIRuntimeError AOTInductorModelRun(AOTInductorModelHandle model_handle,
                                                       AtenTensorHandle *input_handles,
                                                       AtenTensorHandle *output_handles);
// User-managed, as in UpdateUserManagedConstantBuffer.
AOTI_MODEL_EXPORT AOTIRuntimeError AOTInductorModelUpdateConstantsMap(
    AOTInductorModelHandle model_handle, AOTInductorConstantMapHandle constant_map_handle);
AOTI_MODEL_EXPORT AOTIRuntimeError AOTInductorModelUpdateConstantsMapV2(
    AOTInductorModelHandle model_handle, const AOTInductorConstantMapEntry *pairs, int32_t num_pairs);
// Null is accepted.
AOTI_MODEL_EXPORT AOTIRuntimeError AOTInductorModelDelete(AOTInductorModelHandle model_handle);
AOTI_MODEL_EXPORT AOTIRuntimeError AOTInductorModelGetNumOutputs(AOTInductorModelHandle model_handle,
                                                                 size_t *ret_num_outputs);

// Runs on tensors described by plain numbers. Inputs are borrowed. outputs[i]: when data is not null, the
// result is copied there (numel, ndim, sizes, strides and dtype must describe the result's contiguous form);
// when it is null the call fails, because nobody would own the memory. At most AOTI_ARRAYREF_TENSOR_MAX_DIMS
// dimensions.
AOTI_MODEL_EXPORT AOTIRuntimeError AOTInductorModelRunMinimalArrayrefInterfaceV2(
    AOTInductorModelHandle model_handle, int32_t num_inputs, const AOTInductorArrayRefTensor *inputs,
    int32_t num_outputs, AOTInductorArrayRefTensor *outputs);

// ---- Errors ----

// The message of the last call on this thread when it failed, else "". Borrowed: valid until the next call on
// this thread. *error_msg is never null. Cannot fail, except for error_msg == NULL.
AOTI_MODEL_EXPORT AOTIRuntimeError AOTInductorGetLastError(const char **error_msg);

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // AOTI_MODEL_INTERFACE_H_
