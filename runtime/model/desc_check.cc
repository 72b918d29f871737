#include "runtime/model/desc_check.h"

#include <string.h>

#include "runtime/model/error.h"
#include "runtime/model/recipe.h"

namespace aoti_model {
namespace {

constexpr int32_t kMaxRank = 64;

AOTIRuntimeError check_version(const AotiModelDesc &desc) {
  if (desc.abi_version == AOTI_MODEL_ABI_VERSION && desc.struct_size == sizeof(AotiModelDesc)) {
    return AOTI_RUNTIME_SUCCESS;
  }
  return fail(
      "the generated code has version %u of the model tables (%u bytes), the runtime it is linked with has "
      "version %u (%zu bytes); compile the model again with the compiler of the same release as the runtime",
      desc.abi_version, desc.struct_size, AOTI_MODEL_ABI_VERSION, sizeof(AotiModelDesc));
}

AOTIRuntimeError check_counts(const AotiModelDesc &desc) {
  const struct {
    const char *name;
    int32_t count;
    const void *array;
  } fields[] = {
      {"inputs", desc.num_inputs, desc.inputs},          {"outputs", desc.num_outputs, desc.outputs},
      {"constants", desc.num_constants, desc.constants}, {"recipes", desc.num_constants, desc.recipes},
      {"originals", desc.num_originals, desc.originals}, {"isa", desc.num_isa, desc.isa},
      {"custom operators", desc.num_ops, desc.ops}};
  for (const auto &field : fields) {
    if (field.count < 0 || (field.count > 0 && field.array == nullptr)) {
      return fail("the model's table has %d %s and %s array for them", field.count, field.name,
                  field.array == nullptr ? "no" : "an");
    }
  }
  if (desc.num_symbols < 0) return fail("the model's table has %d symbols", desc.num_symbols);
  if (desc.num_isa == 0 && desc.cuda == nullptr) {
    return fail("the model's table has no kernels: its isa array is empty");
  }
  if (desc.name == nullptr || desc.run == nullptr || desc.in_spec == nullptr || desc.out_spec == nullptr) {
    return fail("the model's table lacks a name, a run function or a call spec");
  }
  if (desc.scratch_bytes_per_thread < 0 || desc.weights_bytes < 0 ||
      (desc.arena_bytes_for == nullptr && desc.arena_bytes < 0)) {
    return fail("the model's table has a negative size: arena %lld, scratch %lld, weights %lld bytes",
                (long long)desc.arena_bytes, (long long)desc.scratch_bytes_per_thread,
                (long long)desc.weights_bytes);
  }
  return AOTI_RUNTIME_SUCCESS;
}

AOTIRuntimeError check_tensor_desc(const AotiModelDesc &desc, const AotiTensorDesc &tensor, const char *what,
                                   int32_t index) {
  if (tensor.name == nullptr || tensor.ndim < 0 || tensor.ndim > kMaxRank ||
      (tensor.ndim > 0 && tensor.dims == nullptr)) {
    return fail("the model's table of %s number %d is broken: rank %d", what, index, tensor.ndim);
  }
  const bool is_none = tensor.dtype == AOTI_OUTPUT_NONE && tensor.ndim == 0 && what[0] == 'o';
  if (!is_none && aoti_torch_dtype_element_size(tensor.dtype) == 0) {
    return fail("the model's table gives %s '%s' dtype number %d, which the shim does not know", what,
                tensor.name, tensor.dtype);
  }
  for (int32_t i = 0; i < tensor.ndim; ++i) {
    const AotiDimDesc &dim = tensor.dims[i];
    if (dim.symbol < -1 || dim.symbol >= desc.num_symbols || dim.multiple_of < 1 || dim.lo < 0 ||
        dim.lo > dim.hi) {
      return fail(
          "the model's table of %s '%s' is broken at dimension %d: %lld to %lld, multiple of %lld, symbol %d "
          "of %d",
          what, tensor.name, i, (long long)dim.lo, (long long)dim.hi, (long long)dim.multiple_of, dim.symbol,
          desc.num_symbols);
    }
  }
  return AOTI_RUNTIME_SUCCESS;
}

AOTIRuntimeError check_size_tables(const AotiModelDesc &desc) {
  if (desc.num_named_symbols < 0 || desc.num_named_symbols > desc.num_symbols || desc.num_size_checks < 0 ||
      (desc.num_named_symbols > 0 && desc.symbols == nullptr) ||
      (desc.num_size_checks > 0 && (desc.size_checks == nullptr || desc.size_check_value == nullptr))) {
    return fail("the model's table of sizes is broken: %d named of %d symbols, %d checks",
                desc.num_named_symbols, desc.num_symbols, desc.num_size_checks);
  }
  for (int32_t i = 0; i < desc.num_size_checks; ++i) {
    const AotiSizeCheck &check = desc.size_checks[i];
    const bool of_input = check.kind == AOTI_CHECK_SIZE || check.kind == AOTI_CHECK_STRIDE;
    const bool inside = of_input && check.input >= 0 && check.input < desc.num_inputs && check.dim >= 0 &&
                        check.dim < desc.inputs[check.input].ndim;
    if (check.text == nullptr || (of_input ? !inside : check.kind != AOTI_CHECK_CONDITION)) {
      return fail("the model's table of sizes is broken at check %d: kind %d of dimension %d of input %d", i,
                  check.kind, check.dim, check.input);
    }
  }
  return AOTI_RUNTIME_SUCCESS;
}

AOTIRuntimeError check_constant_desc(const AotiModelDesc &desc, const AotiConstantDesc &constant,
                                     int32_t index) {
  if (constant.name == nullptr || constant.original_fqn == nullptr || constant.ndim < 0 ||
      constant.ndim > kMaxRank || (constant.ndim > 0 && constant.sizes == nullptr) ||
      aoti_torch_dtype_element_size(constant.dtype) == 0) {
    return fail("the model's table of constant number %d is broken: rank %d, dtype %d", index, constant.ndim,
                constant.dtype);
  }
  if (constant.is_mutated != 0 && constant.packing != AOTI_PACKING_PLAIN) {
    return fail("the model's table says of constant '%s' that runs change it and that it is packed",
                constant.name);
  }
  if (constant.device_type != AOTI_DEVICE_CPU &&
      (constant.device_type != AOTI_DEVICE_CUDA || desc.cuda == nullptr)) {
    return fail("constant '%s' belongs on device type %d, which this model does not run on", constant.name,
                constant.device_type);
  }
  const int64_t offset = constant.offset_bytes, bytes = constant.size_bytes;
  if (offset < 0 || bytes < 0 || offset % AOTI_ALIGNMENT != 0 || offset > desc.weights_bytes ||
      bytes > desc.weights_bytes - offset) {
    return fail(
        "constant '%s' is at bytes %lld to %lld of %lld bytes of weights; expected a multiple of %d that "
        "lies "
        "inside",
        constant.name, (long long)offset, (long long)(offset + bytes), (long long)desc.weights_bytes,
        AOTI_ALIGNMENT);
  }
  return AOTI_RUNTIME_SUCCESS;
}

AOTIRuntimeError check_original(const AotiModelDesc &desc, int32_t index) {
  const AotiOriginalDesc &original = desc.originals[index];
  bool whole = original.name != nullptr && original.fqn != nullptr && original.ndim >= 0 &&
               original.ndim <= kMaxRank && (original.ndim == 0 || original.sizes != nullptr) &&
               aoti_torch_dtype_element_size(original.dtype) != 0 && original.same_as < index;
  for (int32_t d = 0; d < original.ndim && whole; ++d) whole = original.sizes[d] >= 0;
  if (whole) return AOTI_RUNTIME_SUCCESS;
  return fail("the model's table of parameters is broken at number %d: rank %d, dtype %d, same as %d", index,
              original.ndim, original.dtype, original.same_as);
}

AOTIRuntimeError check_recipe(const AotiModelDesc &desc, int32_t index) {
  const AotiRecipe &recipe = desc.recipes[index];
  bool whole = recipe.num_words >= 0 && recipe.num_sources >= 0 &&
               (recipe.num_sources == 0 || recipe.sources != nullptr) &&
               recipe_sources_below(recipe, desc.num_originals);
  if (whole) return AOTI_RUNTIME_SUCCESS;
  return fail("the recipe of constant '%s' is broken, or names more than the model's %d parameters",
              desc.constants[index].name, desc.num_originals);
}

AOTIRuntimeError check_weights(const AotiModelDesc &desc) {
  if (desc.weights_bytes > 0 && (desc.weights == nullptr) == (desc.weights_file == nullptr)) {
    return fail("the model's table has %lld bytes of weights %s", (long long)desc.weights_bytes,
                desc.weights == nullptr ? "but neither their address nor the name of their file"
                                        : "both in the library and in a file");
  }
  if ((reinterpret_cast<uintptr_t>(desc.weights) & (AOTI_ALIGNMENT - 1)) != 0) {
    return fail("the model's weights are at %p; expected a multiple of %d",
                static_cast<const void *>(desc.weights), AOTI_ALIGNMENT);
  }
  if (desc.weights_file != nullptr &&
      (desc.weights_file[0] == '\0' || strchr(desc.weights_file, '/') != nullptr)) {
    return fail("the model's weights file is named \"%s\"; expected a name without a directory",
                desc.weights_file);
  }
  return AOTI_RUNTIME_SUCCESS;
}

AOTIRuntimeError check_shim_numbers() {
  const struct {
    const char *name;
    int32_t table, shim;
  } numbers[] = {{"float32", AOTI_DTYPE_FLOAT32, aoti_torch_dtype_float32()},
                 {"int64", AOTI_DTYPE_INT64, aoti_torch_dtype_int64()},
                 {"bool", AOTI_DTYPE_BOOL, aoti_torch_dtype_bool()},
                 {"bfloat16", AOTI_DTYPE_BFLOAT16, aoti_torch_dtype_bfloat16()},
                 {"the cpu", AOTI_DEVICE_CPU, aoti_torch_device_type_cpu()},
                 {"cuda", AOTI_DEVICE_CUDA, aoti_torch_device_type_cuda()}};
  for (const auto &n : numbers) {
    if (n.table == n.shim) continue;
    return fail(
        "the number of %s is %d in the model's tables and %d in the libtorch of this process; the model was "
        "compiled for another version of PyTorch: compile it again against the one that runs it",
        n.name, n.table, n.shim);
  }
  return AOTI_RUNTIME_SUCCESS;
}

}  // namespace

AOTIRuntimeError check_desc(const AotiModelDesc &desc) {
  if (check_version(desc) != AOTI_RUNTIME_SUCCESS || check_counts(desc) != AOTI_RUNTIME_SUCCESS ||
      check_shim_numbers() != AOTI_RUNTIME_SUCCESS || check_weights(desc) != AOTI_RUNTIME_SUCCESS) {
    return AOTI_RUNTIME_FAILURE;
  }
  for (int32_t i = 0; i < desc.num_inputs; ++i) {
    if (check_tensor_desc(desc, desc.inputs[i], "input", i) != AOTI_RUNTIME_SUCCESS)
      return AOTI_RUNTIME_FAILURE;
  }
  for (int32_t i = 0; i < desc.num_outputs; ++i) {
    if (check_tensor_desc(desc, desc.outputs[i], "output", i) != AOTI_RUNTIME_SUCCESS)
      return AOTI_RUNTIME_FAILURE;
  }
  for (int32_t i = 0; i < desc.num_constants; ++i) {
    if (check_constant_desc(desc, desc.constants[i], i) != AOTI_RUNTIME_SUCCESS ||
        check_recipe(desc, i) != AOTI_RUNTIME_SUCCESS) {
      return AOTI_RUNTIME_FAILURE;
    }
  }
  for (int32_t i = 0; i < desc.num_originals; ++i) {
    if (check_original(desc, i) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  }
  return check_size_tables(desc);
}

}  // namespace aoti_model
