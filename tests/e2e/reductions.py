"""Reductions over one, several and all dimensions, scans, and chains of them with pointwise work."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tests.e2e.case import booleans, combine, integers, normal, of, permuted, uniform

CASES = [
    of("sum", lambda x: (x.sum(), x.sum(0), x.sum(1), x.sum(-1, keepdim=True)), normal(13, 29)),
    of(
        "sum_dims",
        lambda x: (x.sum((0, 2)), x.sum((1, 3), keepdim=True), x.sum((0, 1, 2, 3))),
        normal(3, 4, 5, 6),
    ),
    of("sum_long", lambda x: (x.sum(), x.sum(1)), normal(4, 50000)),
    of("sum_tall", lambda x: x.sum(0), normal(5000, 17)),
    # Sums that no vector lanes share: down columns, of values from the C library, of elements at checked positions.
    of(
        "sum_in_order",
        lambda x, i: (
            x.sum(0),
            (x * 2).mean(0),
            torch.lgamma(x + 1).sum(1),
            x.gather(1, i).sum(1),
            x[:200].view(50, 4, 300).sum((0, 1)),
        ),
        uniform(300, 300),
        integers(300, 300, low=0, high=300),
    ),
    of("sum_of_short_rows", lambda x: x.sum((0, 2)), uniform(100, 50, 9)),
    of("sum_permuted", lambda x: x.sum(0), permuted(normal(12, 40), 1, 0)),
    of(
        "sum_of_product",
        lambda x, y: (x * y).sum(-1).sqrt().abs(),
        normal(9, 77, shift=3.0),
        normal(9, 77, shift=3.0),
    ),
    of("sum_broadcast", lambda x, y: (x + y).sum(0), normal(8, 1), normal(1, 8)),
    of("sum_one_element", lambda x: (x.sum(1), x.mean(1)), normal(5, 1)),
    of("sum_no_element", lambda x: x.sum(1), normal(5, 0)),
    of("mean", lambda x: (x.mean(), x.mean(0), x.mean((-2, -1))), normal(4, 9, 11)),
    of("variance", lambda x: (x.var(1), x.var(1, unbiased=False), x.std(0)), normal(10, 40, shift=10.0)),
    of(
        "var_mean",
        lambda x: torch.var_mean(x, (1, 2), correction=0, keepdim=True),
        normal(3, 8, 9, shift=2.0),
    ),
    of("product", lambda x: (x.prod(), x.prod(1)), normal(4, 6)),
    of("extrema", lambda x: (x.amax(1), x.amin(0), x.max(), x.min(), x.amax((0, 2))), normal(5, 31, 4)),
    of("extrema_with_index", lambda x: (*x.max(1), *x.min(0)), normal(8, 23)),
    of("argmax", lambda x: (x.argmax(), x.argmax(1), x.argmin(0, keepdim=True)), normal(11, 37)),
    of("any_all", lambda m: (m.any(), m.all(1), m.any(0)), booleans(6, 4)),
    of("count", lambda x: ((x > 0).sum(1), (x > 0).float().mean(), x.count_nonzero()), normal(7, 25)),
    of("integer_sum", lambda x: (x.sum(), x.sum(0), x.amax(1), x.prod(1)), integers(5, 6, low=-9, high=9)),
    of("cumsum", lambda x: (x.cumsum(1), x.cumsum(0)), normal(6, 50)),
    of(
        "two_reductions",
        lambda x: (x - x.mean(1, keepdim=True)) / (x.std(1, keepdim=True) + 1e-5),
        normal(6, 45),
    ),
    of("reduce_then_broadcast", lambda x: x / x.abs().amax(-1, keepdim=True) + x.sum(0), normal(12, 33)),
    of("reduction_of_reduction", lambda x: x.sum(2).amax(1).mean(), normal(4, 5, 60)),
    of("several_of_one", lambda x: (x.sum(1), x.amax(1), (x * x).sum(1), x.exp().mean(1)), normal(9, 64)),
    of("norms", lambda x: (x.norm(), x.norm(dim=1), torch.linalg.vector_norm(x, 3.0, dim=0)), normal(8, 30)),
    of(
        "cross_entropy",
        lambda x, t: nn.functional.cross_entropy(x, t),
        normal(10, 7),
        integers(10, low=0, high=7),
    ),
    of(
        "mse_cosine",
        lambda x, y: (nn.functional.mse_loss(x, y), torch.cosine_similarity(x, y, 1)),
        normal(5, 40),
        normal(5, 40),
    ),
]


def build() -> tuple[nn.Module, tuple[Tensor, ...]]:
    """All cases as one model."""
    return combine(CASES)
