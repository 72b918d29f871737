"""The ATen operators that the compiler takes as they are. The frontend decomposes what is not named here.

A test of `lowering` says that `LOWERED` (with `CONTROL`) is exactly what has a lowering, one of `fx_passes` that `REWRITTEN` does
not survive the passes.
"""

from __future__ import annotations

# Have a lowering.
LOWERED = frozenset(
    """
    aten.__lshift__.Scalar aten.__lshift__.Tensor aten.__rshift__.Scalar aten.__rshift__.Tensor
    aten._adaptive_avg_pool2d.default aten._adaptive_avg_pool3d.default aten._linalg_det.default
    aten._linalg_slogdet.default aten._local_scalar_dense.default aten._log_softmax.default aten._prelu_kernel.default
    aten._softmax.default aten._to_copy.default aten._unique2.default aten._unsafe_index.Tensor
    aten.bernoulli.Tensor aten.bernoulli.default aten.bernoulli.p aten.exponential.default
    aten.native_dropout.default aten.normal.Tensor_Tensor aten.normal.Tensor_float aten.normal.float_Tensor
    aten.normal.float_float aten.normal_functional.default aten.rand.default aten.rand_like.default
    aten.randint.default aten.randint.low aten.randint_like.default aten.randint_like.low_dtype
    aten.randn.default aten.randn_like.default aten.randperm.default aten.uniform.default
    aten._unsafe_index_put.default aten._unsafe_view.default aten.abs.default aten.acos.default aten.acosh.default
    aten.adaptive_avg_pool1d.default aten.adaptive_avg_pool2d.default aten.adaptive_avg_pool3d.default
    aten.adaptive_max_pool2d.default aten.adaptive_max_pool3d.default aten.add.Scalar aten.add.Tensor
    aten.addcdiv.default aten.addcmul.default aten.alias.default aten.all.default aten.all.dim aten.all.dims
    aten.alpha_dropout.default aten.amax.default aten.amin.default aten.angle.default aten.any.default aten.any.dim
    aten.any.dims aten.arange.default aten.arange.start aten.arange.start_step aten.argmax.default aten.argmin.default
    aten.argsort.default aten.argsort.stable aten.as_strided.default aten.asin.default aten.asinh.default
    aten.atan.default aten.atan2.default aten.atanh.default aten.avg_pool1d.default aten.avg_pool2d.default
    aten.avg_pool3d.default aten.batch_norm.default aten.bitwise_and.Scalar aten.bitwise_and.Scalar_Tensor
    aten.bitwise_and.Tensor aten.bitwise_left_shift.Scalar_Tensor aten.bitwise_left_shift.Tensor
    aten.bitwise_left_shift.Tensor_Scalar aten.bitwise_not.default aten.bitwise_or.Scalar
    aten.bitwise_or.Scalar_Tensor aten.bitwise_or.Tensor aten.bitwise_right_shift.Scalar_Tensor
    aten.bitwise_right_shift.Tensor aten.bitwise_right_shift.Tensor_Scalar aten.bitwise_xor.Scalar
    aten.bitwise_xor.Scalar_Tensor aten.bitwise_xor.Tensor aten.bmm.default aten.broadcast_to.default
    aten.bucketize.Scalar aten.bucketize.Tensor aten.cat.default aten.ceil.default aten.cholesky.default
    aten.chunk.default aten.clamp.Tensor aten.clamp.default aten.clamp_max.Tensor aten.clamp_max.default
    aten.clamp_min.Tensor aten.clamp_min.default aten.clone.default aten.constant_pad_nd.default
    aten.contiguous.default aten.conv1d.default aten.conv1d.padding aten.conv2d.default aten.conv2d.padding
    aten.conv3d.default aten.conv3d.padding aten.convolution.default aten.copy.default aten.copysign.Scalar
    aten.copysign.Tensor aten.cos.default aten.cosh.default aten.cummax.default aten.cummin.default
    aten.cumprod.default aten.cumsum.default aten.det.default aten.detach.default aten.detach_.default
    aten.diagonal.default aten.diagonal_scatter.default aten.digamma.default aten.div.Scalar aten.div.Scalar_mode
    aten.div.Tensor aten.div.Tensor_mode aten.dropout.default aten.elu.default aten.embedding.default
    aten.empty.memory_format aten.empty_like.default aten.empty_permuted.default aten.empty_strided.default aten.eq.Scalar aten.eq.Tensor
    aten.erf.default aten.erfc.default aten.erfinv.default aten.exp.default aten.exp2.default aten.expand.default
    aten.expand_as.default aten.expm1.default aten.eye.default aten.eye.m aten.feature_dropout.default
    aten.flatten.using_ints aten.flip.default aten.floor.default aten.floor_divide.Scalar aten.floor_divide.default
    aten.fmax.default aten.fmin.default aten.fmod.Scalar aten.fmod.Tensor aten.frexp.Tensor aten.full.default
    aten.full_like.default aten.gather.default aten.gcd.default aten.ge.Scalar aten.ge.Tensor aten.gelu.default
    aten.group_norm.default aten.gt.Scalar aten.gt.Tensor aten.hardsigmoid.default aten.hardswish.default
    aten.hardtanh.default aten.hypot.default aten.i0.default aten.igamma.default aten.igammac.default
    aten.index.Tensor aten.index_put.default aten.index_select.default aten.instance_norm.default aten.inverse.default
    aten.isinf.default aten.isnan.default aten.item.default aten.kthvalue.default aten.layer_norm.default
    aten.lcm.default aten.le.Scalar aten.le.Tensor aten.leaky_relu.default aten.lerp.Scalar aten.lerp.Tensor
    aten.lgamma.default aten.lift_fresh_copy.default aten.linalg_cholesky.default aten.linalg_det.default
    aten.linalg_inv.default aten.linalg_lu_factor.default aten.linalg_qr.default aten.linalg_slogdet.default
    aten.linalg_solve.default aten.linalg_solve_triangular.default aten.linalg_vector_norm.default aten.linear.default
    aten.log.default aten.log10.default aten.log1p.default aten.log2.default aten.log_sigmoid.default
    aten.log_softmax.int aten.logical_and.default aten.logical_not.default aten.logical_or.default
    aten.logical_xor.default aten.logit.default aten.lt.Scalar aten.lt.Tensor aten.masked_fill.Scalar
    aten.masked_fill.Tensor aten.masked_select.default aten.max.default aten.max.dim aten.max_pool1d.default
    aten.max_pool2d.default aten.max_pool2d_with_indices.default aten.max_pool3d.default
    aten.max_pool3d_with_indices.default aten.maximum.default aten.mean.default aten.mean.dim aten.median.default
    aten.median.dim aten.min.default aten.min.dim aten.minimum.default aten.mish.default aten.mm.default
    aten.mode.default aten.mul.Scalar aten.mul.Tensor aten.nanmedian.default aten.nanmedian.dim aten.narrow.default
    aten.native_group_norm.default aten.native_layer_norm.default aten.ne.Scalar aten.ne.Tensor aten.neg.default
    aten.new_empty_strided.default
    aten.new_empty.default aten.new_full.default aten.new_ones.default aten.new_zeros.default aten.nextafter.default
    aten.nonzero.default aten.numpy_T.default aten.ones.default aten.ones_like.default aten.pad.default
    aten.permute.default aten.polygamma.default aten.pow.Scalar aten.pow.Tensor_Scalar aten.pow.Tensor_Tensor
    aten.prelu.default aten.prod.default aten.prod.dim_int aten.qr.default aten.reciprocal.default aten.relu.default
    aten.relu6.default aten.remainder.Scalar aten.remainder.Scalar_Tensor aten.remainder.Tensor aten.repeat.default
    aten.repeat_interleave.Tensor aten.reshape.default aten.roll.default aten.round.decimals aten.round.default
    aten.rsqrt.default aten.rsub.Scalar aten.rsub.Tensor aten.scalar_tensor.default
    aten.scaled_dot_product_attention.default aten.scatter.src aten.scatter.value aten.scatter_add.default
    aten.scatter_reduce.two aten.searchsorted.Scalar aten.searchsorted.Tensor aten.select.int
    aten.select_scatter.default aten.sigmoid.default aten.sign.default aten.signbit.default aten.silu.default
    aten.sin.default aten.sinh.default aten.slice.Tensor aten.slice_scatter.default aten.slogdet.default
    aten.softmax.int aten.softplus.default aten.sort.default aten.sort.stable aten.special_bessel_j0.default
    aten.special_bessel_j1.default aten.special_bessel_y0.default aten.special_bessel_y1.default
    aten.special_chebyshev_polynomial_t.default aten.special_chebyshev_polynomial_t.n_scalar
    aten.special_chebyshev_polynomial_t.x_scalar aten.special_chebyshev_polynomial_u.default
    aten.special_chebyshev_polynomial_u.n_scalar aten.special_chebyshev_polynomial_u.x_scalar
    aten.special_chebyshev_polynomial_v.default aten.special_chebyshev_polynomial_v.n_scalar
    aten.special_chebyshev_polynomial_v.x_scalar aten.special_chebyshev_polynomial_w.default
    aten.special_chebyshev_polynomial_w.n_scalar aten.special_chebyshev_polynomial_w.x_scalar
    aten.special_digamma.default aten.special_erfcx.default aten.special_erfinv.default aten.special_gammainc.default
    aten.special_gammaincc.default aten.special_hermite_polynomial_h.default aten.special_hermite_polynomial_h.n_scalar
    aten.special_hermite_polynomial_h.x_scalar aten.special_hermite_polynomial_he.default
    aten.special_hermite_polynomial_he.n_scalar aten.special_hermite_polynomial_he.x_scalar aten.special_i0.default
    aten.special_i0e.default aten.special_i1.default aten.special_i1e.default aten.special_laguerre_polynomial_l.default
    aten.special_laguerre_polynomial_l.n_scalar aten.special_laguerre_polynomial_l.x_scalar
    aten.special_legendre_polynomial_p.default aten.special_legendre_polynomial_p.n_scalar
    aten.special_legendre_polynomial_p.x_scalar aten.special_modified_bessel_i0.default
    aten.special_modified_bessel_i1.default aten.special_modified_bessel_k0.default
    aten.special_modified_bessel_k1.default aten.special_ndtri.default aten.special_polygamma.default
    aten.special_psi.default aten.special_scaled_modified_bessel_k0.default
    aten.special_scaled_modified_bessel_k1.default aten.special_shifted_chebyshev_polynomial_t.default
    aten.special_shifted_chebyshev_polynomial_t.n_scalar aten.special_shifted_chebyshev_polynomial_t.x_scalar
    aten.special_shifted_chebyshev_polynomial_u.default aten.special_shifted_chebyshev_polynomial_u.n_scalar
    aten.special_shifted_chebyshev_polynomial_u.x_scalar aten.special_shifted_chebyshev_polynomial_v.default
    aten.special_shifted_chebyshev_polynomial_v.n_scalar aten.special_shifted_chebyshev_polynomial_v.x_scalar
    aten.special_shifted_chebyshev_polynomial_w.default aten.special_shifted_chebyshev_polynomial_w.n_scalar
    aten.special_shifted_chebyshev_polynomial_w.x_scalar aten.special_spherical_bessel_j0.default
    aten.special_zeta.default aten.special_zeta.other_scalar aten.special_zeta.self_scalar aten.split.Tensor
    aten.split.sizes aten.split_with_sizes.default aten.sqrt.default
    aten.square.default aten.squeeze.default aten.squeeze.dim aten.squeeze.dims aten.stack.default aten.std.correction
    aten.std.dim aten.sub.Scalar aten.sub.Tensor aten.sum.default aten.sum.dim_IntList aten.t.default aten.tan.default
    aten.tanh.default aten.threshold.default aten.to.device aten.to.dtype aten.to.dtype_layout aten.topk.default
    aten.transpose.int aten.trunc.default aten.unbind.int aten.unflatten.int aten.unfold.default
    aten.unique_consecutive.default aten.unsqueeze.default aten.var.correction aten.var.dim aten.var_mean.correction
    aten.view.default aten.where.Scalar aten.where.ScalarOther aten.where.ScalarSelf aten.where.self
    aten.zeros.default aten.zeros_like.default cond map_impl prims.convert_element_type.default prims.iota.default
    aoti.triton_kernel.default auto_functionalized_v2 scan while_loop
    """.split()
)

