"""Reductions, normalisations and scans against eager in float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from compiler.ir.loop import Pointwise, Reduction
from compiler.lowering.testing.case_harness import Argument, check

INTS = torch.tensor([[-7, -2, 0, 5], [1, 3, 8, 8]])
NAN = torch.tensor([[1.0, float("nan"), 3.0], [2.0, 5.0, 5.0]])
LARGE_MEAN = torch.randn(4, 256, generator=torch.Generator().manual_seed(3)) + 1e3

CASES: dict[str, tuple[Callable[..., Any], tuple[Argument, ...]]] = {
    "sums": (lambda x: (x.sum(), x.sum(0), x.sum((0, 2)), x.sum(-1, keepdim=True)), ((3, 4, 5),)),
    "sum of an expression": (lambda x, y: (x * y).sum(1), ((3, 40), (40,))),
    "sum of integers": (lambda x: (x.sum(), x.sum(1), (x > 0).sum(0)), (INTS,)),
    "means": (lambda x: (x.mean(), x.mean(1), x.mean((0, 1), keepdim=True)), ((3, 4, 5),)),
    "sum with dtype": (lambda x: x.sum(1, dtype=torch.float64), ((3, 4),)),
    "prod": (lambda x: (x.prod(), x.prod(1, keepdim=True)), ((3, 4),)),
    "extremes": (lambda x: (x.amax(1), x.amin((0, 1)), x.max(), x.min()), ((3, 4, 5),)),
    "extremes with positions": (lambda x: (*x.max(1), *x.min(0, keepdim=True)), ((3, 4),)),
    "extremes of NaN": (lambda x: (*x.max(1), x.amin(1), x.argmax(1), x.argmin(1)), (NAN,)),
    "positions": (lambda x: (x.argmax(), x.argmin(1), x.argmax(0, keepdim=True)), ((3, 4),)),
    "positions of equals": (lambda x: (x.argmax(1), x.argmin(1)), (torch.zeros(2, 5),)),
    "integer extremes": (lambda x: (x.amax(1), x.argmax(1)), (INTS,)),
    "any and all": (lambda x: ((x > 0).any(), (x > 0).all(1), x.any(0)), (INTS,)),
    "any and all of bytes are bytes": (lambda x: (x.any(), x.all(1), x.any(0, keepdim=True)), (INTS.byte(),)),
    "variance": (
        lambda x: (x.var(1), x.std((0, 1)), x.var(0, unbiased=False), torch.var(x, correction=2)),
        ((3, 4, 5),),
    ),
    "variance of large mean": (lambda x: x.var(1), (LARGE_MEAN,)),
    "var_mean": (lambda x: torch.var_mean(x, 1, keepdim=True), ((3, 7),)),
    "norms": (
        lambda x: (
            x.norm(),
            torch.linalg.vector_norm(x, 1, 1),
            torch.linalg.vector_norm(x, float("inf"), 0),
            x.norm(3, 1),
        ),
        ((3, 4),),
    ),
    "normalize": (lambda x: F.normalize(x, dim=1), ((3, 8),)),
    "cosine similarity": (lambda x, y: F.cosine_similarity(x, y), ((3, 8), (3, 8))),
    "logsumexp": (lambda x: torch.logsumexp(x, 1), ((3, 8),)),
    "softmax": (lambda x: F.softmax(x, -1) + F.softmax(x, 0), ((3, 8),)),
    "softmax of large": (lambda x: F.softmax(x * 200, 1), ((3, 8),)),
    "softmax of expression": (lambda x, y: F.softmax(x * y + 1, 1), ((3, 8), (8,))),
    "log softmax": (lambda x: F.log_softmax(x, 1), ((3, 8),)),
    "softmax bfloat16": (lambda x: F.softmax(x, 1), (torch.randn(3, 8).bfloat16(),)),
    "layer norm": (nn.LayerNorm(16), ((2, 3, 16),)),
    "layer norm of large mean": (lambda x: F.layer_norm(x, (256,)), (LARGE_MEAN,)),
    "layer norm two dims": (lambda x: F.layer_norm(x, (4, 5)), ((3, 4, 5),)),
    "rms norm": (lambda x: F.rms_norm(x, (16,)), ((3, 16),)),
    "group norm": (nn.GroupNorm(2, 6), ((2, 6, 3, 3),)),
    "instance norm": (nn.InstanceNorm2d(3, affine=True), ((2, 3, 4, 4),)),
    "batch norm": (nn.BatchNorm1d(4).eval(), ((5, 4),)),
    "batch norm of a batch": (lambda x: F.batch_norm(x, None, None, training=True), ((5, 4, 3),)),
    "cumulative sums": (lambda x: (x.cumsum(1), x.cumsum(0), x.cumprod(1)), ((3, 4),)),
    "cumulative integers": (lambda x: x.cumsum(1), (INTS,)),
    "sum of nothing": (lambda x: (x.sum(1), x.sum(0)), ((3, 0),)),
    "scalar input": (lambda x: (x.sum(), x.mean(), x.amax(), x.argmax()), ((),)),
    "channels last": (
        lambda x: x.mean((2, 3)),
        (torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),),
    ),
    "mse": (lambda x, y: F.mse_loss(x, y), ((3, 4), (3, 4))),
    "cross entropy": (lambda x: F.cross_entropy(x, torch.tensor([1, 0, 3])), ((3, 4),)),
}


@pytest.mark.parametrize("name", CASES)
def test_reductions(name: str) -> None:
    function, arguments = CASES[name]
    check(function, *arguments)


def test_softmax_keeps_its_powers() -> None:
    program = check(lambda x: F.softmax(x, 1), (3, 8))
    assert [type(n) for n in program.nodes] == [Reduction, Pointwise, Reduction, Pointwise]


def test_layer_norm_realises_what_it_reads_three_times() -> None:
    program = check(lambda x, y: F.layer_norm(x + y * 2, (8,)), (3, 8), (8,))
    assert [type(n) for n in program.nodes] == [Pointwise, Reduction, Reduction, Pointwise]
