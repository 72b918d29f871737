"""Iteration spaces: refinements, and old variables over new ones."""

from __future__ import annotations

import itertools

import pytest

from compiler.ir.expr import exprs, sym
from compiler.ir.loop import loop_var
from compiler.scheduler.space import express, refine, split_at


@pytest.mark.parametrize(
    ("a", "b", "wanted"),
    [
        ([49152], [128, 384], [128, 384]),
        ([4, 30], [12, 10], [4, 3, 10]),
        ([1, 6, 1], [2, 3], [2, 3]),
        ([], [1], []),
        ([4, 30], [120, 2], None),
        ([15], [5, 4], None),
        ([3, 5], [5, 3], None),
    ],
)
def test_refine(a: list[int], b: list[int], wanted: list[int] | None) -> None:
    found = refine(exprs(a), exprs(b))
    assert found == (None if wanted is None else exprs(wanted))
    assert refine(exprs(b), exprs(a)) == found


def test_refine_symbolic_sizes() -> None:
    n = sym("s0", 2, 100)
    assert refine((n * 8,), (n, *exprs([8]))) == (n, *exprs([8]))
    assert refine((n,), exprs([8])) is None


def test_express_enumerates_the_same_points() -> None:
    old, new = exprs([4, 30]), exprs([4, 3, 10])
    variables = [loop_var(k, e) for k, e in enumerate(new)]
    values = express(old, new, variables)
    assert values is not None
    points = []
    for position in itertools.product(range(4), range(3), range(10)):
        env = dict(zip(variables, position, strict=True))
        points.append(tuple(v.evaluate(env) for v in values))
    assert points == list(itertools.product(range(4), range(30)))


def test_express_refuses_what_is_no_refinement() -> None:
    new = exprs([6, 5])
    assert express(exprs([10, 3]), new, [loop_var(k, e) for k, e in enumerate(new)]) is None


def test_split_at() -> None:
    assert split_at(exprs([2, 3, 4]), exprs([12])) == 1
    assert split_at(exprs([2, 3, 4]), exprs([])) == 3
    assert split_at(exprs([2, 3, 4]), exprs([8])) is None
