#include "runtime/model/recipe.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/model/error.h"
#include "runtime/model/recipe_math.h"
#include "runtime/model/recipe_recover.h"
#include "runtime/model/tensor_ops.h"

namespace aoti_model {
namespace {

// Words of one instruction with its operands; 0 where it is none, or where it would end after `left` words.
int64_t instruction_words(const int64_t *word, int64_t left) {
  int64_t words = 0;
  switch (word[0]) {
    case AOTI_RECIPE_SOURCE:
    case AOTI_RECIPE_CAST:
    case AOTI_RECIPE_SCALAR:
    case AOTI_RECIPE_UNARY:
    case AOTI_RECIPE_BINARY:
      words = 2;
      break;
    case AOTI_RECIPE_PAD:
    case AOTI_RECIPE_CAT:
      words = 3;
      break;
    case AOTI_RECIPE_VIEW:
      if (left < 2 || word[1] < 0 || word[1] > kMaxTensorRank) return 0;
      words = 3 + 2 * word[1];
      break;
    default:
      return 0;
  }
  return words <= left ? words : 0;
}

// The values of a recipe under evaluation. Owns them.
class Stack {
 public:
  Stack() = default;
  Stack(const Stack &) = delete;
  Stack &operator=(const Stack &) = delete;
  ~Stack() {
    while (depth_ > 0) aoti_torch_delete_tensor_object(items_[--depth_]);
    free(items_);
  }

  // No recipe of this many words needs more values.
  bool init(int64_t num_words) {
    items_ =
        static_cast<AtenTensorHandle *>(calloc(static_cast<size_t>(num_words) + 1, sizeof(AtenTensorHandle)));
    return items_ != nullptr;
  }
  int64_t depth() const { return depth_; }
  AtenTensorHandle from_top(int64_t n) const { return items_[depth_ - 1 - n]; }
  void push(AtenTensorHandle value) { items_[depth_++] = value; }
  AtenTensorHandle pop() { return items_[--depth_]; }
  // Puts `value` in the place of the top `count`.
  void replace(int64_t count, AtenTensorHandle value) {
    while (count-- > 0) aoti_torch_delete_tensor_object(pop());
    push(value);
  }