# Control-flow operators, which have a lowering too: their bodies are graphs (`frontend/blocks.py`).
CONTROL = frozenset(("cond", "while_loop", "scan", "map_impl"))

# FX passes rewrite them into lowered ones.
REWRITTEN = frozenset(
    """
    aten.addmm.default aten.addbmm.default aten.baddbmm.default aten.matmul.default
    """.split()
)

# Their result has a size, or is a number, that a run finds in the data: lowering reads it (`loop.ReadSize`).
BINDS_SIZES = frozenset(
    """
    aten._local_scalar_dense.default aten._unique2.default aten.index.Tensor aten.item.default
    aten.masked_select.default aten.nonzero.default aten.repeat_interleave.Tensor aten.unique_consecutive.default
    """.split()
)

# State what export has checked already; they compute nothing.
IGNORED = frozenset(
    """
    aten._assert_tensor_metadata.default aten._assert_scalar.default aten.sym_constrain_range.default
    aten.sym_constrain_range_for_size.default
    """.split()
)

KNOWN = LOWERED | REWRITTEN

# Namespaces of PyTorch's own operators. An operator of any other one is custom: its kernel is linked into the library.
PYTORCH_NAMESPACES = frozenset(
    ("aten", "prims", "prim", "higher_order", "inductor", "quantized", "quantized_decomposed", "torch_nn")
)
