"""Branches and loops through frontend, passes and lowering: the interpreter's numbers are eager's, the text is read back."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch._higher_order_ops
from torch import Tensor, nn

from compiler.ir.loop import Cond, Program, While
from compiler.lowering.testing.case_harness import check

# Typed as little as PyTorch types them.
_OPERATORS: Any = torch._higher_order_ops
hop_map, scan, while_loop = _OPERATORS.map, _OPERATORS.scan, _OPERATORS.while_loop


def _only(program: Program, kind: type[Cond] | type[While]) -> Any:
    (found,) = (n for n in program.nodes if isinstance(n, kind))
    return found


def test_both_sides_of_a_branch() -> None:
    def f(x: Tensor, y: Tensor) -> Any:
        return torch.cond(
            x.sum() > 0, lambda a, b: (a + b, a.t() * 3), lambda a, b: (a - b, (b * 2).t()), (x, y)
        )

    ones = torch.ones(3, 4)
    check(f, ones, (3, 4))
    check(f, -ones, (3, 4))


def test_branches_in_branches_and_outer_values() -> None:
    def inner(x: Tensor) -> Tensor:
        result: Tensor = torch.cond(x[0, 0] > 0, lambda v: v.exp(), lambda v: v.softmax(-1), (x,))
        return result + 1

    def f(x: Tensor) -> Tensor:
        y = (x * 3).cos()
        result: Tensor = torch.cond(x.sum() > 0, inner, lambda v: v.cumsum(0), (y,))
        return result * y

    for sign in (1, -1):
        check(f, sign * torch.rand(3, 4))


class Bodies(nn.Module):
    """Weights inside of bodies."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 6)

    def forward(self, x: Tensor) -> Any:
        a = torch.cond(x.sum() > 0, lambda v: self.linear(v), lambda v: self.linear(v).relu(), (x,))
        start = torch.zeros((), dtype=torch.int64)
        n, b = while_loop(lambda i, v: i < 3, lambda i, v: (i + 1, self.linear(v).tanh()), (start, x))
        return a, n, b


def test_weights_of_bodies_are_packed_once() -> None:
    program = check(Bodies(), (2, 6))
    assert [c.packing for c in program.constants if c.fqn.endswith("weight")] == ["panel16"]
    assert all(c.name in {k.name for k in program.constants} for c in _only(program, While).body.constants)


def test_a_loop_whose_length_is_data() -> None:
    def f(x: Tensor, n: Tensor) -> Any:
        return while_loop(lambda i, v: i < n, lambda i, v: (i + 2, v * 0.5 + x), (torch.zeros_like(n), x + 1))

    for n in (0, 1, 7):
        check(f, (5,), torch.tensor(n))


def test_carried_values_that_change_places() -> None:
    def f(x: Tensor, y: Tensor) -> Any:
        start = torch.zeros((), dtype=torch.int64)
        return while_loop(lambda i, a, b: i < 3, lambda i, a, b: (i + 1, b.flip(0), a + b), (start, x, y))

    check(f, (4,), (4,))


def test_scan_with_and_without_carry() -> None:
    def f(x: Tensor, init: Tensor) -> Any:
        total, partial = scan(lambda c, v: (c + v.sin(), c * v), init, x)
        return total, partial, hop_map(lambda v, k: (v.softmax(-1) + k, v.sum()), x, init)

    check(f, (5, 3), (3,))
    check(f, (1, 3), (3,))


def test_a_loop_in_a_loop() -> None:
    def f(x: Tensor) -> Any:
        def row(v: Tensor) -> Tensor:
            start = torch.zeros((), dtype=torch.int64)
            result: Tensor = while_loop(lambda i, a: i < 2, lambda i, a: (i + 1, a * a), (start, v))[1]
            return result

        return hop_map(row, x)

    check(f, (3, 4))


def test_a_row_of_a_carried_tensor_is_written_in_place() -> None:
    def f(x: Tensor) -> Any:
        start = torch.zeros(1, dtype=torch.int64)
        step = lambda i, a: (i + 1, a.index_copy(0, i, a[:1] * 2))  # noqa: E731
        return while_loop(lambda i, a: (i < 3).all(), step, (start, x))

    check(f, (4, 3))


@pytest.mark.parametrize("kind", ["view", "constant", "twice"])
def test_results_that_are_no_new_value(kind: str) -> None:
    bodies: dict[str, Any] = {
        "view": lambda v: (v.t().contiguous() + 0, v[0].clone()),
        "constant": lambda v: (torch.ones_like(v), torch.zeros_like(v[0])),
        "twice": lambda v: (v * 2, v[1] * 2),
    }

    def f(x: Tensor) -> Any:
        return torch.cond(x.sum() > 0, bodies[kind], lambda v: (v.exp(), v.sum(0)), (x,))

    check(f, torch.tensor([[1.0, 2.0], [3.0, 4.0]]))


def test_a_start_value_that_is_cheap_is_used_by_two_loops() -> None:
    def f(x: Tensor) -> Any:
        start, zero = x * 2, torch.zeros((), dtype=torch.int64)
        one = while_loop(lambda i, v: i < 2, lambda i, v: (i + 1, v + 1), (zero, start))
        two = while_loop(lambda i, v: i < 3, lambda i, v: (i + 1, v - 1), (zero, start))
        return one, two, scan(lambda c, v: (c + v, c * 1), start[0] * 1, start)

    check(f, (3, 4))
