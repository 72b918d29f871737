// The whole C shim: everything that a model library may import.
#ifndef AOTI_SHIM_H_
#define AOTI_SHIM_H_

#include "aoti/cuda_guards.h"
#include "aoti/device.h"
#include "aoti/dtypes.h"
#include "aoti/ops.h"
#include "aoti/status.h"
#include "aoti/tensor.h"

#endif  // AOTI_SHIM_H_
