"""Generated Triton kernels, run by Triton's interpreter, against the interpreter of the Loop IR: example families, random programs."""

from __future__ import annotations

import os
from functools import partial

os.environ["TRITON_INTERPRET"] = "1"  # before Triton is imported

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compiler.codegen.triton import emit, template_choices
from compiler.codegen.triton.interpreted import InterpretedRunner, load
from compiler.ir import dtypes, random_symbols
from compiler.ir.expr import Expr, exprs
from compiler.ir.kernel_parse import parse_kernels
from compiler.ir.kernel_text import print_kernels
from compiler.ir.kernel_verify import verify
from compiler.ir.loop import Layout, Program, TemplateKernel, TensorRef
from compiler.ir.loop_interpreter import interpret
from compiler.ir.loop_verify import CONV2D_SHAPE
from compiler.scheduler import pipeline
from compiler.scheduler.example_families import FAMILIES
from compiler.scheduler.example_programs import BodyBuilder, ProgramBuilder
from compiler.scheduler.random_programs import random_program
from compiler.support.options import CompileOptions, Context
from kernels.tuning.configs import Config
from kernels.tuning.database import Choice

Array = np.ndarray[Any, Any]
CTX = Context(CompileOptions("test", device="cuda"))
HOPPER = Context(CompileOptions("test", device="cuda", cuda_archs=("sm_90",)))
RANDOM_PROGRAMS = 6


def input_values(program: Program, seed: int) -> dict[str, Array]:
    """Random inputs that are valid for the example: masks are 0 or 1, indices lie in [-10, 10)."""
    rng = np.random.default_rng(seed)
    values: dict[str, Array] = {}
    for i in program.inputs:
        size = [s.value() for s in i.layout.size]
        if i.name == "mask":
            values[i.name] = rng.integers(0, 2, size)
        elif i.layout.dtype.is_int:
            values[i.name] = rng.integers(-10, 10, size)
        else:
            values[i.name] = np.asarray(rng.standard_normal(size), np.float32)
    if program.name == "nan_positions":
        values["x"][2, 7] = values["x"][2, 9] = values["x"][5, 0] = np.nan
    return values


def without_templates() -> list[str]:
    return [n for n, f in FAMILIES.items() if not any(isinstance(x, TemplateKernel) for x in f().nodes)]


def run(program: Program, folder: Path, inputs: dict[str, Array], ctx: Context = CTX) -> list[Array]:
    schedule = pipeline.run(program, ctx)
    specs = emit.run(schedule, ctx)
    for spec in specs:
        verify(spec)
    text = print_kernels(specs)
    assert print_kernels(parse_kernels(text)) == text
    module = load(emit.write(specs, CTX), emit.SOURCE, folder)
    values = {**inputs, **{c.name: np.asarray(program.data[c.source]) for c in program.constants}}
    return InterpretedRunner(schedule, specs, module).run(values)


def check(program: Program, folder: Path, ctx: Context = CTX) -> None:
    inputs = input_values(program, seed=len(program.name))
    got = run(program, folder, inputs, ctx)
    wanted = interpret(program, [inputs[i.name] for i in program.inputs])
    assert len(got) == len(wanted) > 0
    for g, w, o in zip(got, wanted, program.outputs, strict=True):
        assert isinstance(o.value, TensorRef)
        dtype = o.value.layout.dtype
        tolerance = {"float16": 2e-3, "bfloat16": 1e-2}.get(dtype.name, 3e-5) if dtype.is_float else 0
        numbers = np.asarray(w).astype(np.float64) if dtype.is_float else np.asarray(w)
        scale = max(1.0, float(np.nanmax(np.abs(numbers.astype(np.float64)), initial=0.0)))
        np.testing.assert_allclose(
            g.astype(np.float64) if dtype.is_float else g,
            numbers,
            rtol=tolerance,
            atol=tolerance * scale,
            err_msg=o.name,
        )


@pytest.mark.parametrize("name", without_templates())
def test_families_agree_with_the_interpreter(name: str, tmp_path: Path) -> None:
    check(FAMILIES[name](), tmp_path)


def product(batch: int, m: int, n: int, k: int) -> Program:
    """Bias, cosine, and the plain product as a second output."""
    b = ProgramBuilder("product")
    x = b.input("x", [batch, m, k])
    w = b.input("w", [batch, k, n], strides=[n * k, 1, k] if m in (1, 16) else None)
    bias = b.input("bias", [n])
    refs = [TensorRef(name, b.layouts[name]) for name in (x, w)]
    params = (("B", batch), ("M", m), ("N", n), ("K", k))
    layout = Layout.contiguous(dtypes.float32, [batch, m, n])
    y = b.template("triton_gemm", refs, params, [batch, m, n], layout)
    z = b.pointwise(
        "cos", [batch, m, n], lambda o, i: o.op("cos", o.op("add", o.load(y, i), o.load(bias, [i[2]])))
    )
    return b.build(y, z)


