"""The text of generated Triton kernels: blocks, masks, names, a text for every scalar operation."""

from __future__ import annotations

import pytest

from compiler.codegen.triton import emit
from compiler.codegen.triton.blocks import choose
from compiler.codegen.triton.index_text import index_text
from compiler.codegen.triton.scalar_text import literal, scalar_text
from compiler.ir import dtypes
from compiler.ir.expr import Expr, as_expr, sym
from compiler.ir.kernel import KernelSpec
from compiler.ir.kernel_parse import parse_kernels
from compiler.ir.kernel_text import print_kernels
from compiler.ir.loop import Body, BodyOp, Layout, OutputRef, Program, Scatter, TensorRef, loop_var
from compiler.ir.scalar_ops import CPU_ONLY, SCALAR_OPS
from compiler.scheduler import long_epilogues, pipeline
from compiler.scheduler.example_families import FAMILIES
from compiler.scheduler.example_programs import BodyBuilder, ProgramBuilder
from compiler.support.diagnostics import UserError
from compiler.support.options import CompileOptions, Context
from compiler.support.origins import Origin

CTX = Context(CompileOptions("test", device="cuda"))
FLOATS_ONLY = {"div", "reciprocal", "sqrt", "rsqrt", "sigmoid"}


def source(name: str) -> str:
    return emit.write(emit.run(pipeline.run(FAMILIES[name](), CTX), CTX), CTX)[emit.SOURCE]


@pytest.mark.parametrize("name", sorted(SCALAR_OPS.keys() - CPU_ONLY))
def test_every_scalar_operation_has_a_text_for_float32_and_float64(name: str) -> None:
    args = ("a", "b", "c", "d")[: SCALAR_OPS[name].arity]
    logical = name.startswith("logical")
    if name.startswith("bitwise") or name in ("shl", "shr", "philox"):
        assert scalar_text(name, dtypes.int64, dtypes.int64, args)
        return
    for dtype in (dtypes.bool_,) if logical else (dtypes.float32, dtypes.float64):
        assert scalar_text(name, dtype, dtype, args)


def test_exactly_rounded_division_and_roots() -> None:
    assert scalar_text("div", dtypes.float32, dtypes.float32, ("a", "b")) == "tl.div_rn(a, b)"
    assert scalar_text("div", dtypes.float64, dtypes.float64, ("a", "b")) == "a / b"
    assert scalar_text("sqrt", dtypes.float32, dtypes.float32, ("a",)) == "tl.sqrt_rn(a)"


def test_literals() -> None:
    assert literal(float("-inf"), dtypes.float32) == 'float("-inf")'
    assert literal(True, dtypes.bool_) == "True"
    assert literal(0.1, dtypes.float32) == "0.1"


