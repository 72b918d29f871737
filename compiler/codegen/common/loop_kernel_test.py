"""KernelSpecs of whole groups, as text."""

from __future__ import annotations

import re

from compiler.codegen.common.loop_kernel import LoopKernel
from compiler.ir.expr import Expr, sym
from compiler.ir.kernel import KernelSpec
from compiler.ir.kernel_text import print_kernel
from compiler.ir.kernel_verify import verify
from compiler.ir.loop import Program
from compiler.scheduler import pipeline
from compiler.scheduler.example_programs import ProgramBuilder, softmax
from compiler.support.options import CompileOptions, Context


def only_spec(program: Program) -> KernelSpec:
    schedule = pipeline.run(program, Context(CompileOptions("test")))
    (group,) = schedule.groups
    spec = LoopKernel(schedule, group, grain_bytes=1 << 16).spec()
    verify(spec)
    return spec


def body(spec: KernelSpec) -> str:
    lines = print_kernel(spec)
    start = next(k for k, line in enumerate(lines) if line.startswith("  parallel"))
    return re.sub(r"grain \d+", "grain N", "\n".join(line[2:] for line in lines[start:])) + "\n"


SOFTMAX = """parallel i0 in [0, 63] to [64] grain N
  local row0 float32 64
  accumulator acc0 max float32
  vector r0 in [0, 63] from [0] to [64]
    tmp0 = load in_ptr0 [64*i0 + r0] : float32
    acc0 max tmp0
  accumulator acc1 sum float32
  vector r0 in [0, 63] from [0] to [64]
    tmp1 = load in_ptr0 [64*i0 + r0] : float32
    tmp2 = sub tmp1 acc0 : float32
    tmp3 = exp tmp2 : float32
    store row0 [r0] tmp3
    acc1 sum tmp3
  vector r0 in [0, 63] from [0] to [64]
    tmp4 = load row0 [r0] : float32
    tmp5 = div tmp4 acc1 : float32
    store out_ptr0 [64*i0 + r0] tmp5
"""


def test_softmax_takes_three_passes_over_a_row() -> None:
    assert body(only_spec(softmax())) == SOFTMAX


COLUMN_SUM = """parallel task in [0, 1] to [2] grain N
  local acc0 float64 64
  define start in [0, 69] as [64*task]
  tmp0 = neutral sum : float64
  vector i0 in [0, 69] from [start] to [min(70, start + 64)]
    store acc0 [i0 - start] tmp0
  serial r0 in [0, 29] from [0] to [30]
    vector i0 in [0, 69] from [start] to [min(70, start + 64)]
      tmp1 = load in_ptr0 [70*r0 + i0] : float32
      tmp2 = cast tmp1 : float64
      tmp3 = load acc0 [i0 - start] : float64
      tmp4 = combine sum tmp3 tmp2 : float64
      store acc0 [i0 - start] tmp4
  vector i0 in [0, 69] from [start] to [min(70, start + 64)]
    tmp5 = load acc0 [i0 - start] : float64
    tmp6 = cast tmp5 : float32
    store out_ptr0 [i0] tmp6
"""


def test_a_sum_over_rows_keeps_one_accumulator_for_each_column() -> None:
    b = ProgramBuilder("p")
    x = b.input("x", [30, 70])
    s = b.reduce("sum", [70], [30], lambda o, i, r: o.load(x, [r[0], i[0]]))
    text = body(only_spec(b.build(s)))
    assert text.replace("min(start + 64, 70)", "min(70, start + 64)") == COLUMN_SUM


def test_a_short_sum_over_rows_stays_in_float32() -> None:
    b = ProgramBuilder("p")
    x = b.input("x", [16, 70])
    s = b.reduce("sum", [70], [16], lambda o, i, r: o.load(x, [r[0], i[0]]))
    assert "float64" not in body(only_spec(b.build(s)))


def test_sizes_known_at_run_time_are_passed() -> None:
    b = ProgramBuilder("p")
    rows = sym("s0", 1, 128)
    x = b.input("x", [rows, 64])
    y = b.input("y", [64])
    z = b.pointwise("add", [rows, 64], lambda o, i: o.op("add", o.load(x, i), o.load(y, i[1:])))
    spec = only_spec(b.build(z))
    assert spec.sizes == (rows,)
    assert body(spec).startswith("parallel i0 in [0, 127] to [s0] grain ")


def test_only_one_pointer_for_a_buffer_that_is_read_twice() -> None:
    b = ProgramBuilder("p")
    x = b.input("x", [8, 8])

    def both(o, i: list[Expr]) -> int:  # type: ignore[no-untyped-def]
        return int(o.op("add", o.load(x, i), o.load(x, [i[1], i[0]])))

    spec = only_spec(b.build(b.pointwise("add", [8, 8], both)))
    assert [(a.name, a.buffer, a.direction) for a in spec.arguments] == [
        ("in_ptr0", "x", "in"),
        ("out_ptr0", "buf0", "out"),
    ]
