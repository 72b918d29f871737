// The device that a container is created for, as the caller writes it.
#ifndef RUNTIME_MODEL_DEVICE_NAME_H_
#define RUNTIME_MODEL_DEVICE_NAME_H_

#include "aoti/model_desc.h"

namespace aoti_model {

// "cpu" and "cpu:0" for a model of the CPU; "cuda" (index -1: the current device) and "cuda:N" for one of
// CUDA. Anything else is refused with what the library was compiled for.
AOTIRuntimeError parse_device(const AotiModelDesc &desc, const char *device, int32_t *ret_index);

}  // namespace aoti_model

#endif  // RUNTIME_MODEL_DEVICE_NAME_H_