 private:
  AtenTensorHandle *items_ = nullptr;
  int64_t depth_ = 0;
};

struct Machine {
  const AtenTensorHandle *originals;
  Stack *stack;
  bool keeps_dtype;  // CAST does nothing: the values are numbers of elements
};

AOTIRuntimeError contiguous_top(Stack *stack, RAIIAtenTensorHandle *ret) {
  AtenTensorHandle handle = nullptr;
  int32_t dtype = 0;
  if (aoti_torch_get_dtype(stack->from_top(0), &dtype) != AOTI_TORCH_SUCCESS) return fail_shim("a value");
  if (as_contiguous(stack->from_top(0), dtype, &handle) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  *ret = RAIIAtenTensorHandle(handle);
  return AOTI_RUNTIME_SUCCESS;
}

AOTIRuntimeError do_view(Stack *stack, const int64_t *word) {
  const int64_t rank = word[1];
  RAIIAtenTensorHandle top;
  AtenTensorHandle result = nullptr;
  if (contiguous_top(stack, &top) != AOTI_RUNTIME_SUCCESS ||
      view_of(top, rank, word + 2, word + 2 + rank, word[2 + 2 * rank], &result) != AOTI_RUNTIME_SUCCESS) {
    return AOTI_RUNTIME_FAILURE;
  }
  stack->replace(1, result);
  return AOTI_RUNTIME_SUCCESS;
}

// Copies `part` into `whole` (contiguous) from index `start` of dimension `dim` on.
AOTIRuntimeError place(AtenTensorHandle whole, AtenTensorHandle part, int64_t dim, int64_t start) {
  TensorFacts outer{}, inner{};
  AtenTensorHandle target = nullptr;
  if (facts_of(whole, &outer) != AOTI_RUNTIME_SUCCESS || facts_of(part, &inner) != AOTI_RUNTIME_SUCCESS ||
      view_of(whole, inner.ndim, inner.sizes, outer.strides,
              inner.numel == 0 ? 0 : start * outer.strides[dim], &target) != AOTI_RUNTIME_SUCCESS) {
    return AOTI_RUNTIME_FAILURE;
  }
  RAIIAtenTensorHandle owner(target);
  return aoti_torch_copy_(target, part, 0) == AOTI_TORCH_SUCCESS ? AOTI_RUNTIME_SUCCESS
                                                                 : fail_shim("a part of a constant");
}

AOTIRuntimeError do_pad(Stack *stack, int64_t dim, int64_t size) {
  TensorFacts facts{};
  int64_t sizes[kMaxTensorRank];
  AtenTensorHandle result = nullptr;
  if (facts_of(stack->from_top(0), &facts) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  if (dim < 0 || dim >= facts.ndim || size < facts.sizes[dim]) {
    return fail("dimension %lld padded to %lld", (long long)dim, (long long)size);
  }
  memcpy(sizes, facts.sizes, sizeof(int64_t) * static_cast<size_t>(facts.ndim));
  sizes[dim] = size;
  if (make_contiguous(facts.ndim, sizes, facts.dtype, &result) != AOTI_RUNTIME_SUCCESS) {
    return AOTI_RUNTIME_FAILURE;
  }
  RAIIAtenTensorHandle owner(result);
  if (aoti_torch_zero_(result) != AOTI_TORCH_SUCCESS) return fail_shim("a padded constant");
  if (place(result, stack->from_top(0), dim, 0) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  stack->replace(1, owner.release());
  return AOTI_RUNTIME_SUCCESS;
}

AOTIRuntimeError do_cat(Stack *stack, int64_t count, int64_t dim) {
  TensorFacts first{}, part{};
  int64_t sizes[kMaxTensorRank], total = 0;
  if (count < 1 || count > stack->depth()) return fail("%lld parts to join", (long long)count);
  if (facts_of(stack->from_top(count - 1), &first) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  if (dim < 0 || dim >= first.ndim) return fail("parts joined along dimension %lld", (long long)dim);
  for (int64_t n = count - 1; n >= 0; --n) {
    if (facts_of(stack->from_top(n), &part) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
    bool fits = part.ndim == first.ndim && part.dtype == first.dtype;
    for (int64_t d = 0; d < first.ndim && fits; ++d) fits = d == dim || part.sizes[d] == first.sizes[d];
    if (!fits) return fail("parts of different sizes to join");
    total += part.sizes[dim];
  }
  memcpy(sizes, first.sizes, sizeof(int64_t) * static_cast<size_t>(first.ndim));
  sizes[dim] = total;
  AtenTensorHandle result = nullptr;
  if (make_contiguous(first.ndim, sizes, first.dtype, &result) != AOTI_RUNTIME_SUCCESS) {
    return AOTI_RUNTIME_FAILURE;
  }
  RAIIAtenTensorHandle owner(result);
  int64_t start = 0;
  for (int64_t n = count - 1; n >= 0; --n) {
    if (facts_of(stack->from_top(n), &part) != AOTI_RUNTIME_SUCCESS ||
        place(result, stack->from_top(n), dim, start) != AOTI_RUNTIME_SUCCESS) {
      return AOTI_RUNTIME_FAILURE;
    }
    start += part.sizes[dim];
  }
  stack->replace(count, owner.release());
  return AOTI_RUNTIME_SUCCESS;
}

AOTIRuntimeError do_cast(Machine *m, int32_t dtype) {
  if (m->keeps_dtype) return AOTI_RUNTIME_SUCCESS;
  AtenTensorHandle result = nullptr;
  if (as_contiguous(m->stack->from_top(0), dtype, &result) != AOTI_RUNTIME_SUCCESS) {
    return AOTI_RUNTIME_FAILURE;
  }
  m->stack->replace(1, result);
  return AOTI_RUNTIME_SUCCESS;
}

AOTIRuntimeError push_source(Machine *m, int64_t number) {
  AtenTensorHandle handle = nullptr;
  if (m->originals[number] == nullptr) return fail("original %lld has no value", (long long)number);
  if (aoti_torch_new_tensor_handle(m->originals[number], &handle) != AOTI_TORCH_SUCCESS) {
    return fail_shim("a value");
  }
  m->stack->push(handle);
  return AOTI_RUNTIME_SUCCESS;
}

AOTIRuntimeError do_math(Machine *m, const int64_t *word) {
  Stack *stack = m->stack;
  AtenTensorHandle result = nullptr;
  if (word[0] == AOTI_RECIPE_SCALAR) {
    double value = 0;
    memcpy(&value, &word[1], sizeof value);
    if (aoti_torch_scalar_to_tensor_float64(value, &result) != AOTI_TORCH_SUCCESS)
      return fail_shim("a number");
    stack->push(result);
    return AOTI_RUNTIME_SUCCESS;
  }
  const int64_t count = word[0] == AOTI_RECIPE_UNARY ? 1 : 2;
  if (stack->depth() < count) return fail("a calculation with %lld operands", (long long)stack->depth());
  const AOTIRuntimeError status = count == 1
                                      ? unary(word[1], stack->from_top(0), &result)
                                      : binary(word[1], stack->from_top(1), stack->from_top(0), &result);
  if (status == AOTI_RUNTIME_SUCCESS) stack->replace(count, result);
  return status;
}

AOTIRuntimeError execute(Machine *m, const int64_t *word) {
  if (word[0] == AOTI_RECIPE_SOURCE) return push_source(m, word[1]);
  if (word[0] == AOTI_RECIPE_CAT) return do_cat(m->stack, word[1], word[2]);
  if (word[0] == AOTI_RECIPE_SCALAR) return do_math(m, word);
  if (m->stack->depth() < 1) return fail("an operation without a value");
  switch (word[0]) {
    case AOTI_RECIPE_VIEW:
      return do_view(m->stack, word);
    case AOTI_RECIPE_PAD:
      return do_pad(m->stack, word[1], word[2]);
    case AOTI_RECIPE_CAST:
      return do_cast(m, static_cast<int32_t>(word[1]));
    default:
      return do_math(m, word);
  }
}

AOTIRuntimeError evaluate(const AotiRecipe &recipe, const AtenTensorHandle *originals, bool keeps_dtype,
                          AtenTensorHandle *ret_value) {
  Stack stack;
  if (!stack.init(recipe.num_words)) return fail_memory("a recipe", recipe.num_words * 8);
  Machine machine{originals, &stack, keeps_dtype};
  for (int64_t at = 0; at < recipe.num_words;) {
    const int64_t words = instruction_words(recipe.words + at, recipe.num_words - at);
    if (words == 0) return fail("word %lld is no operation", (long long)at);
    if (execute(&machine, recipe.words + at) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
    at += words;
  }
  if (stack.depth() != 1) return fail("%lld values are left", (long long)stack.depth());
  *ret_value = stack.pop();
  return AOTI_RUNTIME_SUCCESS;
}

// Calls visit(word) for each instruction until it says true; gives whether it did.
template <class Visit>
bool any_instruction(const AotiRecipe &recipe, Visit visit) {
  for (int64_t at = 0; at < recipe.num_words;) {
    const int64_t words = instruction_words(recipe.words + at, recipe.num_words - at);
    if (words == 0) return false;
    if (visit(recipe.words + at)) return true;
    at += words;
  }
  return false;
}

}  // namespace

bool recipe_is_moves(const AotiRecipe &recipe) {
  return recipe.words != nullptr && !any_instruction(recipe, [](const int64_t *word) {
           return word[0] == AOTI_RECIPE_SCALAR || word[0] == AOTI_RECIPE_UNARY ||
                  word[0] == AOTI_RECIPE_BINARY;
         });
}

bool recipe_sources_below(const AotiRecipe &recipe, int32_t num_originals) {
  for (int32_t i = 0; i < recipe.num_sources; ++i) {
    if (recipe.sources[i] < 0 || recipe.sources[i] >= num_originals) return false;
  }
  if (recipe.words == nullptr) return true;
  for (int64_t at = 0; at < recipe.num_words;) {
    const int64_t *word = recipe.words + at;
    const int64_t words = instruction_words(word, recipe.num_words - at);
    if (words == 0 || (word[0] == AOTI_RECIPE_SOURCE && (word[1] < 0 || word[1] >= num_originals)))
      return false;
    at += words;
  }
  return true;
}

bool recipe_uses(const AotiRecipe &recipe, int32_t original) {
  for (int32_t i = 0; i < recipe.num_sources; ++i) {
    if (recipe.sources[i] == original) return true;
  }
  return any_instruction(recipe, [original](const int64_t *word) {
    return word[0] == AOTI_RECIPE_SOURCE && word[1] == original;
  });
}

AOTIRuntimeError recipe_evaluate(const char *name, const AotiRecipe &recipe,
                                 const AtenTensorHandle *originals, AtenTensorHandle *ret_value) {
  if (evaluate(recipe, originals, false, ret_value) == AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_SUCCESS;
  char why[512];
  Text text{why, sizeof why, 0};
  append(&text, "%s", last_error());
  return fail("constant '%s' could not be made of its new values: %s", name, why);
}

AOTIRuntimeError recipe_recover(const AotiModelDesc &desc, const AotiConstantDesc &constant,
                                const AotiRecipe &recipe, int32_t number, AtenTensorHandle stored,
                                bool *ret_whole, AtenTensorHandle *ret_value) {
  *ret_whole = false;
  NumberedOriginals numbered;
  AtenTensorHandle map = nullptr, flat = nullptr;
  if (numbered.init(desc, recipe, number) != AOTI_RUNTIME_SUCCESS ||
      evaluate(recipe, numbered.tensors(), true, &map) != AOTI_RUNTIME_SUCCESS) {
    return AOTI_RUNTIME_FAILURE;
  }
  RAIIAtenTensorHandle map_owner(map);
  if (as_contiguous(map, AOTI_DTYPE_INT64, &flat) != AOTI_RUNTIME_SUCCESS) return AOTI_RUNTIME_FAILURE;
  RAIIAtenTensorHandle flat_owner(flat);
  return scatter_back(desc.originals[number], constant, flat, stored, ret_whole, ret_value);
}

}  // namespace aoti_model
