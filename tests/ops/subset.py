"""A part of the sweep that is a test: one model of many samples, which build rules export and compile as one library.

Enters: nothing. Leaves: `chosen()`, the samples, the same ones each time; `build()`, the model of them all; `special()`, the same samples
on NaN, infinities, zeros of both signs, the largest and smallest numbers, where the operator is elementwise.

Of each operator the first float32 sample, and one more in another dtype or form (strided, in-place, out, core ATen), in turn.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from tests.ops import samples
from tests.ops.samples import Sample

OPERATORS = tuple(
    """
    __getitem__ abs acos add addcdiv addcmul addmm addmv all amax amin any arange argmax argmin as_strided_scatter atan2 baddbmm
    bitwise_and bitwise_left_shift bmm broadcast_to bucketize cat cdist ceil chunk clamp clone constant_pad_nd copysign cos cosh cummax
    cumprod cumsum diag_embed diagonal digamma div.floor_rounding div.no_rounding_mode dot eq erf erfinv exp expand expm1 eye fill flip
    float_power floor floor_divide fmax fmod frexp full_like gather ge heaviside hypot igamma index_add index_copy index_fill
    index_put index_reduce.prod index_select isclose isfinite isnan kron lerp lgamma linalg.cross linalg.norm linalg.vector_norm linspace
    log log1p log_softmax logaddexp logcumsumexp logical_and logit logsumexp masked.mean masked.softmax masked_fill masked_scatter matmul
    max.reduction_with_dim maximum mean meshgrid.list_of_tensors min.reduction_no_dim mm mode movedim mul mvlgamma.mvlgamma_p_3
    nan_to_num narrow native_layer_norm new_full nn.functional.adaptive_avg_pool2d nn.functional.avg_pool2d nn.functional.batch_norm
    nn.functional.bilinear nn.functional.conv1d nn.functional.conv2d nn.functional.conv_transpose2d nn.functional.cosine_similarity
    nn.functional.cross_entropy nn.functional.elu nn.functional.embedding nn.functional.gelu nn.functional.glu
    nn.functional.grid_sample nn.functional.group_norm nn.functional.hardswish nn.functional.huber_loss
    nn.functional.interpolate.bilinear nn.functional.interpolate.nearest nn.functional.layer_norm nn.functional.max_pool2d
    nn.functional.mse_loss nn.functional.pad.reflect nn.functional.pixel_shuffle nn.functional.prelu nn.functional.rms_norm
    nn.functional.scaled_dot_product_attention nn.functional.silu nn.functional.softplus nn.functional.unfold
    nn.functional.upsample_nearest outer permute polygamma.polygamma_n_1 pow prod reciprocal remainder renorm repeat reshape roll round
    rot90 rsqrt scatter scatter_add scatter_reduce.amax searchsorted select sigmoid sign sin sinc slice slice_scatter softmax sort
    special.bessel_j0 special.entr special.i0e special.ndtri special.xlog1py special.zeta split sqrt square squeeze stack std sub sum
    t take_along_dim tan tanh tensor_split tile topk trace transpose tril triu trunc unbind unfold unsqueeze
    var var_mean view where xlogy zeros_like
    """.split()
)


def chosen() -> list[Sample]:
    """The samples; each has at least one tensor and exports."""
    table = samples.operators()
    found: list[Sample] = []
    for turn, name in enumerate(n for n in OPERATORS if n in table):
        mine = [s for s in samples.of(table[name], quick=True) if s.form != "special" and _is_fit(s)]
        found += mine[:1]
        others = [s for s in mine[1:] if (s.dtype, s.form) != ("float32", "plain")]
        found += others[turn % len(others) :][:1] if others else []
    return found


def special() -> dict[str, Sample]:
    """By the key of a chosen sample of the plain form: the same call on special values."""
    return {
        s.key: replace(s, form="special", tensors=samples.special_tensors(s))
        for s in chosen()
        if s.elementwise and s.form == "plain" and s.tensors[0].is_floating_point()
    }


def _is_fit(sample: Sample) -> bool:
    """Complex numbers are refused; a compiled model has at least one input; NaN cannot be recorded."""
    real = all(not t.is_complex() for t in sample.tensors)
    return (
        real
        and bool(sample.tensors)
        and not any(t.is_floating_point() and t.isnan().any() for t in sample.tensors)
    )


class Together(torch.nn.Module):
    """Takes the inputs of all samples one after the other, and returns {number: results}."""

    def __init__(self, parts: list[Sample]) -> None:
        super().__init__()
        self.parts = parts

    def forward(self, *tensors: torch.Tensor) -> dict[str, Any]:
        results, at = {}, 0
        for number, sample in enumerate(self.parts):
            given = tensors[at : at + len(sample.tensors)]
            results[f"s{number}"] = samples.Module(sample.call)(*given)
            at += len(sample.tensors)
        return results


def build() -> tuple[torch.nn.Module, tuple[torch.Tensor, ...]]:
    """All samples as one model."""
    parts = chosen()
    return Together(parts), tuple(t for s in parts for t in s.tensors)
