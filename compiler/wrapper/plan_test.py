"""From schedules to plans: what is allocated when, what is returned, what is copied."""

from __future__ import annotations

from dataclasses import replace

import pytest

from compiler.ir.dtypes import float32, int64
from compiler.ir.expr import sym
from compiler.ir.loop import Constant, ExternKernel, Input, Layout, OutputRef, TensorRef, View
from compiler.ir.schedule import KernelGroup, Placement
from compiler.ir.wrapper import (
    Alloc,
    ConstantSlot,
    Copy,
    ExternCall,
    Free,
    Launch,
    Operand,
    Plan,
    Return,
    Reuse,
)
from compiler.ir.wrapper import View as ViewLine
from compiler.ir.wrapper_text import parse_plan, print_plan
from compiler.support.diagnostics import InternalError
from compiler.support.options import CompileOptions, Context
from compiler.wrapper import example
from compiler.wrapper.example import MATRIX
from compiler.wrapper.plan import run

CONTEXT = Context(CompileOptions("m_aoti"))
SLOT = ConstantSlot("w", MATRIX, MATRIX, 0, 16384, "fc.weight")


def plan(outputs: list[OutputRef], constants: list[Constant] | None = None) -> Plan:
    made = example.schedule(example.program(outputs, constants))
    return run(made, example.specs(), {"w": SLOT}, 16384 if constants else 0, CONTEXT)


def test_buffers_appear_just_before_their_kernel() -> None:
    made = run(example.schedule(), example.specs(), {}, 0, CONTEXT)
    kinds = [type(line) for line in made.lines]
    assert kinds == [Alloc, Launch, Alloc, Launch, Return]
    first, second = [line for line in made.lines if isinstance(line, Alloc)]
    assert (first.name, first.place, second.name, second.place) == ("buf0", "arena", "buf2", "output")
    assert made.lines[-1] == Return(("buf2",))
    assert made.scratch_bytes_per_thread == 4096
    assert [line.can_fail for line in made.lines if isinstance(line, Launch)] == [False, True]


@pytest.mark.parametrize("buffer, kind", [("x", "input"), ("w", "constant"), ("buf0", "arena")])
def test_memory_that_is_not_the_callers_is_never_returned(buffer: str, kind: str) -> None:
    with pytest.raises(InternalError, match=f"whose memory is not the caller's \\({kind}\\)"):
        plan([OutputRef("a", TensorRef(buffer, MATRIX))], [Constant("w", MATRIX, "w", "fc.weight")])


def test_the_same_output_twice_shares_memory() -> None:
    made = plan([OutputRef("a", TensorRef("buf2", MATRIX)), OutputRef("b", TensorRef("buf2", MATRIX))])
    assert isinstance(made.lines[-2], ViewLine) and made.lines[-2].base == "buf2"
    assert made.lines[-1] == Return(("buf2", made.lines[-2].name))


def test_view_of_an_output_is_a_view() -> None:
    column = Layout(float32, MATRIX.size[:1], MATRIX.stride[:1], MATRIX.stride[1] * 3)
    made = plan([OutputRef("a", TensorRef("buf2", column))])
    assert isinstance(made.lines[-2], ViewLine) and made.lines[-2].layout.offset == 3
    assert made.outputs[0].layout == Layout(float32, MATRIX.size[:1], MATRIX.stride[:1])


def test_plain_values_are_literals() -> None:
    made = plan([OutputRef("n", None), OutputRef("i", 3), OutputRef("t", TensorRef("buf2", MATRIX))])
    assert made.lines[-1] == Return((None, None, "buf2"))
    assert [o.literal for o in made.outputs] == [None, 3, None]


def test_what_is_given_on_another_device_is_copied() -> None:
    program = example.program([OutputRef("a", TensorRef("buf2", MATRIX), "cuda")])
    program.inputs[1] = replace(program.inputs[1], given_on="cuda")
    made = run(example.schedule(program), example.specs(), {}, 0, CONTEXT)
    far = replace(MATRIX, device="cuda")
    fetched, given = (line for line in made.lines if isinstance(line, Copy))
    assert fetched == Copy(Operand("y_on_cpu", MATRIX), Operand("y", far))
    assert given == Copy(Operand("buf2_on_cuda", far), Operand("buf2", MATRIX))
    assert made.inputs[1].layout == made.outputs[0].layout == far
    assert made.lines[0] == Alloc("y_on_cpu", MATRIX, "own") and Free("y_on_cpu") in made.lines
    read = [a.value for line in made.lines if isinstance(line, Launch) for a in line.args]
    assert "y_on_cpu" in read and "y" not in read
    assert made.lines[-1] == Return(("buf2_on_cuda",))
    assert print_plan(parse_plan(print_plan(made))) == print_plan(made)


