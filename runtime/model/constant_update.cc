#include "runtime/model/constant_update.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/model/error.h"
#include "runtime/model/names.h"
#include "runtime/model/original_values.h"
#include "runtime/model/recipe.h"
#include "runtime/model/tensor_ops.h"

namespace aoti_model {
namespace {

struct Update {
  const AotiModelDesc &desc;
  const ConstantSet &base;
  UpdateOptions options;
  OriginalValues values;
};

// "conv.bias, bn.weight": the sources of a recipe that have no value, and those that could not be had back.
void append_missing(const Update &update, const AotiRecipe &recipe, Text *text) {
  const char *separator = "";
  for (int32_t i = 0; i < update.desc.num_originals; ++i) {
    if (!recipe_uses(recipe, i) || update.values.at(i) != nullptr) continue;
    append(text, "%s'%s'", separator, update.desc.originals[i].fqn);
    separator = ", ";
  }
}

AOTIRuntimeError fail_partial(const Update &update, const AotiRecipe &recipe, int32_t given) {
  char buffer[1024] = "";
  Text text{buffer, sizeof buffer, 0};
  append_missing(update, recipe, &text);
  return fail(
      "new value of constant '%s': the compiler folded it together with others into one, so they are "
      "replaced "
      "together; give %s in the same update",
      update.desc.originals[given].fqn, buffer);
}

// The sources of `recipe` that the caller left out, from what the base set stores.
AOTIRuntimeError complete_sources(Update *update, const AotiRecipe &recipe, int32_t given) {
  for (int32_t i = 0; i < update->desc.num_originals; ++i) {
    if (!recipe_uses(recipe, i) || update->values.at(i) != nullptr) continue;
    bool known = false;
    AtenTensorHandle value = nullptr;
    if (original_value(update->desc, update->base, i, &known, &value) != AOTI_RUNTIME_SUCCESS) {
      return AOTI_RUNTIME_FAILURE;
    }
    if (!known) return fail_partial(*update, recipe, given);
    update->values.keep(i, value);
  }
  return AOTI_RUNTIME_SUCCESS;
}

// A constant that cannot be made again: right as long as what it was made of is given unchanged.
AOTIRuntimeError check_unchanged(const Update &update, const AotiRecipe &recipe) {
  for (int32_t i = 0; i < update.desc.num_originals; ++i) {
    if (!update.values.is_given(i) || !recipe_uses(recipe, i)) continue;
    const AotiOriginalDesc &original = update.desc.originals[i];
    RAIIAtenTensorHandle flat;
    AtenTensorHandle handle = nullptr;
    TensorFacts facts{};
    if (as_contiguous(update.values.at(i), original.dtype, &handle) != AOTI_RUNTIME_SUCCESS) {
      return AOTI_RUNTIME_FAILURE;
    }
    flat = RAIIAtenTensorHandle(handle);
    if (facts_of(flat, &facts) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
    const uint64_t bytes = static_cast<uint64_t>(facts.numel) * aoti_torch_dtype_element_size(original.dtype);
    if (original.content_hash != 0 && aoti_content_hash(facts.data, bytes) == original.content_hash) continue;
    return fail(
        "new value of constant '%s': the compiler computed with it (%s), and the result is part of the "
        "library; "
        "compile the model again with the new value (the old one is accepted)",
        original.fqn, recipe.reason != nullptr ? recipe.reason : "in a way that is not recorded");
  }
  return AOTI_RUNTIME_SUCCESS;
}

// Whether `value` lies in memory that somebody else may write to.
bool is_borrowed(const Update &update, const AotiRecipe &recipe, const char *value) {
  for (int32_t i = 0; i < update.desc.num_originals; ++i) {
    TensorFacts facts{};
    int64_t bytes = 0;
    if (!recipe_uses(recipe, i) || update.values.at(i) == nullptr) continue;
    if (facts_of(update.values.at(i), &facts) != AOTI_RUNTIME_SUCCESS ||
        aoti_torch_get_storage_size(update.values.at(i), &bytes) != AOTI_TORCH_SUCCESS) {
      return true;
    }
    const char *start =
        facts.data - facts.offset * static_cast<int64_t>(aoti_torch_dtype_element_size(facts.dtype));
    if (value >= start && value < start + bytes) return true;
  }
  return false;
}

// Whether a constant's bytes are never those of an original.
bool is_remade(const AotiConstantDesc &constant, const AotiRecipe &recipe) {
  return recipe.words != nullptr && (constant.packing != AOTI_PACKING_PLAIN || !recipe_is_moves(recipe));
}

// "; 2 of the given constants are packed or computed: 'a', 'b'": one update by copy takes them all.
void append_remade(const Update &update, Text *text) {
  char buffer[3072] = "";
  Text names{buffer, sizeof buffer, 0};
  int32_t count = 0;
  for (int32_t i = 0; i < update.desc.num_originals; ++i) {
    bool remade = false;
    for (int32_t c = 0; c < update.desc.num_constants && update.values.is_given(i) && !remade; ++c) {
      const AotiRecipe &recipe = update.desc.recipes[c];
      remade = is_remade(update.desc.constants[c], recipe) && recipe_uses(recipe, i);
    }
    if (remade) append(&names, "%s'%s'", count++ == 0 ? "" : ", ", update.desc.originals[i].fqn);
  }
  if (count > 1) append(text, "; %d of the given constants are packed or computed: %s", count, buffer);
}

// What keeps the memory of `given` from being used as it is.
AOTIRuntimeError fail_form(const Update &update, int32_t index, int32_t given) {
  const AotiConstantDesc &constant = update.desc.constants[index];
  const AotiRecipe &recipe = update.desc.recipes[index];
  const char *fqn = update.desc.originals[given].fqn;
  const bool remade = is_remade(constant, recipe);
  if (!remade && recipe.num_words == 2) {
    return fail(
        "new value of constant '%s': its memory is not contiguous, as the library reads it; make it "
        "contiguous, or update by copy (AOTInductorModelContainerUpdateConstantBuffer)",
        fqn);
  }
  char buffer[4096] = "";
  Text text{buffer, sizeof buffer, 0};
  append(&text,
         "new value of constant '%s': memory of the caller's cannot be used as it is, because the library "
         "keeps this constant %s (as '%s'); give it by copy "
         "(AOTInductorModelContainerUpdateConstantBuffer, update_constants of AotiModelApi), and the others "
         "after it in a call of their own",
         fqn,
         !recipe_is_moves(recipe) ? "computed from it"
         : remade                 ? "packed for its kernels"
                                  : "in another order or dtype",
         constant.name);
  append_remade(update, &text);
  return fail("%s", buffer);
}

AOTIRuntimeError fail_user_managed(const Update &update, int32_t index, int32_t given) {
  const AotiConstantDesc &constant = update.desc.constants[index];
  int32_t device_type = constant.device_type;
  aoti_torch_get_device_type(update.values.device_at(given), &device_type);
  if (device_type == constant.device_type) return fail_form(update, index, given);
  return fail("new value of constant '%s' is on device %s; expected %s: copy it there first",
              update.desc.originals[given].fqn, device_name(device_type), device_name(constant.device_type));
}

// A copy of `flat` in memory of its own, on the constant's device.
AOTIRuntimeError copy_out(const Update &update, const AotiConstantDesc &constant, AtenTensorHandle flat,
                          RAIIAtenTensorHandle *ret_copy) {
  AtenTensorHandle copy = nullptr, line = nullptr;
  TensorFacts facts{};
  const int64_t stride = 1;
  if (make_stored(constant, update.base.device_index, &copy) != AOTI_RUNTIME_SUCCESS) {
    return AOTI_RUNTIME_FAILURE;
  }
  *ret_copy = RAIIAtenTensorHandle(copy);
  if (facts_of(flat, &facts) != AOTI_RUNTIME_SUCCESS ||
      view_of(flat, 1, &facts.numel, &stride, 0, &line) != AOTI_RUNTIME_SUCCESS) {
    return AOTI_RUNTIME_FAILURE;
  }
  RAIIAtenTensorHandle owner(line);
  return aoti_torch_copy_(copy, line, 0) == AOTI_TORCH_SUCCESS ? AOTI_RUNTIME_SUCCESS
                                                               : fail_shim(constant.name);
}

// The evaluated value as the set stores it: of the constant's dtype and size, in memory of its own on its
// device.
AOTIRuntimeError store(Update *update, int32_t index, int32_t given, AtenTensorHandle value,
                       ConstantSet *target) {
  const AotiConstantDesc &constant = update->desc.constants[index];
  AtenTensorHandle handle = nullptr;
  TensorFacts facts{};
  if (as_contiguous(value, constant.dtype, &handle) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  RAIIAtenTensorHandle flat(handle);
  if (facts_of(flat, &facts) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  if (facts.numel * static_cast<int64_t>(aoti_torch_dtype_element_size(constant.dtype)) !=
      constant.size_bytes) {
    return fail("constant '%s' has %lld bytes, its recipe makes %lld elements: compile the model again",
                constant.name, (long long)constant.size_bytes, (long long)facts.numel);
  }
  const bool borrowed = is_borrowed(*update, update->desc.recipes[index], facts.data);
  const bool elsewhere = constant.device_type != AOTI_DEVICE_CPU;
  if (update->options.user_managed && facts.numel > 0 && (!borrowed || elsewhere)) {
    return fail_user_managed(*update, index, given);
  }
  if ((borrowed && !update->options.user_managed) || elsewhere) {
    RAIIAtenTensorHandle copy;
    if (copy_out(*update, constant, flat, &copy) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
    flat = static_cast<RAIIAtenTensorHandle &&>(copy);
  }
  return set_place(target, index, flat.release());
}

// User-managed memory of a GPU, where the constant is on the same one and stored as it is. False in *ret_done
// where it is not.
AOTIRuntimeError refer_on_device(Update *update, int32_t index, ConstantSet *target, bool *ret_done) {
  const AotiRecipe &recipe = update->desc.recipes[index];
  const AotiConstantDesc &constant = update->desc.constants[index];
  const bool plain = recipe.num_words == 2 && recipe.words[0] == AOTI_RECIPE_SOURCE;
  *ret_done = false;
  if (!plain || !update->options.user_managed || constant.device_type == AOTI_DEVICE_CPU) {
    return AOTI_RUNTIME_SUCCESS;
  }
  AtenTensorHandle value = update->values.device_at(static_cast<int32_t>(recipe.words[1])), handle = nullptr;
  int32_t device_index = -1;
  bool contiguous = false;
  if (value == nullptr) return AOTI_RUNTIME_SUCCESS;
  if (aoti_torch_get_device_index(value, &device_index) != AOTI_TORCH_SUCCESS ||
      aoti_torch_is_contiguous(value, &contiguous) != AOTI_TORCH_SUCCESS) {
    return fail_shim(constant.name);
  }
  if (!contiguous || device_index != update->base.device_index) return AOTI_RUNTIME_SUCCESS;
  if (aoti_torch_new_tensor_handle(value, &handle) != AOTI_TORCH_SUCCESS) return fail_shim(constant.name);
  *ret_done = true;
  return set_place(target, index, handle);
}

// Makes constant `index` again when it depends on what was given.
AOTIRuntimeError remake(Update *update, int32_t index, ConstantSet *target) {
  const AotiRecipe &recipe = update->desc.recipes[index];
  int32_t given = 0;
  while (given < update->desc.num_originals &&
         !(update->values.is_given(given) && recipe_uses(recipe, given))) {
    ++given;
  }
  if (given == update->desc.num_originals) return AOTI_RUNTIME_SUCCESS;
  if (recipe.words == nullptr) return check_unchanged(*update, recipe);
  AtenTensorHandle value = nullptr;
  bool done = false;
  if (refer_on_device(update, index, target, &done) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  if (done) return AOTI_RUNTIME_SUCCESS;
  if (complete_sources(update, recipe, given) != AOTI_RUNTIME_SUCCESS ||
      recipe_evaluate(update->desc.constants[index].name, recipe, update->values.handles(), &value) !=
          AOTI_RUNTIME_SUCCESS) {
    return AOTI_RUNTIME_FAILURE;
  }
  RAIIAtenTensorHandle owner(value);
  return store(update, index, given, value, target);
}

}  // namespace

AOTIRuntimeError update_apply(const AotiModelDesc &desc, const ConstantSet &base,
                              const AOTInductorConstantMapEntry *pairs, size_t num_pairs,
                              UpdateOptions options, ConstantSet *target) {
  Update update{desc, base, options, {}};
  if (update.values.init(desc, pairs, num_pairs) != AOTI_RUNTIME_SUCCESS ||
      (options.validate_full_update && update.values.check_complete() != AOTI_RUNTIME_SUCCESS)) {
    return AOTI_RUNTIME_FAILURE;
  }
  for (int32_t i = 0; i < desc.num_constants; ++i) {
    if (remake(&update, i, target) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  }
  target->is_library = target->is_library && num_pairs == 0;
  return AOTI_RUNTIME_SUCCESS;
}

}  // namespace aoti_model
