"""Positions from a task's number."""

from __future__ import annotations

import itertools

from compiler.codegen.common.tasks import positions
from compiler.ir.expr import exprs, sym


def test_every_position_once_the_last_one_fastest() -> None:
    task = sym("task", 0, 59)
    found = positions(task, exprs([3, 4, 5]))
    got = [tuple(p.evaluate({task: n}) for p in found) for n in range(60)]
    assert got == list(itertools.product(range(3), range(4), range(5)))


def test_one_loop_is_the_task_itself() -> None:
    task = sym("task", 0, 6)
    assert positions(task, exprs([7])) == [task]
    assert positions(task, []) == []


def test_no_iterations() -> None:
    assert len(positions(sym("task", 0, 0), exprs([3, 0, 5]))) == 3
