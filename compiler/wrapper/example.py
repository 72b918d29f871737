"""A hand-built schedule and its kernels: `cos(mm(sin(x), y))`, for the tests of the wrapper, the package and the writers."""

from __future__ import annotations

from compiler.ir.dtypes import float32
from compiler.ir.kernel import Argument, KernelSpec
from compiler.ir.loop import (
    Body,
    Constant,
    Input,
    Layout,
    Node,
    OutputRef,
    Pointwise,
    Program,
    TemplateKernel,
    TensorRef,
)
from compiler.ir.schedule import KernelGroup, Placement, Schedule
from compiler.support.origins import Origin

MATRIX = Layout.contiguous(float32, [64, 64])
_EMPTY = Body((), ())


def origin(name: str) -> Origin:
    """An origin of `aten.<name>` in one line of a model's source."""
    return Origin(name, f"aten.{name}.default", "models/my_model.py:20 in forward")


def argument(name: str, buffer: str, direction: str, layout: Layout = MATRIX) -> Argument:
    """An argument of a kernel with the buffer's own dtype."""
    return Argument(name, buffer, layout.dtype, direction, layout)


def program(outputs: list[OutputRef] | None = None, constants: list[Constant] | None = None) -> Program:
    """Three nodes; the output is `buf2` unless said otherwise."""
    nodes: list[Node] = [
        Pointwise("buf0", MATRIX, (origin("sin"),), _EMPTY),
        TemplateKernel(
            "buf1",
            MATRIX,
            (origin("mm"),),
            "bmm",
            (TensorRef("buf0", MATRIX), TensorRef("y", MATRIX)),
            (),
            MATRIX.size,
        ),
        Pointwise("buf2", MATRIX, (origin("cos"),), _EMPTY),
    ]
    inputs = [Input("x", MATRIX, "models/my_model.py:20 in forward"), Input("y", MATRIX)]
    return Program(
        "m", inputs, constants or [], nodes, outputs or [OutputRef("cos", TensorRef("buf2", MATRIX))]
    )


def schedule(made: Program | None = None) -> Schedule:
    """Two launches; `buf0` in the arena, `buf1` inside the second kernel, `buf2` for the caller."""
    made = made or program()
    groups = [
        KernelGroup("cpp_fused_sin_0", "loops", made.nodes[:1]),
        KernelGroup("cpp_fused_mm_cos_1", "template", made.nodes[1:3], {"buf1"}),
    ]
    placement = {
        "x": Placement("input"),
        "y": Placement("input"),
        "buf0": Placement("arena", 0, 16384),
        "buf1": Placement("local"),
        "buf2": Placement("output"),
        **{c.name: Placement("constant") for c in made.constants},
    }
    return Schedule(made, groups, placement, {}, 16384)


def specs() -> list[KernelSpec]:
    """The kernels of `schedule()`."""
    return [
        KernelSpec("cpp_fused_sin_0", "cpp_fused_sin_0", (argument("in_ptr0", "x", "in"), argument("out_ptr0", "buf0", "out")), (), (), ()),
        KernelSpec(
            "cpp_fused_mm_cos_1",
            "cpp_fused_mm_cos_1",
            (argument("in_ptr0", "buf0", "in"), argument("in_ptr1", "y", "in"), argument("out_ptr0", "buf2", "out")),
            (), (), (), can_fail=True, scratch_bytes_per_thread=4096,
        ),
    ]  # fmt: skip
