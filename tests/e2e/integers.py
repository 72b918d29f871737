"""Integers, booleans, float64, and casts between types."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tests.e2e.case import Input, booleans, combine, integers, normal, of


def float64(*shape: int) -> Input:
    """Float64, normal distribution."""
    return Input(shape, lambda s: torch.randn(s, dtype=torch.float64))


def zeros_and_ones(*shape: int) -> Input:
    """Float32."""
    return Input(shape, lambda s: torch.randint(0, 2, s).float())


def trunc_div(x: Tensor, y: Tensor) -> Tensor:
    """Division that rounds towards zero, as C does."""
    return torch.div(x, y, rounding_mode="trunc")


INT32 = torch.int32

CASES = [
    of("integer_arithmetic", lambda x, y: (x + y, x - y, x * y, -x, x.abs()), integers(40), integers(40)),
    of("integer_division", lambda x, y: (x // y, x % y), integers(60), integers(60, low=1, high=9)),
    of("truncated_division", lambda x, y: (trunc_div(x, y), torch.fmod(x, y)), integers(60), integers(60, low=1, high=9)),
    of("integer_negative_divisor", lambda x, y: (x // y, x % y), integers(60), integers(60, low=-9, high=-1)),
    of("true_division", lambda x, y: x / y, integers(30), integers(30, low=1, high=9)),
    of("int32", lambda x, y: (x * y + 1, torch.maximum(x, y), x.clamp(-3, 3)), integers(50, dtype=INT32), integers(50, dtype=INT32)),
    of("uint8", lambda x: (x + 10, x.to(torch.float32) / 255), integers(64, low=0, high=256, dtype=torch.uint8)),
    of("int8_wraps", lambda x: x + x, integers(64, low=-128, high=128, dtype=torch.int8)),
    of("bitwise", lambda x, y: (x & y, x | y, x ^ y, ~x, x << 2, x >> 1), integers(40), integers(40)),
    of("promotion", lambda x, y, z: (x + y, x * 2.5, y + z, z + 1), integers(20), normal(20), booleans(20)),
    of("promotion_int32", lambda x, y: (x + y, x * y.sum()), integers(20, dtype=INT32), integers(20)),
    of("comparisons", lambda x, y: (x == y, x != y, x < y, x <= y, x > 0, x >= 0.5), normal(33), normal(33)),
    of("integer_comparisons", lambda x, y: (x == y, x < y, (x > 3) & (y < 5)), integers(33), integers(33)),
    of("logic", lambda a, b: (a & b, a | b, a ^ b, ~a, a.logical_and(b), a.logical_not()), booleans(20), booleans(20)),
    of("mask_arithmetic", lambda a, x: (a * x, a.float() - 0.5, a.to(torch.int64).sum(), x[0] * a), booleans(12), normal(12)),
    of("casts", lambda x: (x.to(torch.int64), x.to(INT32), x.to(torch.bool), x.double(), x.to(torch.int8)), normal(50, scale=20.0)),
    of("casts_from_integers", lambda x: (x.float(), x.to(torch.bool), x.to(torch.int16), x.double() / 3), integers(50)),
    of("float64", lambda x, y: (x.exp() + y, (x * y).sum(), x.sin()), float64(30), float64(30)),
    of("float64_product", lambda x, y: x @ y, float64(6, 7), float64(7, 8)),
    of("mixed_floats", lambda x, y: (x + y, x * y.float()), normal(16), float64(16)),
    of("isnan_isinf", lambda x: (torch.isnan(x / x), torch.isinf(1 / x), torch.isfinite(x)), zeros_and_ones(20)),
    of("where_integers", lambda m, x: torch.where(m, x, -1), booleans(15), integers(15)),
    of("one_hot", lambda i: (i[:, None] == torch.arange(6)).float(), integers(9, low=0, high=6)),
    of("position_ids", lambda m: (m.long().cumsum(1) - 1).clamp(min=0), booleans(3, 9)),
    of("extended_mask", lambda m: (1.0 - m[:, None, None, :].float()) * torch.finfo(torch.float32).min, integers(2, 7, low=0, high=2)),
]  # fmt: skip


def build() -> tuple[nn.Module, tuple[Tensor, ...]]:
    """All cases as one model."""
    return combine(CASES)
