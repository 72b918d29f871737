"""Schedules of branches and loops: numbers, text, and a verifier that sees blocks which use memory that is not theirs."""

from __future__ import annotations

import numpy as np
import pytest

from compiler.ir.loop_interpreter import interpret
from compiler.ir.loop_parse import parse_program
from compiler.ir.schedule import Schedule
from compiler.ir.schedule_text import parse_schedule, print_schedule
from compiler.scheduler.pipeline import run
from compiler.scheduler.schedule_interpreter import ScheduleInterpreter
from compiler.scheduler.verify import verify
from compiler.support.diagnostics import InternalError
from compiler.support.options import CompileOptions, Context

# y = x; for i in 0..n: y = flip(y + a) where a = exp(x) is computed before, and z = a or -a by a flag.
PROGRAM = """program p
input x float32 [8] stride [1]
input n int64 [] stride []
input flag bool [] stride []
a = pointwise float32 [8] stride [1]
  from "a" "exp" ""
  %0 = load x[-i0 + 7] : float32
  %1 = exp %0 : float32
  yield %1
while0 = while bool [] stride []
  from "while" "while_loop" ""
  | program enter
  | input x float32 [8] stride [1]
  | input i int64 [] stride []
  | input y float32 [8] stride [1]
  | zero = pointwise int64 [] stride []
  |   from "zero" "zeros" ""
  |   %0 = constant 0 : int64
  |   yield %0
  | first = pointwise float32 [8] stride [1]
  |   from "first" "clone" ""
  |   %0 = load x[i0] : float32
  |   yield %0
  | mutate i = zero int64 [] stride []
  | mutate y = first float32 [8] stride [1]
  | program test
  | input i int64 [] stride []
  | input n int64 [] stride []
  | input while0 bool [] stride []
  | less = pointwise bool [] stride []
  |   from "less" "lt" ""
  |   %0 = load i[0] : int64
  |   %1 = load n[0] : int64
  |   %2 = lt %0, %1 : bool
  |   yield %2
  | mutate while0 = less bool [] stride []
  | program body
  | input i int64 [] stride []
  | input y float32 [8] stride [1]
  | input a float32 [8] stride [1]
  | sum = pointwise float32 [8] stride [1]
  |   from "sum" "add" ""
  |   %0 = load y[i0] : float32
  |   %1 = load a[i0] : float32
  |   %2 = add %0, %1 : float32
  |   yield %2
  | flip = pointwise float32 [8] stride [1]
  |   from "flip" "flip" ""
  |   %0 = load sum[-i0 + 7] : float32
  |   yield %0
  | more = pointwise int64 [] stride []
  |   from "more" "add" ""
  |   %0 = load i[0] : int64
  |   %1 = constant 1 : int64
  |   %2 = add %0, %1 : int64
  |   yield %2
  | mutate i = more int64 [] stride []
  | mutate y = flip float32 [8] stride [1]
i = result int64 [] stride [] of while0
  from "i" "while_loop" ""
y = result float32 [8] stride [1] of while0
  from "y" "while_loop" ""
cond0 = cond bool [0] stride [1] on flag bool [] stride []
  from "cond" "cond" ""
  | program then
  | input a float32 [8] stride [1]
  | input z float32 [8] stride [1]
  | same = pointwise float32 [8] stride [1]
  |   from "same" "clone" ""
  |   %0 = load a[i0] : float32
  |   yield %0
  | mutate z = same float32 [8] stride [1]
  | program otherwise
  | input a float32 [8] stride [1]
  | input z float32 [8] stride [1]
  | minus = pointwise float32 [8] stride [1]
  |   from "minus" "neg" ""
  |   %0 = load a[i0] : float32
  |   %1 = neg %0 : float32
  |   yield %1
  | mutate z = minus float32 [8] stride [1]
z = result float32 [8] stride [1] of cond0
  from "z" "cond" ""
b = pointwise float32 [8] stride [1]
  from "b" "mul" ""
  %0 = load y[-i0 + 7] : float32
  %1 = load z[i0] : float32
  %2 = mul %0, %1 : float32
  yield %2
output b = b float32 [8] stride [1]
output i = i int64 [] stride []
"""


def _schedule() -> Schedule:
    return run(parse_program(PROGRAM), Context(CompileOptions("p", fuse_limit=0)))


@pytest.mark.parametrize("turns", [0, 1, 4])
@pytest.mark.parametrize("flag", [True, False])
def test_numbers_are_those_of_the_program(turns: int, flag: bool) -> None:
    schedule = parse_schedule(print_schedule(_schedule()))
    inputs = [np.linspace(-1, 1, 8, dtype=np.float32), np.array(turns), np.array(flag)]
    wanted = interpret(parse_program(PROGRAM), inputs)
    for got, want in zip(ScheduleInterpreter(schedule).run(inputs), wanted, strict=True):
        np.testing.assert_array_equal(got, want)
    assert wanted[1] == turns


def test_the_text_is_read_back() -> None:
    text = print_schedule(_schedule())
    assert print_schedule(parse_schedule(text)) == text


def test_kernels_of_all_blocks_have_names_of_their_own() -> None:
    names = [group.name for _, group in _schedule().launched()]
    assert len(set(names)) == len(names) and len(names) >= 8


def test_a_carried_value_is_computed_in_place_where_that_is_right() -> None:
    body = next(g for g in _schedule().groups if g.name == "while0").blocks[2]
    assert body.placement["more"].base == "i"  # each element is read where it is written
    assert body.placement["flip"].base == "y"  # after the only kernel that reads the old value


def test_the_verifier_sees_blocks_on_memory_that_is_alive() -> None:
    schedule = _schedule()
    loop = next(g for g in schedule.groups if g.name == "while0")
    assert loop.blocks[2].arena_bytes > 0
    loop.blocks_offset = schedule.placement["a"].offset_bytes
    with pytest.raises(InternalError, match="where a lies"):
        verify(schedule)


def test_the_program_verifier_wants_every_result_written() -> None:
    from compiler.ir.loop_verify import verify as verify_program

    with pytest.raises(InternalError, match="blocks write"):
        verify_program(parse_program(PROGRAM.replace("  | mutate z = same float32 [8] stride [1]\n", "").replace(
            "  | mutate z = minus float32 [8] stride [1]\n", "")))  # fmt: skip
    alone = 'q = result float32 [8] stride [1] of a\n  from "q" "cond" ""\noutput b ='
    with pytest.raises(InternalError, match="right after a"):
        verify_program(parse_program(PROGRAM.replace("output b =", alone)))
