#include "runtime/model/constants.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/model/error.h"

namespace aoti_model {
namespace {

void drop(AtenTensorHandle *tensor) {
  if (*tensor != nullptr) aoti_torch_delete_tensor_object(*tensor);
  *tensor = nullptr;
}

void drop_all(const AotiModelDesc &desc, ConstantSet *set) {
  for (int32_t i = 0; i < desc.num_constants; ++i) drop(&set->tensors[i]);
  drop(&set->blob);
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

AOTIRuntimeError set_init(const AotiModelDesc &desc, const uint8_t *weights, ConstantSet *set) {
  const size_t count = static_cast<size_t>(desc.num_constants);
  set->data = static_cast<const void **>(calloc(count + 1, sizeof(void *)));
  set->tensors = static_cast<AtenTensorHandle *>(calloc(count + 1, sizeof(AtenTensorHandle)));
  if (set->data == nullptr || set->tensors == nullptr) {
    return fail_memory("the table of constants", static_cast<int64_t>(2 * (count + 1) * sizeof(void *)));
  }
  set_reset(desc, weights, set);
  return AOTI_RUNTIME_SUCCESS;
}

void set_reset(const AotiModelDesc &desc, const uint8_t *weights, ConstantSet *set) {
  for (int32_t i = 0; i < desc.num_constants; ++i) {
    if (desc.constants[i].is_mutated != 0) continue;
    drop(&set->tensors[i]);
    set->data[i] = weights + desc.constants[i].offset_bytes;
  }
  drop(&set->blob);
  set->is_library = true;
}

bool has_state(const AotiModelDesc &desc) {
  for (int32_t i = 0; i < desc.num_constants; ++i) {
    if (desc.constants[i].is_mutated != 0) return true;
  }
  return false;
}

AOTIRuntimeError state_prepare(const AotiModelDesc &desc, const uint8_t *weights, ConstantUpdate *update) {
  const size_t count = static_cast<size_t>(desc.num_constants) + 1;
  update->tensors = static_cast<AtenTensorHandle *>(calloc(count, sizeof(AtenTensorHandle)));
  if (update->tensors == nullptr) {
    return fail_memory("the model's state", static_cast<int64_t>(count * sizeof(AtenTensorHandle)));
  }
  for (int32_t i = 0; i < desc.num_constants; ++i) {
    const AotiConstantDesc &constant = desc.constants[i];
    if (constant.is_mutated == 0) continue;
    int64_t buffer[kMaxConstantRank];
    void *data = nullptr;
    if (aoti_torch_empty_strided(constant.ndim, constant.sizes, constant_strides(constant, buffer),
                                 constant.dtype, AOTI_DEVICE_CPU, 0,
                                 &update->tensors[i]) != AOTI_TORCH_SUCCESS ||
        aoti_torch_get_data_ptr(update->tensors[i], &data) != AOTI_TORCH_SUCCESS) {
      update_discard(desc, update);
      return fail_shim(constant.original_fqn);
    }
    const size_t bytes = static_cast<size_t>(constant.size_bytes);
    if (bytes > 0) memcpy(data, weights + constant.offset_bytes, bytes);
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

AOTIRuntimeError set_follow(const AotiModelDesc &desc, const ConstantSet &from, const uint8_t *weights,
                            ConstantSet *to) {
  if (from.is_library) return AOTI_RUNTIME_SUCCESS;
  bool failed =
      from.blob != nullptr && aoti_torch_new_tensor_handle(from.blob, &to->blob) != AOTI_TORCH_SUCCESS;
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
    if (aoti_torch_create_tensor_from_blob(data, constant.ndim, constant.sizes,
                                           constant_strides(constant, buffer), 0, constant.dtype,
                                           AOTI_DEVICE_CPU, 0, &set->tensors[index]) != AOTI_TORCH_SUCCESS) {
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

void set_replace_all(const AotiModelDesc &desc, AtenTensorHandle blob, const uint8_t *blob_data,
                     ConstantUpdate *state, ConstantSet *set) {
  set_reset(desc, blob_data, set);
  update_commit(desc, state, set);
  set->blob = blob;
  set->is_library = false;
}

}  // namespace aoti_model
