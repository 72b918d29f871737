"""A model's own Triton kernels between generated ones, run by Triton's interpreter: where they write, what they are given."""

from __future__ import annotations

import os

os.environ["TRITON_INTERPRET"] = "1"  # before Triton is imported

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compiler.codegen.triton import emit
from compiler.codegen.triton.interpreted import InterpretedRunner, load
from compiler.ir import dtypes
from compiler.ir.kernel_parse import parse_kernels
from compiler.ir.kernel_text import print_kernels
from compiler.ir.kernel_verify import verify
from compiler.ir.loop import Layout, Program
from compiler.ir.loop_parse import parse_program
from compiler.ir.loop_text import print_program
from compiler.ir.schedule import Schedule
from compiler.ir.triton_kernel import Configuration, Parameter, TritonKernel
from compiler.scheduler import pipeline
from compiler.scheduler.example_programs import ProgramBuilder
from compiler.support.diagnostics import InternalError
from compiler.support.options import CompileOptions, Context

CTX = Context(CompileOptions("test", device="cuda"))
SIZE = [5, 100]
SOURCE = """
import triton
import triton.language as tl

@triton.jit
def evens(x, out, total, n, factor, negate, kind, unused, BLOCK: tl.constexpr):
    i = 2 * (tl.program_id(0) * BLOCK + tl.arange(0, BLOCK))
    value = (tl.load(x + i, i < n, other=0.0) * factor).to(kind)
    value = -value if negate else value
    tl.store(out + i, value, i < n)
    tl.store(total + tl.program_id(0), tl.sum(value))
"""


def kernel(undefined: tuple[int, ...]) -> TritonKernel:
    """Writes the even elements of `out`, and a sum for each block of `total`."""
    parameters = (
        Parameter("x", "tensor", 0), Parameter("out", "tensor", 1), Parameter("total", "tensor", 2), Parameter("n", "int", value=500),
        Parameter("factor", "float", value=1.5), Parameter("negate", "bool", value=True), Parameter("kind", "dtype", value="float32"),
        Parameter("unused", "constant"), Parameter("BLOCK", "tuned"),
    )  # fmt: skip
    configurations = (Configuration((("BLOCK", 64),), num_warps=2), Configuration((("BLOCK", 128),)))
    return TritonKernel("evens", SOURCE, parameters, configurations, (1, 2), undefined)


def program(base_is_read: bool, undefined: bool) -> Program:
    """sin(x), the kernel over cos(x), and what follows; `base_is_read`: cos(x) is an output too."""
    b = ProgramBuilder("user")
    x = b.input("x", SIZE)
    read = b.pointwise("sin", SIZE, lambda o, i: o.op("sin", o.load(x, i)))
    base = b.pointwise("cos", SIZE, lambda o, i: o.op("cos", o.load(x, i)))
    grid = [4, 1, 1, 2, 1, 1]
    shapes = Layout.contiguous(dtypes.float32, SIZE), Layout.contiguous(dtypes.float32, [4])
    out, total = b.triton(
        kernel((1, 2) if undefined else (2,)), [read, None if undefined else base, None], grid, *shapes
    )
    after = b.pointwise("neg", SIZE, lambda o, i: o.op("neg", o.load(out, i)))
    return b.build(after, total, *([base] if base_is_read else []))


def run(
    p: Program, folder: Path, x: np.ndarray[Any, Any]
) -> tuple[Schedule, str, list[np.ndarray[Any, Any]]]:
    assert print_program(parse_program(print_program(p))) == print_program(p)
    schedule = pipeline.run(p, CTX)
    specs = emit.run(schedule, CTX)
    for spec in specs:
        verify(spec)
    assert print_kernels(parse_kernels(print_kernels(specs))) == print_kernels(specs)
    files = emit.write(specs, CTX)
    module = load(files, emit.SOURCE, folder)
    return schedule, files[emit.SOURCE], InterpretedRunner(schedule, specs, module).run({"x": x})


@pytest.mark.parametrize(("base_is_read", "undefined"), [(False, False), (True, False), (False, True)])
def test_it_writes_over_what_nobody_reads_any_more_and_over_a_copy_of_the_rest(
    base_is_read: bool, undefined: bool, tmp_path: Path
) -> None:
    x = np.random.default_rng(0).standard_normal(SIZE).astype(np.float32)
    schedule, source, (after, total, *rest) = run(program(base_is_read, undefined), tmp_path, x)
    made = -1.5 * np.sin(x.astype(np.float64)).reshape(-1)
    wanted = np.cos(x.astype(np.float64)).reshape(-1)
    wanted[::2] = made[::2]
    written = slice(None, None, 2) if undefined else slice(None)
    np.testing.assert_allclose(-after.reshape(-1)[written], wanted[written], rtol=1e-6, atol=1e-6)
    sums = [made[k * 128 : (k + 1) * 128 : 2].sum() for k in range(4)]
    np.testing.assert_allclose(total, sums, rtol=1e-5, atol=1e-5)
    if base_is_read:
        np.testing.assert_allclose(rest[0], np.cos(x), rtol=1e-6, atol=1e-6)
    assert ("in_out_ptr0" in source) is (not base_is_read and not undefined)
    assert ("triton_copy_evens" in source) is base_is_read
    assert "(the first of 2)" in source and "n=tl.full((), 500, tl.int32)" in source and "BLOCK=64" in source
    assert len(schedule.groups) == 3


def test_a_kernel_that_is_given_what_it_has_not_is_refused(tmp_path: Path) -> None:
    specs = emit.run(pipeline.run(program(False, False), CTX), CTX)
    (text,) = [print_kernels([s]) for s in specs if s.user_call]
    (wrong,) = parse_kernels(
        text.replace("argument x pointer pointer in_ptr0", "argument x pointer pointer in_ptr7")
    )
    with pytest.raises(InternalError, match="evens is given in_ptr7, which is no argument"):
        verify(wrong)
