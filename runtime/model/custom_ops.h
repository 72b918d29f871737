// Custom operators of a model: the kernels that were linked in, matched with what the generated code calls.
#ifndef RUNTIME_MODEL_CUSTOM_OPS_H_
#define RUNTIME_MODEL_CUSTOM_OPS_H_

#include "aoti/custom_op.h"
#include "aoti/model_desc.h"

namespace aoti_model {

// Finds the kernel of every operator of the model; *ret_kernels has [num_ops] of them and is the caller's
// (free). Fails naming all operators that have none, and those whose kernel was registered with another
// schema.
AOTIRuntimeError resolve_ops(const AotiModelDesc &desc, AotiOpKernel **ret_kernels);

// Whether two schemas are equal but for spaces.
bool same_schema(const char *a, const char *b);

}  // namespace aoti_model

#endif  // RUNTIME_MODEL_CUSTOM_OPS_H_
