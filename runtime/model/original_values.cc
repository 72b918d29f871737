#include "runtime/model/original_values.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/model/error.h"
#include "runtime/model/names.h"
#include "runtime/model/recipe.h"
#include "runtime/model/tensor_ops.h"

namespace aoti_model {
namespace {

int32_t find_original(const AotiModelDesc &desc, const char *name) {
  for (int32_t i = 0; i < desc.num_originals; ++i) {
    if (strcmp(desc.originals[i].fqn, name) == 0) return i;
  }
  for (int32_t i = 0; i < desc.num_originals; ++i) {
    if (strcmp(desc.originals[i].name, name) == 0) return i;
  }
  return -1;
}

AOTIRuntimeError fail_value(const AotiOriginalDesc &original, const TensorFacts &got) {
  char buffer[1024];
  Text text{buffer, sizeof buffer, 0};
  append(&text, "%s ", dtype_name(got.dtype));
  append_numbers(&text, got.ndim, got.sizes);
  append(&text, "; expected %s ", dtype_name(original.dtype));
  append_numbers(&text, original.ndim, original.sizes);
  return fail("new value of constant '%s': %s. A constant keeps its dtype and sizes.", original.fqn, buffer);
}

AOTIRuntimeError check_value(const AotiModelDesc &desc, const AotiOriginalDesc &original,
                             AtenTensorHandle value) {
  TensorFacts facts{};
  int32_t device_type = 0;
  if (facts_of(value, &facts) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  if (aoti_torch_get_device_type(value, &device_type) != AOTI_TORCH_SUCCESS) return fail_shim(original.fqn);
  if (device_type != AOTI_DEVICE_CPU && (desc.cuda == nullptr || device_type != AOTI_DEVICE_CUDA)) {
    return fail("new value of constant '%s' is on device %s; expected cpu: copy it there first", original.fqn,
                device_name(device_type));
  }
  bool fits = facts.dtype == original.dtype && facts.ndim == original.ndim;
  for (int32_t i = 0; i < original.ndim && fits; ++i) fits = facts.sizes[i] == original.sizes[i];
  return fits ? AOTI_RUNTIME_SUCCESS : fail_value(original, facts);
}

// Whether two tensors of one dtype and size hold the same bytes.
AOTIRuntimeError compare(AtenTensorHandle left, AtenTensorHandle right, int32_t dtype, bool *ret_equal) {
  AtenTensorHandle handles[2] = {nullptr, nullptr};
  TensorFacts facts[2] = {};
  RAIIAtenTensorHandle owners[2];
  for (int i = 0; i < 2; ++i) {
    if (as_contiguous(i == 0 ? left : right, dtype, &handles[i]) != AOTI_RUNTIME_SUCCESS) {
      return AOTI_RUNTIME_FAILURE;
    }
    owners[i] = RAIIAtenTensorHandle(handles[i]);
    if (facts_of(handles[i], &facts[i]) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  }
  const size_t bytes = static_cast<size_t>(facts[0].numel) * aoti_torch_dtype_element_size(dtype);
  *ret_equal =
      bytes == 0 || facts[0].data == facts[1].data || memcmp(facts[0].data, facts[1].data, bytes) == 0;
  return AOTI_RUNTIME_SUCCESS;
}

bool is_used(const AotiModelDesc &desc, int32_t number) {
  const int32_t owner = desc.originals[number].same_as >= 0 ? desc.originals[number].same_as : number;
  for (int32_t i = 0; i < desc.num_constants; ++i) {
    if (recipe_uses(desc.recipes[i], owner)) return true;
  }
  return false;
}

// A recipe that is nothing but one original.
bool is_plain(const AotiRecipe &recipe, int32_t number) {
  return recipe.num_words == 2 && recipe.words[0] == AOTI_RECIPE_SOURCE && recipe.words[1] == number;
}

AOTIRuntimeError view_stored(const AotiModelDesc &desc, const ConstantSet &set, int32_t index, int32_t number,
                             AtenTensorHandle *ret_value) {
  const AotiOriginalDesc &original = desc.originals[number];
  int64_t strides[kMaxTensorRank];
  row_major(original.ndim, original.sizes, strides);
  AtenTensorHandle owner = set.owners[index];
  if (owner != nullptr) {  // a view that keeps the memory alive
    TensorFacts facts{};
    if (facts_of(owner, &facts) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
    const int64_t offset_bytes =
        facts.offset * static_cast<int64_t>(aoti_torch_dtype_element_size(facts.dtype));
    const AOTITorchError status =
        facts.dtype == original.dtype
            ? aoti_torch__reinterpret_tensor(owner, original.ndim, original.sizes, strides, 0, ret_value)
            : aoti_torch__alloc_from_pool(owner, offset_bytes, original.dtype, original.ndim, original.sizes,
                                          strides, ret_value);
    return status == AOTI_TORCH_SUCCESS ? AOTI_RUNTIME_SUCCESS : fail_shim(original.fqn);
  }
  void *data = const_cast<void *>(set.data[index]);
  const int32_t device = desc.constants[index].device_type;
  return aoti_torch_create_tensor_from_blob(data, original.ndim, original.sizes, strides, 0, original.dtype,
                                            device, device == AOTI_DEVICE_CPU ? 0 : set.device_index,
                                            ret_value) == AOTI_TORCH_SUCCESS
             ? AOTI_RUNTIME_SUCCESS
             : fail_shim(original.fqn);
}

}  // namespace

OriginalValues::~OriginalValues() {
  for (int32_t i = 0; handles_ != nullptr && i < desc_->num_originals; ++i) {
    if (handles_[i] != nullptr) aoti_torch_delete_tensor_object(handles_[i]);
  }
  for (int32_t i = 0; device_ != nullptr && i < desc_->num_originals; ++i) {
    if (device_[i] != nullptr) aoti_torch_delete_tensor_object(device_[i]);
  }
  free(handles_);
  free(device_);
  free(given_);
}

AOTIRuntimeError OriginalValues::init(const AotiModelDesc &desc, const AOTInductorConstantMapEntry *pairs,
                                      size_t num_pairs) {
  if (num_pairs > 0 && pairs == nullptr) return fail("the array of constants to update is null");
  const size_t count = static_cast<size_t>(desc.num_originals) + 1;
  desc_ = &desc;
  handles_ = static_cast<AtenTensorHandle *>(calloc(count, sizeof(AtenTensorHandle)));
  device_ = static_cast<AtenTensorHandle *>(calloc(count, sizeof(AtenTensorHandle)));
  given_ = static_cast<bool *>(calloc(count, sizeof(bool)));
  if (handles_ == nullptr || device_ == nullptr || given_ == nullptr) {
    return fail_memory("an update of constants", static_cast<int64_t>(count * sizeof(AtenTensorHandle)));
  }
  for (size_t i = 0; i < num_pairs; ++i) {
    if (take(pairs[i]) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  }
  return resolve_tied();
}

AOTIRuntimeError OriginalValues::take(const AOTInductorConstantMapEntry &pair) {
  if (pair.name == nullptr) return fail("a constant to update has no name");
  const int32_t number = find_original(*desc_, pair.name);
  if (number < 0) {
    return fail(
        "the model has no constant '%s'; AOTInductorModelContainerGetConstantOriginalFQN lists its %d",
        pair.name, desc_->num_originals);
  }
  if (pair.handle == nullptr) return fail("new value of constant '%s' is null; expected a tensor", pair.name);
  if (given_[number]) return fail("constant '%s' is given twice", pair.name);
  if (check_value(*desc_, desc_->originals[number], pair.handle) != AOTI_RUNTIME_SUCCESS ||
      on_host(pair.handle, &handles_[number]) != AOTI_RUNTIME_SUCCESS) {
    return AOTI_RUNTIME_FAILURE;
  }
  if (aoti_torch_new_tensor_handle(pair.handle, &device_[number]) != AOTI_TORCH_SUCCESS) {
    return fail_shim(pair.name);
  }
  given_[number] = true;
  return AOTI_RUNTIME_SUCCESS;
}

AOTIRuntimeError OriginalValues::resolve_tied() {
  for (int32_t i = 0; i < desc_->num_originals; ++i) {
    const AotiOriginalDesc &original = desc_->originals[i];
    if (original.same_as < 0 || !given_[i]) continue;
    const int32_t owner = original.same_as;
    if (!given_[owner]) {
      if (aoti_torch_new_tensor_handle(handles_[i], &handles_[owner]) != AOTI_TORCH_SUCCESS) {
        return fail_shim(original.fqn);
      }
      given_[owner] = true;
      continue;
    }
    bool equal = false;
    if (compare(handles_[i], handles_[owner], original.dtype, &equal) != AOTI_RUNTIME_SUCCESS) {
      return AOTI_RUNTIME_FAILURE;
    }
    if (!equal) {
      return fail(
          "constants '%s' and '%s' are one tensor in the model (tied), but their new values differ; give "
          "equal "
          "values, or one of the two",
          desc_->originals[owner].fqn, original.fqn);
    }
  }
  return AOTI_RUNTIME_SUCCESS;
}

AOTIRuntimeError OriginalValues::check_complete() const {
  for (int32_t i = 0; i < desc_->num_originals; ++i) {
    const AotiOriginalDesc &original = desc_->originals[i];
    const bool has = given_[i] || (original.same_as >= 0 && given_[original.same_as]);
    if (has || original.kind == AOTI_CONSTANT_TENSOR || !is_used(*desc_, i)) continue;
    return fail(
        "constant '%s' is missing from what should be a full update; give all of the model's constants, or "
        "do "
        "not ask for a full update",
        original.fqn);
  }
  return AOTI_RUNTIME_SUCCESS;
}

AOTIRuntimeError original_value(const AotiModelDesc &desc, const ConstantSet &set, int32_t number,
                                bool *ret_known, AtenTensorHandle *ret_value) {
  *ret_known = false;
  if (desc.originals[number].same_as >= 0) number = desc.originals[number].same_as;
  for (int32_t i = 0; i < desc.num_constants; ++i) {
    if (!is_plain(desc.recipes[i], number)) continue;
    *ret_known = true;
    return view_stored(desc, set, i, number, ret_value);
  }
  for (int32_t i = 0; i < desc.num_constants && !*ret_known; ++i) {
    const AotiRecipe &recipe = desc.recipes[i];
    if (!recipe_uses(recipe, number) || !recipe_is_moves(recipe)) continue;
    AtenTensorHandle stored = nullptr;
    if (set_elements(desc, set, i, &stored) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
    RAIIAtenTensorHandle owner(stored);
    AtenTensorHandle host = nullptr;
    if (on_host(stored, &host) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
    RAIIAtenTensorHandle host_owner(host);
    if (recipe_recover(desc, desc.constants[i], recipe, number, host, ret_known, ret_value) !=
        AOTI_RUNTIME_SUCCESS) {
      return AOTI_RUNTIME_FAILURE;
    }
  }
  return AOTI_RUNTIME_SUCCESS;
}

int64_t original_numel(const AotiOriginalDesc &original) {
  int64_t numel = 1;
  for (int32_t d = 0; d < original.ndim; ++d) numel *= original.sizes[d];
  return numel;
}

}  // namespace aoti_model
