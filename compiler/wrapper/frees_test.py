"""Where memory of a run's own ends, and what the verifier and the text say of sizes from data."""

from __future__ import annotations

import pytest

from compiler.ir.dtypes import bool_, float32, int64
from compiler.ir.expr import sym
from compiler.ir.guard import Guard
from compiler.ir.loop import Layout
from compiler.ir.wrapper import (
    Alloc,
    Arg,
    Check,
    Cond,
    Free,
    InputSlot,
    Launch,
    Line,
    Operand,
    OutputSlot,
    Plan,
    ReadSize,
    Return,
    Reuse,
    View,
)
from compiler.ir.wrapper_text import parse_plan, print_plan
from compiler.ir.wrapper_verify import verify
from compiler.support.diagnostics import InternalError
from compiler.support.origins import Origin
from compiler.wrapper import cpp_writer, frees
from compiler.wrapper.python_writer import write

U0 = sym("u0", 0, None)
ONE, ROW = Layout.contiguous(int64, []), Layout.contiguous(float32, [U0])
READ = ReadSize(U0, Operand("n", ONE), (Origin("item", "aten.item.default", "m.py:3 in forward"),))


def launch(kernel: str, *args: tuple[str, str]) -> Launch:
    sizes = [Arg(U0, "int64_t", "size")] if any(name != "n" for name, _ in args) else []
    return Launch(kernel, (*(Arg(name, "float", mode) for name, mode in args), *sizes))


def plan(*lines: Line) -> Plan:
    inputs = [InputSlot("n", ONE), InputSlot("flag", Layout.contiguous(bool_, []))]
    return Plan("m", inputs, [], [OutputSlot("y", ROW)], list(lines))


LINES: list[Line] = [
    READ,
    Check(Guard("le", U0, U0 * 0 + 64, "m.py:4 in forward")),
    Alloc("a", ROW, "own"),
    launch("k0", ("a", "out")),
    View("v", ROW, "a"),
    Alloc("y", ROW, "output"),
    Cond("flag", (launch("k1", ("v", "in"), ("y", "out")),), (launch("k2", ("y", "out")),)),
    Alloc("b", ROW, "own"),
    launch("k3", ("b", "out")),
    Reuse("c", ROW, "b"),
    launch("k4", ("c", "inout")),
    Return(("y",)),
]


def test_memory_is_freed_after_its_last_use_views_and_blocks_included() -> None:
    made = frees.run(LINES)
    assert [line for line in made if isinstance(line, Free)] == [Free("a", ("v",)), Free("c")]
    assert isinstance(made[made.index(Free("a", ("v",))) - 1], Cond)
    assert made.index(Free("c")) == len(made) - 2
    verify(plan(*made))


def test_memory_of_a_block_is_freed_in_it() -> None:
    inner = (Alloc("t", ROW, "own"), launch("k", ("t", "out")), launch("k", ("y", "out")))
    (cond,) = frees.run([Cond("flag", inner, ())])
    assert isinstance(cond, Cond) and cond.then == (*inner[:2], Free("t"), inner[2])


def test_the_plan_reads_back() -> None:
    made = plan(*frees.run(LINES))
    assert parse_plan(print_plan(made)) == made


@pytest.mark.parametrize(
    ("lines", "rule"),
    [
        ([Alloc("a", ROW, "own"), READ], "size u0 uses unknown symbols"),
        ([READ, Alloc("a", ROW, "own"), Free("a"), launch("k", ("a", "in"))], "'a' is used after it was freed"),
        ([READ, Alloc("a", ROW, "own"), View("v", ROW, "a"), Free("a"), launch("k", ("v", "in"))], "used after it was"),
        ([READ, Alloc("y", ROW, "output"), Free("y")], "does not own memory that can be freed"),
        ([Cond("flag", (READ,), ()), Alloc("a", ROW, "own")], "unknown symbols"),
        ([Check(Guard("lt", U0, U0 * 2))], "guard u0 uses unknown symbols"),
        ([READ, Alloc("y", ROW, "own"), Return(("y",))], "whose memory is not the caller's"),
    ],
)  # fmt: skip
def test_broken_plans_are_refused(lines: list[Line], rule: str) -> None:
    ending: list[Line] = (
        [] if isinstance(lines[-1], Return) else [Alloc("y_", ROW, "output"), Return(("y_",))]
    )
    with pytest.raises(InternalError, match=rule):
        verify(plan(*lines, *ending))


def test_both_writers_say_the_same() -> None:
    made = plan(*frees.run(LINES))
    python, cpp = write(made), [row for row, _ in cpp_writer.line_rows(made)]
    assert 'u0 = rt.read_size(rt.view(n, (), (), 0, "int64"), 0, None, ' in python and "del a, v" in python
    assert "const int64_t u0 = n[0];" in cpp and "a_owner.reset();" in cpp
    assert any(row.startswith("AOTI_CHECK_READ(u0 >= 0, u0, ") for row in cpp)
    values = "here u0 = %lld (aten.item.default [item] at m.py:3 in forward); m.py:4 in forward"
    assert f'AOTI_CHECK_SIZES(u0 <= 64, "expected u0 <= 64; {values}", (long long)u0);' in cpp
    assert any("AOTI_CHECK_SIZES(a_memory.bytes() >= 0, " in row for row in cpp)