def test_index_text_divides_as_python_does() -> None:
    i, j = sym("i", 0, 99), sym("j", -5, 5)
    assert index_text((i * 3 + 1) // 7) == "(3 * i + 1) // 7"
    assert index_text(j // 7) == "floor_div(j, 7)"
    assert index_text((i // 7) * 5 + i % 7) == "5 * (i // 7) + (i % 7)"


def test_a_row_that_fits_is_read_once() -> None:
    text = source("softmax")
    assert text.count("tl.load(") == 1 and "for start" not in text
    assert "def triton_per_fused_" in text


def test_a_long_row_is_read_in_tiles() -> None:
    text = source("wide_softmax")
    assert "def triton_red_fused_" in text and "for start in range(0, " in text


def test_a_transposed_copy_has_two_axes() -> None:
    text = source("transpose")
    assert "YBLOCK: tl.constexpr = 32" in text and "XBLOCK: tl.constexpr = 32" in text


def test_kernels_open_with_their_origins() -> None:
    text = source("pointwise_chain")
    assert "    # aten." in text and " at models/example.py:" in text


def test_full_blocks_have_no_mask() -> None:
    b = ProgramBuilder("p")
    x = b.input("x", [1 << 20])
    y = b.pointwise("sin", [1 << 20], lambda o, i: o.op("sin", o.load(x, i)))
    text = emit.write(emit.run(pipeline.run(b.build(y), CTX), CTX), CTX)[emit.SOURCE]
    assert "mask" not in text and "XBLOCK: tl.constexpr = 1024" in text


def test_positions_are_64_bit_only_for_large_buffers() -> None:
    b = ProgramBuilder("p")
    x = b.input("x", [1 << 31])
    y = b.pointwise("neg", [1 << 31], lambda o, i: o.op("neg", o.load(x, i)))
    text = emit.write(emit.run(pipeline.run(b.build(y), CTX), CTX), CTX)[emit.SOURCE]
    assert ".to(tl.int64) * XBLOCK" in text
    assert "int64" not in source("pointwise_chain")


def test_columns_of_a_tall_reduction_stay_coalesced() -> None:
    (group,) = pipeline.run(FAMILIES["column_passes"](), CTX).groups
    blocks = choose(group)
    assert blocks.sizes[0] >= 16 and blocks.reduced_size * blocks.sizes[0] <= 2048


def linear(rows: int, n: int, k: int, residual: bool = False) -> Program:
    """A product in bfloat16, as a Linear has it; with a residual behind it."""
    b = ProgramBuilder("p")
    x = b.input("x", [1, rows, k], dtypes.bfloat16)
    # What a dim of one element has for a stride is anybody's guess.
    w = b.input("w", [1, k, n], dtypes.bfloat16, strides=[1, 1, k])
    refs = [TensorRef(name, b.layouts[name]) for name in (x, w)]
    size = [1, rows, n]
    layout, params = Layout.contiguous(dtypes.bfloat16, size), (("B", 1), ("M", rows), ("N", n), ("K", k))
    y = b.template("triton_gemm", refs, params, size, layout)
    if residual:
        z = b.input("z", size, dtypes.bfloat16)

        def total(o: BodyBuilder, i: list[Expr]) -> int:
            both = [o.cast(o.load(buffer, i), dtypes.float32) for buffer in (y, z)]
            return o.cast(o.op("add", *both), dtypes.bfloat16)

        y = b.pointwise("add", size, total, dtypes.bfloat16)
    return b.build(y)


def gemm_texts(archs: tuple[str, ...], program: Program | None = None) -> tuple[list[KernelSpec], str]:
    """The kernels of a program, of 256 rows where none is given, and their text."""
    ctx = Context(CompileOptions("test", device="cuda", cuda_archs=archs))
    specs = emit.run(pipeline.run(program or linear(256, 4096, 4096), ctx), ctx)
    return specs, emit.write(specs, ctx)[emit.SOURCE]


def test_tiles_are_taken_in_turn_only_before_a_short_epilogue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_epilogues, "LARGE", 1 << 30)  # or it would be no epilogue
    _, plain = gemm_texts(("sm_90",), linear(512, 11264, 2048))
    _, long = gemm_texts(("sm_90",), linear(512, 11264, 2048, residual=True))
    assert "    gemm_persistent(" in plain and "    gemm(" in long


def test_strides_of_one_element_hide_no_alignment() -> None:
    _, text = gemm_texts(("sm_80",))
    assert "in_ptr0, in_ptr1, 256, 4096, 4096, 0, 4096, 1, 0, 1, 4096," in text


def test_hopper_alone_reads_through_tensor_maps() -> None:
    (spec,), text = gemm_texts(("sm_90", "sm_100"))
    assert spec.template_launch is not None and len(spec.template_launch.maps) == 2 and spec.archs == ()
    assert "(in_ptr0, in_ptr1, out_ptr0, in_map0, in_map1, PDL: tl.constexpr = False)" in text
    assert "gemm(\n        in_map0, in_map1, 256, 4096, 4096," in text and "TMA=True" in text


def test_older_architectures_have_a_kernel_of_their_own() -> None:
    (newer, older), text = gemm_texts(("sm_80", "sm_90"))
    assert (newer.archs, older.archs) == (("sm_90",), ("sm_80",))
    assert older.function == newer.function + "_older" and older.template_launch is not None
    assert not older.template_launch.maps and f"def {older.function}(in_ptr0, in_ptr1, out_ptr0, PDL" in text
    again = parse_kernels(print_kernels([newer, older]))
    assert [s.archs for s in again] == [newer.archs, older.archs]
    assert again[0].template_launch == newer.template_launch
    (only,), _ = gemm_texts(("sm_80",))
    assert only.archs == () and only.template_launch == older.template_launch


def test_every_kernel_waits_for_the_one_before_it() -> None:
    text = source("softmax")
    assert "    if PDL:\n        gdc_launch_dependents()\n        gdc_wait()\n" in text
    assert "from triton.language.extra.cuda import gdc_launch_dependents, gdc_wait" in text


@pytest.mark.parametrize(
    ("mode", "dtype", "message"),
    [
        ("mul", dtypes.float32, "combining indexed places by mul has no form on a GPU yet; compile the model for the CPU"),
        ("add", dtypes.int8, "adding to indexed places of int8 has no atomic form on a GPU; supported: float32"),
    ],
)  # fmt: skip
def test_scatters_that_a_gpu_has_not_are_refused(mode: str, dtype: dtypes.DType, message: str) -> None:
    layout = Layout.contiguous(dtype, [8])
    b = ProgramBuilder("scatter")
    x, base = b.input("x", [8], dtype), b.input("base", [8], dtype)
    program = b.build(b.pointwise("copy", [8], lambda o, i: o.load(base, i), dtype))
    body = Body((BodyOp("load", (), dtype, (x, loop_var(0, as_expr(8)))),), (0,))
    origin = (Origin("scatter", "aten.scatter_reduce.two", "m.py:3"),)
    ranges, at = (as_expr(8),), loop_var(0, as_expr(8))
    program.nodes.append(Scatter("put", layout, origin, TensorRef("base", layout), ranges, at, mode, body))
    program.outputs = [OutputRef("out", TensorRef("put", layout))]
    with pytest.raises(UserError, match="aten.scatter_reduce.two.*m.py:3: " + message):
        emit.run(pipeline.run(program, CTX), CTX)
