// Checks the tables that generated code was linked with, once for each container.
#ifndef RUNTIME_MODEL_DESC_CHECK_H_
#define RUNTIME_MODEL_DESC_CHECK_H_

#include "aoti/model_desc.h"

namespace aoti_model {

// All invariants of aoti/model_desc.h, and that the shim's numbers for dtypes and devices are those in the
// tables.
AOTIRuntimeError check_desc(const AotiModelDesc &desc);

}  // namespace aoti_model

#endif  // RUNTIME_MODEL_DESC_CHECK_H_
