"""Loops of a pointwise group re-ordered to match another group's."""

from __future__ import annotations

import pytest

from compiler.ir.expr import Expr, const, sym
from compiler.ir.loop import loop_var, reduction_var
from compiler.scheduler.realign import _stays_below, solve


def test_solve_finds_each_variable() -> None:
    a, b, c = loop_var(0, 3), loop_var(1, 10), loop_var(2, 50)
    i, j, r = loop_var(0, 3), loop_var(1, 50), reduction_var(0, 10)
    own = a * 500 + b * 50 + c
    found = solve(own, {a: const(3), b: const(10), c: const(50)}, i * 500 + r * 50 + j)
    assert found == {a: i, b: r, c: j}


@pytest.mark.parametrize("wanted", ["overlap", "outside"])
def test_solve_refuses_what_has_no_plain_answer(wanted: str) -> None:
    a, b = loop_var(0, 4), loop_var(1, 6)
    i, r = loop_var(0, 12), reduction_var(0, 2)
    index: Expr = i + r if wanted == "overlap" else i * 2 + r
    assert solve(a * 6 + b, {a: const(4), b: const(6)}, index) is None


def test_solve_refuses_an_index_that_visits_places_twice() -> None:
    a, b = loop_var(0, 4), loop_var(1, 6)
    assert solve(a * 3 + b, {a: const(4), b: const(6)}, a * 3 + b) is None


@pytest.mark.parametrize("extent", [const(7), sym("s0", 0, None), sym("u0", 0, 90)])
def test_a_loop_that_would_be_shifted_or_stretched_is_refused(extent: Expr) -> None:
    """`buf[i0 + 1]` under a mask that never holds is a load of the same number of elements, and of others."""
    i = loop_var(0, extent)
    assert _stays_below(i, extent)
    assert not _stays_below(i + 1, extent)
    assert not _stays_below(i - 1, extent)
    assert not _stays_below(i * 2, extent)
