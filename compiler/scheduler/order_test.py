"""Orders of groups: valid, deterministic, and with little memory alive."""

from __future__ import annotations

from compiler.ir.loop import Program
from compiler.scheduler.dependencies import analyse
from compiler.scheduler.example_programs import ProgramBuilder
from compiler.scheduler.fuse import fuse
from compiler.scheduler.order import order


def branches(count: int) -> Program:
    """All large values are made first in the program, and each is summed later."""
    b = ProgramBuilder("p")
    x = b.input("x", [64, 64])
    large = [
        b.pointwise("exp", [64, 64], lambda o, i: o.op("exp", o.load(x, [i[1], i[0]]))) for _ in range(count)
    ]
    sums = [b.reduce("sum", [64], [64], lambda o, i, r, a=a: o.load(a, [r[0], i[0]])) for a in large]
    return b.build(*sums)


def test_each_large_value_dies_before_the_next_is_made() -> None:
    program = branches(5)
    dependencies = analyse(program)
    groups, _, _ = fuse(program, dependencies, 0)
    sizes = {name: layout.numel().value() * 4 for name, layout in program.layouts().items()}
    names = [next(iter(g.nodes.values())).name for g in order(groups, dependencies, sizes)]
    assert names == ["buf0", "buf5", "buf1", "buf6", "buf2", "buf7", "buf3", "buf8", "buf4", "buf9"]


def test_the_program_s_order_is_kept_where_memory_does_not_care() -> None:
    b = ProgramBuilder("p")
    x = b.input("x", [8])
    out = [b.pointwise(op, [8], lambda o, i, op=op: o.op(op, o.load(x, i))) for op in ("exp", "sin", "cos")]
    program = b.build(*out)
    dependencies = analyse(program)
    groups, _, _ = fuse(program, dependencies, 0)
    ordered = order(groups[::-1], dependencies, {})
    assert [min(g.nodes) for g in ordered] == [0, 1, 2]
