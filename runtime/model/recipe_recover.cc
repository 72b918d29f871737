#include "runtime/model/recipe_recover.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/model/error.h"
#include "runtime/model/recipe.h"
#include "runtime/model/tensor_ops.h"

namespace aoti_model {
namespace {

AOTIRuntimeError number_elements(const AotiOriginalDesc &original, bool counts, AtenTensorHandle *ret) {
  AtenTensorHandle made = nullptr;
  TensorFacts facts{};
  if (make_contiguous(original.ndim, original.sizes, AOTI_DTYPE_INT64, &made) != AOTI_RUNTIME_SUCCESS) {
    return AOTI_RUNTIME_FAILURE;
  }
  RAIIAtenTensorHandle owner(made);
  if (facts_of(made, &facts) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  int64_t *numbers = reinterpret_cast<int64_t *>(facts.data);
  for (int64_t i = 0; i < facts.numel; ++i) numbers[i] = counts ? i + 1 : 0;
  *ret = owner.release();
  return AOTI_RUNTIME_SUCCESS;
}

// Copies the elements that the map names; gives how many different ones there were.
int64_t scatter(const int64_t *map, int64_t count, const char *from, char *to, int64_t limit, size_t bytes,
                uint8_t *seen) {
  int64_t found = 0;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t element = map[i] - 1;
    if (element < 0 || element >= limit) continue;
    found += seen[element] == 0;
    seen[element] = 1;
    memcpy(to + static_cast<size_t>(element) * bytes, from + static_cast<size_t>(i) * bytes, bytes);
  }
  return found;
}

}  // namespace

NumberedOriginals::~NumberedOriginals() {
  for (int32_t i = 0; i < count_; ++i) {
    if (tensors_[i] != nullptr) aoti_torch_delete_tensor_object(tensors_[i]);
  }
  free(tensors_);
}

AOTIRuntimeError NumberedOriginals::init(const AotiModelDesc &desc, const AotiRecipe &recipe,
                                         int32_t number) {
  const size_t count = static_cast<size_t>(desc.num_originals) + 1;
  tensors_ = static_cast<AtenTensorHandle *>(calloc(count, sizeof(AtenTensorHandle)));
  if (tensors_ == nullptr) return fail_memory("a recipe", static_cast<int64_t>(count * 8));
  count_ = desc.num_originals;
  for (int32_t i = 0; i < count_; ++i) {
    if (!recipe_uses(recipe, i)) continue;
    if (number_elements(desc.originals[i], i == number, &tensors_[i]) != AOTI_RUNTIME_SUCCESS) {
      return AOTI_RUNTIME_FAILURE;
    }
  }
  return AOTI_RUNTIME_SUCCESS;
}

AOTIRuntimeError scatter_back(const AotiOriginalDesc &original, const AotiConstantDesc &constant,
                              AtenTensorHandle map, AtenTensorHandle stored, bool *ret_whole,
                              AtenTensorHandle *ret_value) {
  *ret_whole = false;
  TensorFacts places{}, from{}, to{};
  AtenTensorHandle made = nullptr;
  if (facts_of(map, &places) != AOTI_RUNTIME_SUCCESS || facts_of(stored, &from) != AOTI_RUNTIME_SUCCESS ||
      make_contiguous(original.ndim, original.sizes, from.dtype, &made) != AOTI_RUNTIME_SUCCESS) {
    return AOTI_RUNTIME_FAILURE;
  }
  RAIIAtenTensorHandle owner(made);
  if (facts_of(made, &to) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  if (places.numel != from.numel) {
    return fail("constant '%s' has %lld elements, its recipe makes %lld", constant.name,
                (long long)from.numel, (long long)places.numel);
  }
  uint8_t *seen = static_cast<uint8_t *>(calloc(static_cast<size_t>(to.numel) + 1, 1));
  if (seen == nullptr) return fail_memory("a constant to read back", to.numel);
  const int64_t found = scatter(reinterpret_cast<const int64_t *>(places.data), places.numel, from.data,
                                to.data, to.numel, aoti_torch_dtype_element_size(from.dtype), seen);
  free(seen);
  if (found != to.numel) return AOTI_RUNTIME_SUCCESS;
  if (as_contiguous(made, original.dtype, ret_value) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  *ret_whole = true;
  return AOTI_RUNTIME_SUCCESS;
}

}  // namespace aoti_model
