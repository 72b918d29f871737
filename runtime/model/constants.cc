#include "runtime/model/constants.h"

#include <stdlib.h>

#include "runtime/model/error.h"

namespace aoti_model {
namespace {

void drop(AtenTensorHandle *tensor) {
  if (*tensor != nullptr) aoti_torch_delete_tensor_object(*tensor);
  *tensor = nullptr;
}

void drop_all(const AotiModelDesc &desc, ConstantSet *set) {
  for (int32_t i = 0; i < desc.num_constants; ++i) drop(&set->tensors[i]);
  for (AtenTensorHandle &blob : set->blobs) drop(&blob);
}

// A new tensor for a constant, with the value at `data` on the host. False when the shim fails.
bool first_value(const AotiConstantDesc &constant, const uint8_t *data, int32_t device_index,
                 AtenTensorHandle *ret_tensor) {
  int64_t buffer[kMaxConstantRank];
  const int64_t *strides = constant_strides(constant, buffer);
  AtenTensorHandle source = nullptr;
  const int32_t index = constant.device_type == AOTI_DEVICE_CPU ? 0 : device_index;
  const bool ok = aoti_torch_empty_strided(constant.ndim, constant.sizes, strides, constant.dtype,
                                           constant.device_type, index, ret_tensor) == AOTI_TORCH_SUCCESS &&
                  aoti_torch_create_tensor_from_blob(const_cast<uint8_t *>(data), constant.ndim,
                                                     constant.sizes, strides, 0, constant.dtype,
                                                     AOTI_DEVICE_CPU, 0, &source) == AOTI_TORCH_SUCCESS &&
                  aoti_torch_copy_(*ret_tensor, source, 0) == AOTI_TORCH_SUCCESS;
  if (source != nullptr) aoti_torch_delete_tensor_object(source);
  return ok;
}

}  // namespace

const int64_t *constant_strides(const AotiConstantDesc &constant, int64_t *buffer) {
  if (constant.strides != nullptr) return constant.strides;
  int64_t stride = 1;
  for (int32_t i = constant.ndim - 1; i >= 0; --i) {
    buffer[i] = stride;
    stride *= constant.sizes[i] > 0 ? constant.sizes[i] : 1;
  }
  return buffer;
}

AOTIRuntimeError set_init(const AotiModelDesc &desc, const Weights &weights, ConstantSet *set) {
  const size_t count = static_cast<size_t>(desc.num_constants);
  set->data = static_cast<const void **>(calloc(count + 1, sizeof(void *)));
  set->tensors = static_cast<AtenTensorHandle *>(calloc(count + 1, sizeof(AtenTensorHandle)));
  if (set->data == nullptr || set->tensors == nullptr) {
    return fail_memory("the table of constants", static_cast<int64_t>(2 * (count + 1) * sizeof(void *)));
  }
  set->device_index = weights.device_index;
  set_reset(desc, weights, set);
  return AOTI_RUNTIME_SUCCESS;
}

void set_reset(const AotiModelDesc &desc, const Weights &weights, ConstantSet *set) {
  for (int32_t i = 0; i < desc.num_constants; ++i) {
    if (desc.constants[i].is_mutated != 0) continue;
    drop(&set->tensors[i]);
    set->data[i] = constant_address(weights, desc.constants[i]);
  }
  for (AtenTensorHandle &blob : set->blobs) drop(&blob);
  set->is_library = true;
}

bool has_state(const AotiModelDesc &desc) {
  for (int32_t i = 0; i < desc.num_constants; ++i) {
    if (desc.constants[i].is_mutated != 0) return true;
  }
  return false;
}

AOTIRuntimeError state_prepare(const AotiModelDesc &desc, const uint8_t *weights, int32_t device_index,
                               ConstantUpdate *update) {
  const size_t count = static_cast<size_t>(desc.num_constants) + 1;
  update->tensors = static_cast<AtenTensorHandle *>(calloc(count, sizeof(AtenTensorHandle)));
  if (update->tensors == nullptr) {
    return fail_memory("the model's state", static_cast<int64_t>(count * sizeof(AtenTensorHandle)));
  }
  for (int32_t i = 0; i < desc.num_constants; ++i) {
    const AotiConstantDesc &constant = desc.constants[i];
    if (constant.is_mutated == 0) continue;
    if (first_value(constant, weights + constant.offset_bytes, device_index, &update->tensors[i])) continue;
    fail_shim(constant.original_fqn);
    update_discard(desc, update);
    return AOTI_RUNTIME_FAILURE;
  }
  return AOTI_RUNTIME_SUCCESS;
}

AOTIRuntimeError state_share(const AotiModelDesc &desc, ConstantSet *from, ConstantSet *to) {
  for (int32_t i = 0; i < desc.num_constants; ++i) {
    if (desc.constants[i].is_mutated == 0) continue;
    AtenTensorHandle tensor = nullptr;
    if (aoti_torch_new_tensor_handle(from->tensors[i], &tensor) != AOTI_TORCH_SUCCESS) {
      return fail_shim(desc.constants[i].original_fqn);
    }
    drop(&to->tensors[i]);
    to->tensors[i] = tensor;
    to->data[i] = from->data[i];
  }
  return AOTI_RUNTIME_SUCCESS;
}

void set_destroy(const AotiModelDesc &desc, ConstantSet *set) {
  if (set->tensors != nullptr) drop_all(desc, set);
  free(set->data);
  free(set->tensors);
  *set = ConstantSet{};
}

AOTIRuntimeError set_follow(const AotiModelDesc &desc, const ConstantSet &from, const Weights &weights,
                            ConstantSet *to) {
  if (from.is_library) return AOTI_RUNTIME_SUCCESS;
  bool failed = false;
  for (int i = 0; i < 2 && !failed; ++i) {
    failed = from.blobs[i] != nullptr &&
             aoti_torch_new_tensor_handle(from.blobs[i], &to->blobs[i]) != AOTI_TORCH_SUCCESS;
  }
  for (int32_t i = 0; i < desc.num_constants && !failed; ++i) {
    drop(&to->tensors[i]);
    to->data[i] = from.data[i];
    failed = from.tensors[i] != nullptr &&
             aoti_torch_new_tensor_handle(from.tensors[i], &to->tensors[i]) != AOTI_TORCH_SUCCESS;
  }
  to->is_library = false;
  if (!failed) return AOTI_RUNTIME_SUCCESS;
  set_reset(desc, weights, to);
  return fail_shim("copying the active constants' handles");
}

AOTIRuntimeError set_tensor(const AotiModelDesc &desc, ConstantSet *set, int32_t index,
                            AtenTensorHandle *ret_tensor) {
  const AotiConstantDesc &constant = desc.constants[index];
  if (set->tensors[index] == nullptr) {
    int64_t buffer[kMaxConstantRank];
    // The shim takes a pointer to data that may be written; the library's weights are read-only memory all
    // the same.
    void *data = const_cast<void *>(set->data[index]);
    const int32_t device_index = constant.device_type == AOTI_DEVICE_CPU ? 0 : set->device_index;
    if (aoti_torch_create_tensor_from_blob(
            data, constant.ndim, constant.sizes, constant_strides(constant, buffer), 0, constant.dtype,
            constant.device_type, device_index, &set->tensors[index]) != AOTI_TORCH_SUCCESS) {
      return fail_shim(constant.name);
    }
  }
  *ret_tensor = set->tensors[index];
  return AOTI_RUNTIME_SUCCESS;
}

void update_commit(const AotiModelDesc &desc, ConstantUpdate *update, ConstantSet *set) {
  for (int32_t i = 0; i < desc.num_constants; ++i) {
    if (update->tensors[i] == nullptr) continue;
    drop(&set->tensors[i]);
    set->tensors[i] = update->tensors[i];
    void *data = nullptr;
    aoti_torch_get_data_ptr(set->tensors[i], &data);
    set->data[i] = data;
    set->is_library = set->is_library && desc.constants[i].is_mutated != 0;
  }
  free(update->tensors);
  update->tensors = nullptr;
}

void set_replace_all(const AotiModelDesc &desc, const AtenTensorHandle blobs[2], const Weights &weights,
                     ConstantUpdate *state, ConstantSet *set) {
  set_reset(desc, weights, set);
  update_commit(desc, state, set);
  for (int i = 0; i < 2; ++i) set->blobs[i] = blobs[i];
  set->is_library = false;
}

AOTIRuntimeError copy_blobs(const AotiModelDesc &desc, const uint8_t *weights, int32_t device_index,
                            AtenTensorHandle blobs[2], Weights *ret_weights) {
  const int64_t size = desc.weights_bytes, stride = 1;
  bool wanted[2] = {desc.cuda == nullptr, false};
  for (int32_t i = 0; i < desc.num_constants; ++i) {
    wanted[desc.constants[i].device_type == AOTI_DEVICE_CPU ? 0 : 1] = true;
  }
  const uint8_t *data[2] = {nullptr, nullptr};
  AtenTensorHandle source = nullptr;
  bool failed =
      aoti_torch_create_tensor_from_blob(const_cast<uint8_t *>(weights), 1, &size, &stride, 0,
                                         AOTI_DTYPE_UINT8, AOTI_DEVICE_CPU, 0, &source) != AOTI_TORCH_SUCCESS;
  for (int i = 0; i < 2 && !failed; ++i) {
    void *address = nullptr;
    if (!wanted[i]) continue;
    failed = aoti_torch_empty_strided(1, &size, &stride, AOTI_DTYPE_UINT8,
                                      i == 0 ? AOTI_DEVICE_CPU : AOTI_DEVICE_CUDA, i == 0 ? 0 : device_index,
                                      &blobs[i]) != AOTI_TORCH_SUCCESS ||
             aoti_torch_copy_(blobs[i], source, 0) != AOTI_TORCH_SUCCESS ||
             aoti_torch_get_data_ptr(blobs[i], &address) != AOTI_TORCH_SUCCESS;
    data[i] = static_cast<const uint8_t *>(address);
  }
  *ret_weights = Weights{data[0], nullptr, 0, data[1], device_index};
  if (failed) fail_shim("a copy of the weights");
  for (int i = 0; i < 2 && failed; ++i) drop(&blobs[i]);
  drop(&source);
  return failed ? AOTI_RUNTIME_FAILURE : AOTI_RUNTIME_SUCCESS;
}

}  // namespace aoti_model
