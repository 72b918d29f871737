"""Sizes that are known at run time only: one program, interpreted at several sizes, against eager in float64."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.export import Dim

from compiler.lowering.testing.case_harness import check_sizes
from compiler.support.diagnostics import UserError

A: Any = Dim.AUTO
ROWS, COLUMNS = Dim("rows", min=0, max=1000), Dim("columns", min=0)
Case = tuple[
    Callable[..., Any], Sequence[tuple[int, ...]], Sequence[Any], Sequence[Sequence[tuple[int, ...]]]
]

CASES: dict[str, Case] = {
    "pointwise": (lambda x: torch.sin(x) * 2, [(3, 4)], [{0: ROWS}], [[(5, 4)], [(1, 4)], [(0, 4)]]),
    "outer": (lambda x, y: x[:, None] * y, [(3,), (4,)], [{0: ROWS}, {0: COLUMNS}], [[(5,), (7,)], [(1,), (0,)]]),
    "flatten": (lambda x: x.flatten(0, 1) * 2, [(3, 4, 5)], [{0: ROWS, 1: COLUMNS}], [[(2, 7, 5)], [(0, 3, 5)]]),
    "view_back": (
        lambda x: (x + 1).view(x.shape[0] * x.shape[1], -1).view(x.shape)[:, :2].sum(1),
        [(3, 4, 5)], [{0: A, 1: A}], [[(2, 7, 5)]],
    ),
    "view_split": (lambda x: x.view(x.shape[0], 4, x.shape[1] // 4).sum(1), [(3, 8)], [{0: A, 1: A}], [[(2, 12)]]),
    "softmax": (lambda x: x.softmax(-1), [(3, 4)], [{0: ROWS, 1: A}], [[(2, 7)], [(1, 2)]]),
    "statistics": (lambda x: (x.mean(), x.mean(1), x.var(1), x.std()), [(3, 4)], [{0: A, 1: A}], [[(2, 7)]]),
    "cat": (
        lambda x, y: torch.cat([x, y, x * 2]), [(3, 4), (5, 4)], [{0: ROWS}, {0: COLUMNS}], [[(2, 4), (7, 4)], [(1, 4), (0, 4)]],
    ),
    "slices": (lambda x: (x[1:], x[:, -2:], x[::2], x[-1]), [(6, 4)], [{0: A}], [[(9, 4)], [(5, 4)]]),
    "arange": (lambda x: x + torch.arange(x.shape[1]), [(3, 4)], [{0: A, 1: A}], [[(2, 9)]]),
    "pad": (lambda x: (F.pad(x, (1, 2, 0, 3)), F.pad(x, (1, 2), "reflect")), [(3, 7)], [{0: A, 1: A}], [[(2, 9)]]),
    "flip_roll": (lambda x: (x.flip(0), x.roll(2, 1)), [(3, 7)], [{0: A, 1: A}], [[(2, 9)]]),
    "expand": (lambda x: x[:, None].expand(x.shape[0], 5, x.shape[1]) * 2, [(3, 7)], [{0: A, 1: A}], [[(2, 9)]]),
    "related": (lambda x, y: x + y[1::2], [(6,), (13,)], [{0: A}, {0: A}], [[(4,), (9,)]]),
    "linear": (nn.Linear(8, 16), [(3, 8)], [{0: ROWS}], [[(5, 8)], [(1, 8)], [(0, 8)]]),
    "matmul": (lambda x, y: x @ y, [(2, 3, 8), (2, 8, 5)], [{0: A, 1: A}, {0: A, 2: A}], [[(3, 5, 8), (3, 8, 2)]]),
    "matmul_inner": (lambda x, y: x @ y, [(3, 8), (8, 5)], [{0: A, 1: A}, {0: A}], [[(5, 3), (3, 5)]]),
    "attention": (F.scaled_dot_product_attention, [(2, 3, 6, 8)] * 3, [{0: A, 2: A}] * 3, [[(3, 3, 4, 8)] * 3]),
    "convolution": (
        nn.Conv2d(3, 8, 3, stride=2, padding=1), [(2, 3, 8, 8)], [{0: A, 2: A, 3: A}], [[(2, 3, 5, 7)], [(3, 3, 9, 4)]],
    ),
    "pooling": (
        lambda x: (F.max_pool2d(x, 3, 2, 1), F.avg_pool2d(x, 2), F.adaptive_avg_pool2d(x, 3)),
        [(2, 3, 8, 8)], [{0: A, 2: A, 3: A}], [[(2, 3, 5, 7)], [(3, 3, 9, 5)]],
    ),
    "layer_norm": (nn.LayerNorm(8), [(2, 3, 8)], [{0: A, 1: A}], [[(3, 5, 8)]]),
    "group_norm": (nn.GroupNorm(2, 8), [(2, 8, 3, 4)], [{0: A, 2: A}], [[(3, 8, 5, 4)]]),
    "numbers": (
        lambda x: (x / (x.shape[1] ** 0.5), x.shape[0] * 2, x.shape[1] / 4, x * x.shape[0]), [(3, 7)], [{0: A, 1: A}], [[(2, 9)]],
    ),
    "positions": (lambda x: (x.argmax(1), (x * 2).max(0)[1], x.argmax()), [(3, 7)], [{0: A, 1: A}], [[(2, 9)]]),
    "scans": (lambda x: (x.cumsum(0), x.cumsum(1)), [(3, 7)], [{0: A, 1: A}], [[(2, 9)]]),
    "transpose": (lambda x: x.transpose(0, 1).reshape(-1), [(3, 7)], [{0: A, 1: A}], [[(2, 9)]]),
    "upsample": (lambda x: F.interpolate(x, scale_factor=2), [(2, 3, 4, 5)], [{0: A, 2: A, 3: A}], [[(2, 3, 7, 2)]]),
    "unfold": (lambda x: x.unfold(1, 3, 2), [(3, 9)], [{0: A, 1: A}], [[(2, 12)]]),
    "repeat": (lambda x: (x.repeat(2, 3), x.repeat_interleave(2, 0)), [(3, 9)], [{0: A, 1: A}], [[(2, 12)]]),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_one_program_is_right_at_every_size(name: str) -> None:
    function, arguments, dynamic, runs = CASES[name]
    check_sizes(function, arguments, dynamic, *runs)


def test_a_position_that_may_be_outside_is_a_guard() -> None:
    program = check_sizes(lambda x: x[2] + x[-3], [(6, 4)], [{0: Dim("rows", min=3, max=9)}], [(3, 4)])
    assert program.guards == []


def test_a_number_that_must_be_fixed_is_refused_by_name() -> None:
    def heads(q: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(q, q, q)

    with pytest.raises(UserError, match="needs a number that is the same in every run"):
        check_sizes(heads, [(2, 3, 6, 8)], [{3: A}], [(2, 3, 6, 4)])
