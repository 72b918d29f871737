"""Indexing with data against eager; what happens to positions out of range."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from compiler.ir.loop_interpreter import IndexOutOfRange, interpret
from compiler.lowering.testing.case_harness import Argument, check, lower_function

ROWS = torch.tensor([[2, 0], [1, 2]])
FLAT = torch.tensor([2, 0, -1])
INT32 = torch.tensor([1, 0], dtype=torch.int32)
WEIGHT = torch.randn(3, 4)

CASES: dict[str, tuple[Callable[..., Any], tuple[Argument, ...]]] = {
    "embedding": (lambda i, w: F.embedding(i, w) * 2, (ROWS, (3, 4))),
    "embedding int32": (lambda i, w: F.embedding(i, w), (INT32, (3, 4))),
    "embedding of computed": (lambda i, w: F.embedding(i, torch.exp(w) + 1), (ROWS, (3, 4))),
    "embedding of half": (lambda i: F.embedding(i, WEIGHT.half()) + 1, (ROWS,)),
    "embedding bag by hand": (lambda i, w: F.embedding(i, w).mean(1), (ROWS, (3, 4))),
    "index select": (lambda x, i: torch.index_select(x, 1, i), ((2, 3, 4), torch.tensor([2, 2, 0, 1]))),
    "gather": (lambda x, i: torch.gather(x, 1, i), ((2, 3), ROWS)),
    "gather of a number": (lambda x, i: torch.gather(x, 0, i), ((), torch.tensor([0]))),
    "gather by a number": (lambda x, i: torch.gather(x, 0, i), ((3,), torch.tensor(2))),
    "scatter by a number": (lambda x, i, v: x.scatter(0, i, v), ((3,), torch.tensor(2), ())),
    "scatter_reduce by a number": (
        lambda x, i, v: x.scatter_reduce(0, i, v, "amax"),
        ((3,), torch.tensor(2), ()),
    ),
    "index put of nothing": (lambda x, i, v: x.index_put((i,), v, accumulate=True), ((0,), FLAT[:0], (0,))),
    "advanced": (lambda x, i: x[i] + 1, ((3, 4), FLAT)),
    "advanced two dims": (lambda x, i: x[i, i], ((3, 3, 4), FLAT)),
    "advanced inside": (lambda x, i: x[:, i], ((2, 3, 4), ROWS)),
    "advanced apart": (lambda x, i: x[i, :, i], ((3, 2, 3), FLAT)),
    "advanced broadcast": (lambda x, i: x[i[:, None], i[None, :]], ((3, 3), FLAT)),
    "computed positions": (lambda x: x[torch.arange(3) * 2 % 3], ((3, 4),)),
    "positions from max": (lambda x: x[torch.arange(2), x.argmax(1)], ((2, 3),)),
    "two lookups": (lambda i, w: w[w[i].argmax(-1)], (ROWS, (4, 4))),
    "index put": (lambda x, i, v: x.index_put((i,), v), ((3, 4), FLAT[:2], (2, 4))),
    "index put adds": (
        lambda x, i, v: x.index_put((i,), v, accumulate=True),
        ((3, 4), torch.tensor([1, 1, -1]), (3, 4)),
    ),
    "index put by mask": (lambda x: x.index_put((x > 0,), torch.tensor(9.0)), ((3, 4),)),
    "scatter": (lambda x, i, v: x.scatter(1, i, v), ((2, 3), ROWS, (2, 2))),
    "scatter a number": (lambda x, i: x.scatter(1, i, 5.0), ((2, 3), ROWS)),
    "scatter add": (lambda x, i, v: x.scatter_add(1, i * 0 + 1, v), ((2, 3), ROWS, (2, 2))),
    "one hot": (lambda i: F.one_hot(i, 3), (ROWS,)),
    "writes to rows": (lambda x, i: _write(x, i), ((3, 4), FLAT)),
}


def _write(x: torch.Tensor, i: torch.Tensor) -> torch.Tensor:
    y = x.clone()
    y[i] = 2.0
    return y


@pytest.mark.parametrize("name", CASES)
def test_indexing(name: str) -> None:
    function, arguments = CASES[name]
    check(function, *arguments)


def test_a_position_out_of_range_is_reported_with_its_place() -> None:
    program = lower_function(lambda i, w: F.embedding(i, w), (ROWS, torch.randn(3, 4)))
    bad = np.array([[0, 1], [3, 0]])
    with pytest.raises(
        IndexOutOfRange, match=r"aten.embedding.default \[embedding\].*index 3 is out of range for 3 elements"
    ):
        interpret(program, [bad, np.zeros((3, 4), np.float32)])
