"""Sorting, selecting, searching and combining scatters against eager, in the interpreter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from compiler.frontend.load import from_program
from compiler.fx_passes import pipeline
from compiler.lowering import lower
from compiler.lowering.testing.case_harness import check
from compiler.support.diagnostics import UserError
from compiler.support.options import CompileOptions, Context

KEYS = torch.tensor([[3.0, 1.0, float("nan"), 1.0, -2.0], [0.0, -0.0, 5.0, 5.0, float("inf")]])
PLACES = torch.tensor([[0, 1, 1, 0, 2], [2, 2, 0, 1, 1]])

CASES: dict[str, Callable[..., Any]] = {
    "sort": lambda x: tuple(torch.sort(x, dim=1, stable=True)),
    "sort_descending_over_rows": lambda x: tuple(torch.sort(x, dim=0, stable=True, descending=True)),
    "argsort": lambda x: torch.argsort(x, dim=1, stable=True),
    "topk": lambda x: torch.topk(x, 2, dim=1).values,
    "topk_smallest": lambda x: torch.topk(x, 3, dim=1, largest=False).values,
    "kthvalue": lambda x: torch.kthvalue(x, 2, dim=1).values,
    "median": lambda x: torch.median(x, dim=1).values,
    "nanmedian": lambda x: torch.nanmedian(x, dim=1).values,
    "cummax": lambda x: tuple(torch.cummax(x, 1)),
    "cummin_over_rows": lambda x: tuple(torch.cummin(x, 0)),
    "searchsorted": lambda x: torch.searchsorted(torch.tensor([-1.0, 0.5, 1.0, 4.0]), x, right=True),
    "bucketize": lambda x: torch.bucketize(x, torch.tensor([0.0, 1.0, 5.0])),
}


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("name", CASES)
def test_positions_and_values(name: str, device: str) -> None:
    check(CASES[name], KEYS, options=CompileOptions("case", device=device))


def test_rows_that_a_gpu_puts_in_order_in_several_passes() -> None:
    """More than two blocks of what is counted, none full at the end, with equal keys and a NaN."""
    keys = torch.randint(0, 50, (2, 600), generator=torch.Generator().manual_seed(0)).float()
    keys[1, 300] = float("nan")
    options = CompileOptions("case", device="cuda")
    check(lambda x: tuple(torch.sort(x, dim=1, stable=True)), keys, options=options)
    check(
        lambda x: torch.argsort(x.to(torch.int64)[:1], dim=1, stable=True, descending=True),
        keys,
        options=options,
    )


def test_a_gpu_orders_rows_of_a_bounded_length_only() -> None:
    class Sorted(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.sort(x)[0]

    ctx = Context(CompileOptions("case", device="cuda"))
    exported = torch.export.export(
        Sorted(), (torch.randn(8),), dynamic_shapes=({0: torch.export.Dim("rows", min=2)},), strict=False
    )
    with pytest.raises(UserError, match="along a dimension without a bound"):
        lower.run(pipeline.run(from_program(exported, ctx), ctx), ctx)


def test_mode_is_the_smallest_of_the_most_frequent() -> None:
    check(lambda x: torch.mode(x, dim=1).values, torch.tensor([[2, 1, 2, 1, 3], [5, 4, 3, 2, 1]]))


@pytest.mark.parametrize("reduce", ["sum", "prod", "mean", "amax", "amin"])
@pytest.mark.parametrize("include_self", [True, False])
def test_scatter_reduce(reduce: str, include_self: bool) -> None:
    def combined(x: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        return torch.scatter_reduce(x, 1, PLACES, values, reduce, include_self=include_self)

    check(combined, (2, 4), (2, 5))
    check(combined, torch.randint(-9, 9, (2, 4)), torch.randint(-9, 9, (2, 5)))


@pytest.mark.parametrize(
    "function",
    [
        torch.special.digamma,
        torch.special.i0e,
        torch.special.erfcx,
        lambda x: torch.polygamma(2, x.abs() + 0.5),
        lambda x: torch.polygamma(1, x),
        lambda x: torch.special.modified_bessel_k0(x.abs()),
        lambda x: torch.special.scaled_modified_bessel_k1(x.abs()),
        lambda x: torch.special.shifted_chebyshev_polynomial_w(x, 3),
        lambda x: torch.special.hermite_polynomial_he(x, torch.arange(4.0)),
    ],
)
def test_special_functions(function: Callable[..., Any]) -> None:
    check(function, (3, 4))
