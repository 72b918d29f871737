// Runs on tensors that are described by plain numbers (AOTInductorArrayRefTensor).
#ifndef RUNTIME_MODEL_ARRAYREF_H_
#define RUNTIME_MODEL_ARRAYREF_H_

#include "runtime/model/container.h"

namespace aoti_model {

// As AOTInductorModelRunMinimalArrayrefInterfaceV2.
AOTIRuntimeError run_arrayref(Container *container, int32_t num_inputs,
                              const AOTInductorArrayRefTensor *inputs, int32_t num_outputs,
                              AOTInductorArrayRefTensor *outputs);

}  // namespace aoti_model

#endif  // RUNTIME_MODEL_ARRAYREF_H_
