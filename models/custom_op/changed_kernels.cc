// smoothing::average as it was before `width` became an integer.
#include "aoti/custom_op.h"

static AOTITorchError average(const AotiOpCall *) { return AOTI_TORCH_FAILURE; }

AOTI_REGISTER_OP(smoothing_average, "smoothing::average(Tensor x, float width) -> Tensor", average)
