"""Branches and loops under the JIT when sizes change from call to call: Dynamo hands the sizes to their bodies as numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._higher_order_ops.scan import scan
from torch._higher_order_ops.while_loop import while_loop

from compiler.driver import jit, jit_bodies
from compiler.support.diagnostics import UserError


def chosen(x: Tensor) -> Any:
    return torch.cond(x.sum() > 0, lambda x: x.sin() + 1, lambda x: x.cos() * 2, (x,))


def nested(x: Tensor) -> Any:
    n = x.shape[0]

    def yes(x: Tensor) -> Any:
        return torch.cond(x.sum() > 5, lambda x: x * n + x.reshape(-1, n).sum(), lambda x: x - n, (x,))

    return torch.cond(x[0, 0] > 0, yes, lambda x: x + 2 * n, (x,))


def scanned(x: Tensor) -> Tensor:
    results: tuple[Tensor, Tensor] = scan(
        lambda c, v: (c + v * x.shape[0], c.sin()), torch.zeros(x.shape[1]), x
    )
    return results[1]


def looped(x: Tensor) -> Any:
    n = x.shape[0]

    def turn(i: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        return i + 1, torch.cond(i > 1, lambda x: x * 0.5 + n, lambda x: x + 1, (x,))

    return while_loop(lambda i, x: i < n, turn, (torch.tensor(0), x))[1]  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("function", [chosen, nested, scanned, looped])
def test_sizes_change(function: Callable[[Tensor], Any]) -> None:
    torch._dynamo.reset()
    compiled = jit.compile(function)
    for rows in (3, 4, 6, 4):
        for shift in (-2.0, 0.0, 2.0):
            x = torch.randn(rows, 4) + shift
            torch.testing.assert_close(compiled(x), function(x))


def test_what_carries_a_loop_is_left_alone_and_open_sizes_are_refused() -> None:
    body = torch.fx.symbolic_trace(lambda i, x, n: (i + 1, x * n))
    (closed, carried, rest) = jit_bodies.tensors_only("while_loop", (body, (0, torch.ones(2)), (3,)))
    assert carried[0] == 0 and rest == ()
    assert [n.name for n in closed.graph.find_nodes(op="placeholder")] == ["i", "x"]
    assert torch.equal(closed(1, torch.ones(2))[1], torch.full((2,), 3.0))
    assert len(body.graph.find_nodes(op="placeholder")) == 3

    shape_env = torch.fx.experimental.symbolic_shapes.ShapeEnv()
    size = shape_env.create_unbacked_symint()
    with pytest.raises(UserError, match="while_loop takes a size that varies"):
        jit_bodies.tensors_only("while_loop", (body, (0, torch.ones(2)), (size,)))
