"""A part of the sweep that is a test: one model of many samples, which build rules export and compile as one library.

Enters: nothing. Leaves: `chosen()`, the samples, the same ones each time; `build()`, the model of them all; `special()`, the same samples
on NaN, infinities, zeros of both signs, the largest and smallest numbers, where the operator is elementwise.

Of each operator the first float32 sample, and one more in another dtype (any that is not complex) or form (strided, in-place, out, core
ATen), in turn.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch

from tests.ops import samples
from tests.ops.oracle import eager_of
from tests.ops.samples import Sample

OPERATORS = tuple(
    """
    __getitem__ add addmm all amax argmax atan2 bitwise_left_shift bmm bucketize cat clamp copysign cummax cumprod cumsum diag_embed
    div.floor_rounding erf exp flip float_power fmod gather grid_sampler_3d igamma index_add index_put index_reduce.prod kron lerp lgamma
    linalg.det linalg.inv linalg.vector_norm log1p log_softmax logaddexp masked.mean masked_scatter matmul max.reduction_with_dim mode
    nan_to_num nonzero_static nn.functional.avg_pool2d nn.functional.batch_norm nn.functional.conv2d nn.functional.cross_entropy
    nn.functional.gelu nn.functional.grid_sample nn.functional.group_norm nn.functional.interpolate.bilinear nn.functional.layer_norm
    nn.functional.linear_cross_entropy.chunked nn.functional.max_pool2d nn.functional.pad.reflect nn.functional.prelu
    nn.functional.scaled_dot_product_attention nn.functional.unfold pow
    remainder roll round scatter_add scatter_reduce.amax searchsorted sigmoid sinc slice_scatter sort
    special.i0e special.zeta sqrt sum tan tanh tril unfold var_mean where xlogy
    """.split()
)


@functools.cache
def chosen() -> tuple[Sample, ...]:
    """The samples; each has at least one tensor and exports."""
    table = samples.operators()
    found: list[Sample] = []
    for turn, name in enumerate(n for n in OPERATORS if n in table):
        mine = [s for s in samples.of(table[name], few=True) if s.form != "special" and _is_fit(s)]
        found += mine[:1]
        others = [s for s in mine[1:] if (s.dtype, s.form) != ("float32", "plain") and not _has_effect(s)]
        found += others[turn % len(others) :][:1] if others else []
    return tuple(found)


def special() -> dict[str, Sample]:
    """By the key of a chosen sample of the plain form: the same call on special values."""
    return {
        s.key: replace(s, form="special", tensors=samples.special_tensors(s))
        for s in chosen()
        if s.elementwise and s.form == "plain" and s.tensors[0].is_floating_point()
    }


def _is_fit(sample: Sample) -> bool:
    """Complex numbers are refused; a compiled model has at least one input; NaN cannot be recorded, neither given nor computed."""
    given = bool(sample.tensors) and not any(t.is_complex() for t in sample.tensors)
    return given and not any(map(_has_nan, (*sample.tensors, *eager_of(sample))))


def _has_nan(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.is_floating_point() and bool(value.isnan().any())


def _has_effect(sample: Sample) -> bool:
    """PyTorch takes the out= forms of linalg's operators apart into one with error codes and an effect that checks them: refused."""
    return sample.form == "out" and sample.op.startswith("linalg.")


class Together(torch.nn.Module):
    """Takes the inputs of all samples one after the other, and returns {number: results}."""

    def __init__(self, parts: Sequence[Sample]) -> None:
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
