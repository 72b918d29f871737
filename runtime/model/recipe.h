// Makes a stored constant from the model's own parameters and buffers, as its recipe (aoti/weights_desc.h)
// says.
//
// Works on tensors of whatever shim the library is bound to. A recipe is the compiler's, but is checked all
// the same: depth of the stack, ranks, sizes, bounds of views.
#ifndef RUNTIME_MODEL_RECIPE_H_
#define RUNTIME_MODEL_RECIPE_H_

#include "aoti/model_desc.h"

namespace aoti_model {

// Whether the stored elements are those of originals, moved and perhaps of a wider dtype, and zeros: then an
// original can be had back from them.
bool recipe_is_moves(const AotiRecipe &recipe);

// Whether its words are whole instructions and it names only originals below `num_originals`.
bool recipe_sources_below(const AotiRecipe &recipe, int32_t num_originals);

// Whether `recipe` uses original `original`.
bool recipe_uses(const AotiRecipe &recipe, int32_t original);

// The value that `originals` [by number; only those used need be there] give; any strides. The caller owns
// it. Fails for a broken recipe and for want of memory; `name` is for the message.
AOTIRuntimeError recipe_evaluate(const char *name, const AotiRecipe &recipe,
                                 const AtenTensorHandle *originals, AtenTensorHandle *ret_value);

// The value of original `number` from the stored elements of a constant with a recipe of moves. False in
// *ret_whole when they do not hold all of it (then *ret_value stays null). `stored` is contiguous.
AOTIRuntimeError recipe_recover(const AotiModelDesc &desc, const AotiConstantDesc &constant,
                                const AotiRecipe &recipe, int32_t number, AtenTensorHandle stored,
                                bool *ret_whole, AtenTensorHandle *ret_value);

}  // namespace aoti_model

#endif  // RUNTIME_MODEL_RECIPE_H_
