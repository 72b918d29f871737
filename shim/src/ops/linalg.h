// Kernels of the operators "aoti::linalg_...", which stand for PyTorch's (compiler/lowering/linalg.py).
// Matrices are the last two dims; all dims before them are a batch. float32 or float64, computed in double.
//
// They are called as aoti/custom_op.h says. Generated code registers those that its model calls.
#ifndef SHIM_SRC_OPS_LINALG_H_
#define SHIM_SRC_OPS_LINALG_H_

#include "aoti/custom_op.h"

#ifdef __cplusplus
extern "C" {
#endif

AOTITorchError aoti_op_linalg_inv(const AotiOpCall *call);
AOTITorchError aoti_op_linalg_solve(const AotiOpCall *call);
AOTITorchError aoti_op_linalg_det(const AotiOpCall *call);
AOTITorchError aoti_op_linalg_slogdet(const AotiOpCall *call);
AOTITorchError aoti_op_linalg_lu_factor(const AotiOpCall *call);
AOTITorchError aoti_op_linalg_cholesky(const AotiOpCall *call);
AOTITorchError aoti_op_linalg_solve_triangular(const AotiOpCall *call);
AOTITorchError aoti_op_linalg_qr(const AotiOpCall *call);

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // SHIM_SRC_OPS_LINALG_H_