@pytest.mark.parametrize("sizes", [(1, 33, 20, 50), (3, 16, 48, 32), (1, 1, 40, 64), (2, 3, 37, 50)])
def test_a_product_with_what_follows_it(sizes: tuple[int, int, int, int], tmp_path: Path) -> None:
    """Odd sizes, and even ones with a transposed operand, few rows (gemv)."""
    check(product(*sizes), tmp_path)
    assert len(pipeline.run(product(*sizes), CTX).groups) == 1


def config(template: str, **constants: int) -> Config:
    blocks = (
        {"BLOCK_N": 2, "BLOCK_K": 256}
        if template == "gemv"
        else {"BLOCK_M": 64, "BLOCK_N": 32, "BLOCK_K": 32}
    )
    return Config(template, tuple({**blocks, **constants}.items()), 4)


@pytest.mark.parametrize(
    ("sizes", "chosen"),
    [
        ((1, 70, 64, 288), config("gemm", TMA=1)),
        ((1, 16, 36, 292), config("gemm", TMA=1, SPLIT_K=3)),
        ((3, 20, 33, 64), config("gemm", SPLIT_K=2)),
        ((1, 130, 40, 64), config("gemm_persistent", TMA=1)),
        ((2, 70, 33, 36), config("gemm_persistent")),
        ((1, 1, 8, 1000), config("gemv", SPLIT_K=2)),
    ],
)
def test_products_with_all_that_a_launch_can_be_given(
    sizes: tuple[int, int, int, int], chosen: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tensor maps, work in parts, tiles in turn, as if each had been measured to be best."""
    monkeypatch.setattr(template_choices, "choose", partial(_chosen, chosen))
    check(product(*sizes), tmp_path, HOPPER)
    (spec,) = emit.run(pipeline.run(product(*sizes), HOPPER), HOPPER)
    launch = spec.template_launch
    assert launch is not None and len(launch.maps) == 2 * chosen.get("TMA")
    assert (launch.semaphores > 0) is (chosen.get("SPLIT_K", 1) > 1)


def test_a_decoders_attention_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four heads of one key head, all rows in one tile, keys in three parts."""
    chosen = Config("attention", (("BLOCK_M", 16), ("BLOCK_N", 16), ("PACKED", 1), ("SPLITS", 3)), 4)
    monkeypatch.setattr(template_choices, "choose", partial(_chosen, chosen))
    b = ProgramBuilder("attention")
    names = [b.input("q", [2, 8, 1, 24]), b.input("k", [2, 2, 70, 24]), b.input("v", [2, 2, 70, 16])]
    refs = [TensorRef(name, b.layouts[name]) for name in names]
    layout = Layout.contiguous(dtypes.float32, [2, 8, 1, 16])
    params = (("scale", 0.3), ("causal", False))
    check(b.build(b.template("triton_attention", refs, params, [2, 8, 1, 16], layout)), tmp_path)


def _chosen(config: Config, *_: object) -> Choice:
    return Choice(config, "", 0.0)


@pytest.mark.parametrize(
    ("heads", "kv_heads", "queries", "keys", "causal", "masked"),
    [(2, 2, 33, 40, False, True), (4, 2, 20, 20, True, False), (4, 1, 2, 50, False, True)],
)
def test_attention(
    heads: int, kv_heads: int, queries: int, keys: int, causal: bool, masked: bool, tmp_path: Path
) -> None:
    """A mask that all heads share, fewer heads of keys, few rows for all heads at once; the result with heads between positions."""
    b = ProgramBuilder("attention")
    names = [
        b.input("q", [2, heads, queries, 24]),
        b.input("k", [2, kv_heads, keys, 24], strides=[kv_heads * keys * 24, 24, kv_heads * 24, 1]),
        b.input("v", [2, kv_heads, keys, 16]),
    ]
    refs = [TensorRef(name, b.layouts[name]) for name in names]
    if masked:
        mask = b.input("mask", [2, queries, keys])
        shared = Layout(dtypes.float32, exprs((2, heads, queries, keys)), exprs((queries * keys, 0, keys, 1)))
        refs.append(TensorRef(mask, shared))
    layout = Layout(
        dtypes.float32, exprs((2, heads, queries, 16)), exprs((heads * queries * 16, 16, heads * 16, 1))
    )
    params = (("scale", 0.3), ("causal", causal))
    check(b.build(b.template("triton_attention", refs, params, [2, queries, heads, 16], layout)), tmp_path)


@pytest.mark.parametrize(
    ("channels", "out_channels", "groups", "kernel", "stride"),
    [(8, 20, 1, 3, 1), (3, 8, 1, 7, 2), (16, 20, 2, 3, 1), (6, 12, 6, 3, 2), (32, 40, 1, 1, 2)],
)
def test_convolutions(
    channels: int, out_channels: int, groups: int, kernel: int, stride: int, tmp_path: Path
) -> None:
    """Few channels, groups whose channels are no whole block, depthwise with two outputs of each channel; bias and ReLU behind."""
    pad, dilation, size = kernel // 2, 1 + (kernel == 3), 11
    out = (size + 2 * pad - dilation * (kernel - 1) - 1) // stride + 1
    c = channels // groups
    b = ProgramBuilder("convolution")
    x = b.input(
        "x", [2, channels, size, size], strides=[channels * size * size, 1, channels * size, channels]
    )
    taps = [1, out_channels, kernel * out_channels, out_channels]
    strides = taps if c == 1 else [kernel * kernel * c, 1, kernel * c, c]
    w, bias = (
        b.input("w", [out_channels, c, kernel, kernel], strides=strides),
        b.input("bias", [out_channels]),
    )
    shape = (2, size, size, channels, out_channels, kernel, kernel, out, out, stride, stride, pad, pad)
    params = tuple(zip(CONV2D_SHAPE, (*shape, dilation, dilation, groups), strict=True))
    layout = Layout.contiguous(dtypes.float32, [2 * out * out, out_channels])
    refs = [TensorRef(name, b.layouts[name]) for name in (x, w)]
    y = b.template("triton_convolution", refs, params, [2 * out * out, out_channels], layout)
    program = b.build(
        b.pointwise(
            "relu",
            [2 * out * out, out_channels],
            lambda o, i: o.op("maximum", o.op("add", o.load(y, i), o.load(bias, i[1:])), o.constant(0.0)),
        )
    )
    check(program, tmp_path)
    assert len(pipeline.run(program, CTX).groups) == 1


@pytest.mark.parametrize("seed", range(RANDOM_PROGRAMS))
def test_random_programs_agree_with_the_interpreter(seed: int, tmp_path: Path) -> None:
    check(random_program(seed), tmp_path)


@pytest.mark.parametrize("value", [1000, -1001, 2**40])
def test_an_index_out_of_range_stops_the_kernel(value: int, tmp_path: Path) -> None:
    program = FAMILIES["embedding"]()
    inputs = input_values(program, seed=0)
    inputs["ids"][0, 77] = value
    with pytest.raises(Exception, match="index is out of range"):
        run(program, tmp_path, inputs)


def test_random_numbers_are_those_of_a_cpu(tmp_path: Path) -> None:
    """Bits of two streams, and numbers in [0, 1) of one."""

    def bits(o: BodyBuilder, i: list[Expr], stream: int) -> int:
        words = (o.index(50 * i[0] + i[1]), o.constant(stream, dtypes.int64))
        return o.op("philox", *words, *(o.index(s) for s in random_symbols.SYMBOLS))

    def fraction(o: BodyBuilder, i: list[Expr]) -> int:
        kept = o.op("bitwise_and", bits(o, i, 1), o.constant((1 << 24) - 1, dtypes.int64))
        return o.op("mul", o.cast(kept, dtypes.float32), o.constant(2.0**-24))

    b = ProgramBuilder("random")
    words = b.pointwise("bits", [40, 50], lambda o, i: bits(o, i, 0), dtypes.int64)
    check(b.build(words, b.pointwise("rand", [40, 50], fraction)), tmp_path)


def test_kernels_of_16_bit_floats_take_approximations_that_rounding_hides(tmp_path: Path) -> None:
    """GELU and a softmax row in bfloat16; the same GELU in float32 is libdevice's."""

    def program(dtype: dtypes.DType) -> Program:
        b = ProgramBuilder("gelu")
        x = b.input("x", [8, 100], dtype)

        def gelu(o: BodyBuilder, i: list[Expr]) -> int:
            v = o.cast(o.load(x, i), dtypes.float32)
            erf = o.op("erf", o.op("mul", v, o.constant(0.7071067811865476)))
            value = o.op("mul", o.op("mul", v, o.constant(0.5)), o.op("add", erf, o.constant(1.0)))
            return o.cast(o.op("div", o.op("exp", value), o.constant(3.0)), dtype)

        return b.build(b.pointwise("gelu", [8, 100], gelu, dtype))

    check(program(dtypes.bfloat16), tmp_path)
    near, exact = (
        emit.write(emit.run(pipeline.run(program(d), CTX), CTX), CTX)[emit.SOURCE]
        for d in (dtypes.bfloat16, dtypes.float32)
    )
    assert "near_erf(" in near and "tl.exp(" in near and "libdevice" not in near
    assert "libdevice.erf(" in exact and "libdevice.exp(" in exact and "tl.div_rn(" in exact
