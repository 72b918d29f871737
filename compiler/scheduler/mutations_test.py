"""Mutations in the schedule: computed in place where no later group needs the old value, copied at the end elsewhere."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from compiler.ir.dtypes import float32
from compiler.ir.loop import Layout, Mutation, TensorRef
from compiler.ir.loop_interpreter import read, run_nodes
from compiler.ir.loop_parse import parse_program
from compiler.ir.schedule import Placement, Schedule
from compiler.ir.schedule_text import parse_schedule, print_schedule
from compiler.scheduler.pipeline import run
from compiler.scheduler.schedule_interpreter import ScheduleInterpreter
from compiler.scheduler.verify import verify
from compiler.support.diagnostics import InternalError
from compiler.support.options import CompileOptions, Context

HEAD = """program p
input state float32 [4, 8] stride [8, 1]
input other float32 [4, 8] stride [8, 1]
"""


def _pointwise(name: str, op: str, *loads: str) -> str:
    rows = [f"{name} = pointwise float32 [4, 8] stride [8, 1]", f'  from "{name}" "aten.{op}" ""']
    rows += [f"  %{k} = load {load} : float32" for k, load in enumerate(loads)]
    n = len(loads)
    return "\n".join(
        [*rows, f"  %{n} = {op} {', '.join(f'%{k}' for k in range(n))} : float32", f"  yield %{n}", ""]
    )


SAME, TURNED = "[8*i0 + i1]", "[-8*i0 - i1 + 31]"


def _schedule(*parts: str) -> Schedule:
    """Schedules the text; what the targets hold afterwards, and the outputs, are those of the program."""
    program = parse_program(HEAD + "".join(parts))
    schedule = run(program, Context(CompileOptions("p", fuse_limit=0)))
    schedule = parse_schedule(print_schedule(schedule))
    generator = np.random.default_rng(0)
    inputs = [generator.standard_normal((4, 8)).astype(np.float32) for _ in program.inputs]
    wanted = run_nodes(program, inputs)
    interpreter = ScheduleInterpreter(schedule)
    outputs = interpreter.run(inputs)
    for mutation in program.mutations:
        got = interpreter.buffers[mutation.target].reshape(4, 8)
        np.testing.assert_array_equal(got, read(mutation.value, wanted))
    for output, got in zip(program.outputs, outputs, strict=True):
        assert isinstance(output.value, TensorRef)
        np.testing.assert_array_equal(got, read(output.value, wanted))
    return schedule


def _mutate(target: str, value: str) -> str:
    return f"mutate {target} = {value} float32 [4, 8] stride [8, 1]\n"


def _output(value: str) -> str:
    return f"output {value}_out = {value} float32 [4, 8] stride [8, 1]\n"


def test_in_place_when_each_element_is_read_where_it_is_written() -> None:
    schedule = _schedule(_pointwise("a", "add", f"state{SAME}", f"other{TURNED}"), _mutate("state", "a"))
    assert schedule.placement["a"] == Placement("mutated", base="state") and len(schedule.groups) == 1


def test_in_place_when_the_old_value_is_not_read_at_all() -> None:
    schedule = _schedule(_pointwise("a", "neg", f"other{TURNED}"), _mutate("state", "a"))
    assert schedule.placement["a"].kind == "mutated"


def test_a_copy_where_other_elements_are_read_too() -> None:
    schedule = _schedule(_pointwise("a", "add", f"state{SAME}", f"state{TURNED}"), _mutate("state", "a"))
    assert schedule.placement["a"].kind == "arena"
    assert schedule.placement["state_next"] == Placement("mutated", base="state")


def test_a_copy_where_a_later_group_reads_the_old_value() -> None:
    later = _pointwise("b", "mul", f"a{TURNED}", f"state{TURNED}")
    schedule = _schedule(_pointwise("a", "exp", f"state{SAME}"), later, _mutate("state", "a"), _output("b"))
    assert schedule.placement["a"].kind == "arena" and schedule.groups[-1].nodes[0].name == "state_next"


def test_a_copy_for_the_second_target_of_one_value() -> None:
    schedule = _schedule(
        _pointwise("a", "add", f"state{SAME}", f"other{SAME}"), _mutate("state", "a"), _mutate("other", "a")
    )
    assert schedule.placement["a"].base == "state" and schedule.placement["other_next"].base == "other"


def test_a_copy_of_what_is_an_output_too() -> None:
    schedule = _schedule(_pointwise("a", "exp", f"state{SAME}"), _mutate("state", "a"), _output("a"))
    assert schedule.placement["a"].kind == "output"


def test_swapped_targets() -> None:
    _schedule(
        _pointwise("a", "neg", f"state{SAME}"),
        _pointwise("b", "exp", f"other{SAME}"),
        _mutate("other", "a"),
        _mutate("state", "b"),
    )


@pytest.mark.parametrize("what", ["reads after", "not placed"])
def test_the_verifier_sees_a_wrong_plan(what: str) -> None:
    schedule = _schedule(
        _pointwise("a", "exp", f"state{SAME}"),
        _pointwise("b", "mul", f"a{TURNED}", f"state{TURNED}"),
        _mutate("state", "a"),
        _output("b"),
    )
    if what == "not placed":
        schedule.placement["state_next"] = Placement("arena", 0, 128)
        with pytest.raises(InternalError, match="the program mutates"):
            verify(schedule)
        return
    last = schedule.groups[-1]
    schedule.groups[:] = [schedule.groups[0], last, *schedule.groups[1:-1]]
    with pytest.raises(InternalError, match="b reads state after state_next overwrote it"):
        verify(schedule)


def test_the_program_verifier_wants_the_targets_layout() -> None:
    from compiler.ir.loop_verify import verify as verify_program

    program = parse_program(HEAD + _pointwise("a", "neg", f"state{SAME}") + _mutate("state", "a"))
    verify_program(program)
    turned = TensorRef("a", Layout.contiguous(float32, [8, 4]))
    for wrong, message in (
        ([Mutation("state", turned)], "different layouts"),
        ([Mutation("a", program.mutations[0].value)], "neither an input nor a constant"),
        ([Mutation("state", TensorRef("other", program.inputs[1].layout))], "no node's buffer"),
        (program.mutations * 2, "mutated twice"),
    ):
        with pytest.raises(InternalError, match=message):
            verify_program(replace(program, mutations=wrong))
