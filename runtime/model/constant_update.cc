// Checking and copying new values of constants, before anything is changed.
#include <stdlib.h>
#include <string.h>

#include "runtime/model/constants.h"
#include "runtime/model/error.h"
#include "runtime/model/names.h"

namespace aoti_model {
namespace {

int32_t find_constant(const AotiModelDesc &desc, const char *name) {
  for (int32_t i = 0; i < desc.num_constants; ++i) {
    if (strcmp(desc.constants[i].name, name) == 0 || strcmp(desc.constants[i].original_fqn, name) == 0)
      return i;
  }
  return -1;
}

const char *packing_name(int32_t packing) {
  switch (packing) {
    case AOTI_PACKING_PANEL16:
      return "panel16, for matrix products";
    case AOTI_PACKING_PANEL16_BF16:
      return "panel16_bf16, for matrix products";
    case AOTI_PACKING_CONV_PANEL16_BF16:
      return "conv_panel16_bf16, for convolutions";
    case AOTI_PACKING_CONV_PANEL16:
      return "conv_panel16, for convolutions";
    case AOTI_PACKING_WINOGRAD_PANEL16:
      return "winograd_panel16, for 3x3 convolutions";
    case AOTI_PACKING_DEPTHWISE_BF16:
      return "depthwise_bf16, for convolutions";
    case AOTI_PACKING_DEPTHWISE:
      return "depthwise, for convolutions";
    default:
      return "another form";
  }
}

AOTIRuntimeError fail_packed(const AotiConstantDesc &constant) {
  return fail(
      "constant '%s' was packed at compile time (%s) and cannot be replaced by itself; compile the model "
      "with "
      "the new weights, or replace all weights at once by the weights file of such a compilation "
      "(AOTInductorModelUpdateConstantsFromBlob)",
      constant.original_fqn, packing_name(constant.packing));
}

AOTIRuntimeError fail_value(const AotiConstantDesc &constant, int32_t dtype, int64_t ndim,
                            const int64_t *sizes) {
  char buffer[1024];
  Text text{buffer, sizeof buffer, 0};
  append(&text, "%s ", dtype_name(dtype));
  append_numbers(&text, ndim, sizes);
  append(&text, "; expected %s ", dtype_name(constant.dtype));
  append_numbers(&text, constant.ndim, constant.sizes);
  return fail("new value of constant '%s': %s. A constant keeps its dtype and sizes.", constant.original_fqn,
              buffer);
}

AOTIRuntimeError check_value(const AotiConstantDesc &constant, AtenTensorHandle value, bool user_managed) {
  int32_t dtype = 0, device_type = 0;
  int64_t ndim = 0, *sizes = nullptr;
  if (aoti_torch_get_dtype(value, &dtype) != AOTI_TORCH_SUCCESS ||
      aoti_torch_get_device_type(value, &device_type) != AOTI_TORCH_SUCCESS ||
      aoti_torch_get_dim(value, &ndim) != AOTI_TORCH_SUCCESS ||
      aoti_torch_get_sizes(value, &sizes) != AOTI_TORCH_SUCCESS) {
    return fail_shim(constant.original_fqn);
  }
  if (device_type != constant.device_type && (device_type != AOTI_DEVICE_CPU || user_managed)) {
    return fail("new value of constant '%s' is on device %s; expected %s: copy it there first",
                constant.original_fqn, device_name(device_type), device_name(constant.device_type));
  }
  bool fits = dtype == constant.dtype && ndim == constant.ndim;
  for (int32_t i = 0; i < constant.ndim && fits; ++i) fits = sizes[i] == constant.sizes[i];
  return fits ? AOTI_RUNTIME_SUCCESS : fail_value(constant, dtype, ndim, sizes);
}

AOTIRuntimeError refer_to(const AotiConstantDesc &constant, AtenTensorHandle value, int32_t device_index,
                          AtenTensorHandle *ret_tensor) {
  int32_t index = 0;
  if (aoti_torch_get_device_index(value, &index) != AOTI_TORCH_SUCCESS)
    return fail_shim(constant.original_fqn);
  if (constant.device_type != AOTI_DEVICE_CPU && index != device_index) {
    return fail("new value of constant '%s' is on %s:%d; the container runs on %s:%d: copy it there first",
                constant.original_fqn, device_name(constant.device_type), index,
                device_name(constant.device_type), device_index);
  }
  int64_t buffer[kMaxConstantRank], *strides = nullptr;
  const int64_t *wanted = constant_strides(constant, buffer);
  if (aoti_torch_get_strides(value, &strides) != AOTI_TORCH_SUCCESS) return fail_shim(constant.original_fqn);
  for (int32_t i = 0; i < constant.ndim; ++i) {
    if (constant.sizes[i] <= 1 || strides[i] == wanted[i]) continue;
    return fail(
        "new value of constant '%s' has stride %lld in dimension %d; user-managed memory needs %lld: make it "
        "contiguous, or update by copy (AOTInductorModelContainerUpdateConstantBuffer)",
        constant.original_fqn, (long long)strides[i], i, (long long)wanted[i]);
  }
  if (aoti_torch_new_tensor_handle(value, ret_tensor) == AOTI_TORCH_SUCCESS) return AOTI_RUNTIME_SUCCESS;
  return fail_shim(constant.original_fqn);
}

AOTIRuntimeError copy_of(const AotiConstantDesc &constant, AtenTensorHandle value, int32_t device_index,
                         AtenTensorHandle *ret_tensor) {
  int64_t buffer[kMaxConstantRank];
  AtenTensorHandle copy = nullptr;
  if (aoti_torch_empty_strided(constant.ndim, constant.sizes, constant_strides(constant, buffer),
                               constant.dtype, constant.device_type,
                               constant.device_type == AOTI_DEVICE_CPU ? 0 : device_index,
                               &copy) != AOTI_TORCH_SUCCESS) {
    return fail_shim(constant.original_fqn);
  }
  if (aoti_torch_copy_(copy, value, 0) != AOTI_TORCH_SUCCESS) {
    fail_shim(constant.original_fqn);
    aoti_torch_delete_tensor_object(copy);
    return AOTI_RUNTIME_FAILURE;
  }
  *ret_tensor = copy;
  return AOTI_RUNTIME_SUCCESS;
}

AOTIRuntimeError prepare_pair(const AotiModelDesc &desc, const AOTInductorConstantMapEntry &pair,
                              const UpdateOptions &options, ConstantUpdate *update) {
  if (pair.name == nullptr) return fail("a constant to update has no name");
  const int32_t index = find_constant(desc, pair.name);
  if (index < 0) {
    return fail(
        "the model has no constant '%s'; AOTInductorModelContainerGetConstantOriginalFQN lists its %d",
        pair.name, desc.num_constants);
  }
  const AotiConstantDesc &constant = desc.constants[index];
  if (constant.packing != AOTI_PACKING_PLAIN) return fail_packed(constant);
  if (pair.handle == nullptr) return fail("new value of constant '%s' is null; expected a tensor", pair.name);
  if (update->tensors[index] != nullptr) return fail("constant '%s' is given twice", pair.name);
  if (check_value(constant, pair.handle, options.user_managed) != AOTI_RUNTIME_SUCCESS)
    return AOTI_RUNTIME_FAILURE;
  return options.user_managed ? refer_to(constant, pair.handle, options.device_index, &update->tensors[index])
                              : copy_of(constant, pair.handle, options.device_index, &update->tensors[index]);
}

AOTIRuntimeError check_complete(const AotiModelDesc &desc, const ConstantUpdate &update) {
  for (int32_t i = 0; i < desc.num_constants; ++i) {
    if (desc.constants[i].packing != AOTI_PACKING_PLAIN || update.tensors[i] != nullptr) continue;
    return fail(
        "constant '%s' is missing from what should be a full update; give all of the model's constants, or "
        "do not ask for a full update",
        desc.constants[i].original_fqn);
  }
  return AOTI_RUNTIME_SUCCESS;
}

}  // namespace

AOTIRuntimeError update_prepare(const AotiModelDesc &desc, const AOTInductorConstantMapEntry *pairs,
                                size_t num_pairs, UpdateOptions options, ConstantUpdate *update) {
  if (num_pairs > 0 && pairs == nullptr) return fail("the array of constants to update is null");
  const size_t count = static_cast<size_t>(desc.num_constants) + 1;
  update->tensors = static_cast<AtenTensorHandle *>(calloc(count, sizeof(AtenTensorHandle)));
  if (update->tensors == nullptr) {
    return fail_memory("an update of constants", static_cast<int64_t>(count * sizeof(AtenTensorHandle)));
  }
  AOTIRuntimeError result = AOTI_RUNTIME_SUCCESS;
  for (size_t i = 0; i < num_pairs && result == AOTI_RUNTIME_SUCCESS; ++i) {
    result = prepare_pair(desc, pairs[i], options, update);
  }
  if (result == AOTI_RUNTIME_SUCCESS && options.validate_full_update) result = check_complete(desc, *update);
  if (result != AOTI_RUNTIME_SUCCESS) update_discard(desc, update);
  return result;
}

void update_discard(const AotiModelDesc &desc, ConstantUpdate *update) {
  for (int32_t i = 0; i < desc.num_constants; ++i) {
    if (update->tensors[i] != nullptr) aoti_torch_delete_tensor_object(update->tensors[i]);
  }
  free(update->tensors);
  update->tensors = nullptr;
}

}  // namespace aoti_model
