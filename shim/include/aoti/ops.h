// ATen operators that the lean shim implements itself, under the names of PyTorch's generated CPU shim
// (aoti_torch/generated/c_shim_cpu.h of 2.13).
//
// Generated code of ours needs none of them: they let a library that stock AOTInductor made run without
// libtorch. Every other operator needs the flavour shim = "torch".
//
// All handles are borrowed and not null; `out` is written in place and must have the result's sizes (the lean
// shim resizes nothing). Any strides; float32 and float64, all operands alike; `out` must not overlap an
// operand.
// Errors: sizes that do not fit, unsupported or mixed dtypes; the message names the operator and the sizes.
// Thread-safe for different outputs.
#ifndef AOTI_OPS_H_
#define AOTI_OPS_H_

#include "aoti/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

// out[M, N] = self[M, K] @ mat2[K, N]
AOTI_SHIM_API AOTITorchError aoti_torch_cpu_mm_out(AtenTensorHandle out, AtenTensorHandle self,
                                                   AtenTensorHandle mat2);

// out[M, N] = beta * self + alpha * (mat1[M, K] @ mat2[K, N]); self broadcasts to [M, N]. beta == 0 ignores
// self, NaNs included.
AOTI_SHIM_API AOTITorchError aoti_torch_cpu_addmm_out(AtenTensorHandle out, AtenTensorHandle self,
                                                      AtenTensorHandle mat1, AtenTensorHandle mat2,
                                                      double beta, double alpha);

// out[B, M, N] = self[B, M, K] @ mat2[B, K, N]
AOTI_SHIM_API AOTITorchError aoti_torch_cpu_bmm_out(AtenTensorHandle out, AtenTensorHandle self,
                                                    AtenTensorHandle mat2);

// out[B, M, N] = beta * self + alpha * (batch1[B, M, K] @ batch2[B, K, N]); self broadcasts to [B, M, N].
AOTI_SHIM_API AOTITorchError aoti_torch_cpu_baddbmm_out(AtenTensorHandle out, AtenTensorHandle self,
                                                        AtenTensorHandle batch1, AtenTensorHandle batch2,
                                                        double beta, double alpha);

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // AOTI_OPS_H_
