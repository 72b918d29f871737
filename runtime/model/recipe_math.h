// The arithmetic of recipes, in float64 with PyTorch's broadcasting.
#ifndef RUNTIME_MODEL_RECIPE_MATH_H_
#define RUNTIME_MODEL_RECIPE_MATH_H_

#include "aoti/model_desc.h"

namespace aoti_model {

// `op` is an AotiRecipeUnary. The caller owns the float64 result.
AOTIRuntimeError unary(int64_t op, AtenTensorHandle value, AtenTensorHandle *ret);

// `op` is an AotiRecipeBinary.
AOTIRuntimeError binary(int64_t op, AtenTensorHandle left, AtenTensorHandle right, AtenTensorHandle *ret);

}  // namespace aoti_model

#endif  // RUNTIME_MODEL_RECIPE_MATH_H_
