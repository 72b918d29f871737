"""Operators that write to their arguments: in the memory of the old value where nobody reads that again, in a copy elsewhere."""

from __future__ import annotations

import pytest

from compiler.ir.loop_parse import parse_program
from compiler.ir.schedule import Schedule
from compiler.ir.schedule_text import parse_schedule, print_schedule
from compiler.scheduler.pipeline import run
from compiler.scheduler.verify import verify
from compiler.support.diagnostics import InternalError
from compiler.support.options import CompileOptions, Context

LAYOUT = "float32 [4] stride [1]"


def _copy_of(name: str, source: str) -> str:
    head = f'{name} = pointwise {LAYOUT}\n  from "{name}" "aten.sin" ""\n'
    return f"{head}  %0 = load {source}[i0] : float32\n  %1 = sin %0 : float32\n  yield %1\n"


def _call(name: str, result: str, base: str, more: str = "") -> str:
    schema = "t::writes(Tensor(a!) x, Tensor? y) -> ()"
    second = f"operand {more} {LAYOUT}" if more else "argument none"
    origin = f'  from "{name}" "t.writes" ""\n'
    call = f'{name} = custom bool [0] stride [1] "{schema}"\n{origin}  written 0 {LAYOUT}\n  {second}\n  base {base} {LAYOUT}\n'
    return f"{call}{result} = result {LAYOUT} of {name}\n{origin}"


def _schedule(*parts: str) -> Schedule:
    program = parse_program(f"program p\ninput x {LAYOUT}\n" + "".join(parts))
    schedule = run(program, Context(CompileOptions("p")))
    return parse_schedule(print_schedule(schedule))


RESULT, OLD = f"output r = r {LAYOUT}\n", f"output old = a {LAYOUT}\n"
# what comes after the first kernel, and whose memory `r` gets
CASES = {
    "the old value is read no more": (
        [_call("c", "r", "a"), _copy_of("b", "r"), f"output b = b {LAYOUT}\n"],
        "a",
    ),
    "it is read after the call": (
        [_call("c", "r", "a"), _call("e", "s", "r", "a"), f"output s = s {LAYOUT}\n"],
        None,
    ),
    "the call itself reads it": (
        [_call("c", "r", "a", "a"), _copy_of("b", "r"), f"output b = b {LAYOUT}\n"],
        None,
    ),
    "it is returned": ([_call("c", "r", "a"), _copy_of("b", "r"), f"output b = b {LAYOUT}\n", OLD], None),
    "the new value is returned": ([_call("c", "r", "a"), RESULT], None),
    "an input": ([_call("c", "r", "x"), _copy_of("b", "r"), f"output b = b {LAYOUT}\n"], None),
    "an input that is changed": (
        [_call("c", "r", "x"), f"mutate x = r {LAYOUT}\n", f"output a = a {LAYOUT}\n"],
        "x",
    ),
    "an input that is changed twice": (
        [_call("c", "q", "x"), _call("e", "r", "q"), f"mutate x = r {LAYOUT}\n", f"output a = a {LAYOUT}\n"],
        "x",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_whose_memory_the_new_value_gets(case: str) -> None:
    parts, memory = CASES[case]
    assert _schedule(_copy_of("a", "x"), *parts).reuse.get("r") == memory


def test_a_base_that_is_read_twice_in_place_is_our_error() -> None:
    schedule = _schedule(_copy_of("a", "x"), *CASES["the call itself reads it"][0])
    schedule.reuse["r"], schedule.placement["r"] = "a", schedule.placement["a"]
    with pytest.raises(InternalError, match="r overwrites a, which the call reads 2 times"):
        verify(schedule)
