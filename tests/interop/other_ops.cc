// An operator of the same name with other arguments than the package passes.
#include "aoti/custom_op.h"

static AOTITorchError scaled_add(const AotiOpCall *call) {
  (void)call;
  return AOTI_TORCH_FAILURE;
}

AOTI_REGISTER_OP(scaled_add, "aoti_interop::scaled_add(Tensor x, Tensor y, float factor) -> Tensor",
                 scaled_add)