def test_memory_is_taken_over_in_place() -> None:
    made = example.schedule()
    made.placement["buf2"] = Placement("arena", 0, 16384)
    made.reuse["buf2"] = "buf0"
    made.program.outputs = []
    specs = [
        example.specs()[0],
        replace(example.specs()[1], arguments=(example.argument("in_out_ptr0", "buf2", "inout"),)),
    ]
    lines = run(made, specs, {}, 0, CONTEXT).lines
    assert Reuse("buf2", MATRIX, "buf0") in lines


def test_views_get_a_line_only_when_named() -> None:
    made = example.schedule()
    flat = Layout.contiguous(float32, [4096])
    for name in ("used", "unused"):
        made.program.nodes.append(View(name, flat, (), TensorRef("buf0", flat)))
        made.groups.insert(1, KernelGroup(name, "view", [made.program.nodes[-1]]))
        made.placement[name] = Placement("view", base="buf0")
    specs = [example.specs()[0], replace(example.specs()[1], arguments=(example.argument("in_ptr0", "used", "in", flat),
                                                                        example.argument("out_ptr0", "buf2", "out")))]  # fmt: skip
    lines = run(made, specs, {}, 0, CONTEXT).lines
    assert [line.name for line in lines if isinstance(line, ViewLine)] == ["used"]


def test_extern_calls_with_fresh_and_given_results() -> None:
    for kind, fresh in (("extern", True), ("output", False)):
        made = example.schedule()
        node = ExternKernel(
            "buf2",
            MATRIX,
            (),
            "aoti_torch_cpu_f",
            (TensorRef("buf0", MATRIX), 2, None, (1, 2)),
            "aten.f.default",
        )
        made.program.nodes[1:] = [node]
        made.groups[1] = KernelGroup("aoti_torch_cpu_f", "extern", [node])
        made.placement["buf2"] = Placement(kind)
        lines = run(made, example.specs()[:1], {}, 0, CONTEXT).lines
        (call,) = [line for line in lines if isinstance(line, ExternCall)]
        assert call.fresh == fresh
        assert call.args[1:] == (2, None, (1, 2))
        assert any(isinstance(line, Alloc) and line.name == "buf2" for line in lines) != fresh


def test_size_symbols_are_found_in_inputs() -> None:
    s0 = sym("s0", 1, 64)
    made = example.schedule()
    made.program.inputs[0] = Input("x", Layout.contiguous(float32, [s0 * 2, s0]))
    found = run(made, example.specs(), {}, 0, CONTEXT).symbols
    assert [(s.input_index, s.dim) for s in found] == [(0, 1)]
    made.program.inputs[0] = Input("x", Layout.contiguous(float32, [s0 * 2 + 1]))
    (found_in_part,) = run(made, example.specs(), {}, 0, CONTEXT).symbols
    assert (found_in_part.dim, found_in_part.scale, str(found_in_part.rest)) == (0, 2, "1")
    made.program.inputs[0] = Input("x", Layout.contiguous(float32, [s0 * s0]))
    with pytest.raises(InternalError, match="no dimension of an input gives the sizes s0"):
        run(made, example.specs(), {}, 0, CONTEXT)


def test_an_argument_without_a_form_in_c_is_refused() -> None:
    made = example.schedule()
    node = ExternKernel(
        "buf2", Layout.contiguous(int64, [1]), (), "aoti_torch_cpu_f", (object(),), "aten.f.default"
    )
    made.program.nodes[1:] = [node]
    made.groups[1] = KernelGroup("aoti_torch_cpu_f", "extern", [node])
    with pytest.raises(InternalError, match="has no form in C"):
        run(made, example.specs()[:1], {}, 0, CONTEXT)
