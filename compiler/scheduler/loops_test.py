"""Simplified loops of single nodes: memory order, dropped and merged loops."""

from __future__ import annotations

from compiler.ir.expr import exprs
from compiler.ir.loop import Pointwise, Program, Reduction
from compiler.scheduler.example_families import FAMILIES
from compiler.scheduler.example_programs import ProgramBuilder
from compiler.scheduler.loops import Loops, simplify


def loops_of(program: Program, name: str) -> Loops:
    node = next(n for n in program.nodes if n.name == name)
    assert isinstance(node, (Pointwise, Reduction))
    return simplify(node)


def test_channels_last_merges_into_one_loop() -> None:
    found = loops_of(FAMILIES["channels_last"](), "buf0")
    assert (found.outer, found.inner) == (exprs([240]), ())
    assert str(found.member.store) == "i0"


def test_broadcast_keeps_only_the_loops_that_differ() -> None:
    found = loops_of(FAMILIES["broadcast"](), "buf0")
    assert found.outer == exprs([35, 33])


def test_a_view_over_two_dims_prevents_merging() -> None:
    found = loops_of(FAMILIES["transpose"](), "buf0")
    assert found.outer == exprs([80, 96])


def test_reduced_loops_are_in_memory_order_of_what_is_read() -> None:
    b = ProgramBuilder("p")
    x = b.input("x", [5, 6, 7])
    s = b.reduce("sum", [6], [7, 5], lambda o, i, r: o.load(x, [r[1], i[0], r[0]]))
    found = loops_of(b.build(s), s)
    assert (found.outer, found.inner) == (exprs([6]), exprs([5, 7]))
    assert str(found.member.body.ops[0].expr) == "42*r0 + 7*i0 + r1"


def test_positions_count_in_the_given_order() -> None:
    b = ProgramBuilder("p")
    x = b.input("x", [5, 6, 7])
    s = b.reduce("argmax", [6], [7, 5], lambda o, i, r: o.load(x, [r[1], i[0], r[0]]))
    assert loops_of(b.build(s), s).inner == exprs([7, 5])


def test_a_reduction_over_one_element_keeps_a_loop() -> None:
    b = ProgramBuilder("p")
    x = b.input("x", [5, 1])
    s = b.reduce("sum", [5], [1], lambda o, i, r: o.load(x, [i[0], r[0]]))
    found = loops_of(b.build(s), s)
    assert (found.outer, found.inner) == (exprs([5]), exprs([1]))


def test_divisions_of_merged_variables_merge() -> None:
    """x[(3*i0 + i1) // 8] depends on the two loops only as one."""
    b = ProgramBuilder("p")
    x = b.input("x", [2])
    p = b.pointwise("clone", [5, 3], lambda o, i: o.load(x, [(i[0] * 3 + i[1]) // 8]))
    found = loops_of(b.build(p), p)
    assert found.outer == exprs([15])
    assert str(found.member.body.ops[0].expr) == "(i0 // 8)"
