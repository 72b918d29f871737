// Kernels with the schemas of running_statistics.py but for the marks of what is written to. A library with
// them does not load.
#include "aoti/custom_op.h"

static AOTITorchError none(const AotiOpCall *call) {
  (void)call;
  return AOTI_TORCH_FAILURE;
}

AOTI_REGISTER_OP(statistics_rescale, "statistics::rescale(Tensor[] parts, float[] factors) -> ()", none)
AOTI_REGISTER_OP(statistics_clip, "statistics::clip_(Tensor x, float limit) -> Tensor", none)
