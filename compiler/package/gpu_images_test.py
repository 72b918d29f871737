"""Machine code of GPU kernels: one image for each architecture, the same bytes every time, errors that say what to do."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from compiler.ir import dtypes
from compiler.ir.expr import const, sym
from compiler.ir.kernel import Argument, Compute, Grid, GridAxis, KernelSpec, Store
from compiler.ir.loop import Layout
from compiler.package.gpu_images import ARCHITECTURES, MAIN, Images, check_architectures, compile_images
from compiler.support.diagnostics import UserError
from compiler.support.origins import Origin
from kernels.tuning.gpus import BLOCK_SHARED_BYTES

X = sym("x", 0, 1023)
SOURCE = """
import triton
import triton.language as tl
from triton.language.extra.cuda import gdc_wait

@triton.jit
def double(in_ptr0, out_ptr0, PDL: tl.constexpr = False):
    if PDL:
        gdc_wait()
    x = tl.program_id(0) * 1024 + tl.arange(0, 1024)
    tl.store(out_ptr0 + x, tl.load(in_ptr0 + x) * 2)
"""


def spec() -> KernelSpec:
    layout = Layout.contiguous(dtypes.float32, [1024], "cuda")
    body = (
        Compute("tmp0", dtypes.float32, "load", (), ("in_ptr0", X)),
        Compute("tmp1", dtypes.float32, "add", ("tmp0", "tmp0")),
        Store("out_ptr0", X, "tmp1"),
    )
    arguments = (
        Argument("in_ptr0", "a", dtypes.float32, "in", layout),
        Argument("out_ptr0", "b", dtypes.float32, "out", layout),
    )
    grid = Grid("poi", (GridAxis(X, const(1024), 1024),), 4, body)
    return KernelSpec("triton_fused_double_0", "double", arguments, (), (grid,), ())


def compiled() -> Images:
    return compile_images([spec()], {MAIN: SOURCE}, ("sm_80", "sm_90", "sm_100"), 2)


def test_every_architecture_gets_code_and_the_lowest_gets_ptx() -> None:
    images = compiled()
    (kernel,) = images.kernels.values()
    assert [(i.sm, i.kind) for i in kernel] == [(80, "cubin"), (80, "ptx"), (90, "exact"), (100, "exact")]
    assert {i.threads for i in kernel} == {128}
    # Only from sm_90 on a kernel can wait for the one before it; the PTX is that of sm_80.
    assert [i.dependent for i in kernel] == [False, False, True, True]
    for i in kernel:
        code = images.data[i.offset_bytes :][: i.size_bytes]
        assert i.offset_bytes % 64 == 0
        # 16 bytes at a time: what the pointers' alignment, which entry checks hold, is good for
        assert code[:4] == b"\x7fELF" if i.kind != "ptx" else b".target sm_80" in code and b".v4" in code
    assert b"/tmp" not in images.data and b"kernels.py" not in images.data
    assert compiled() == images


def test_a_kernel_for_some_architectures_is_compiled_for_those() -> None:
    images = compile_images(
        [replace(spec(), archs=("sm_90", "sm_100"))], {MAIN: SOURCE}, ("sm_80", "sm_90", "sm_100"), 2
    )
    (kernel,) = images.kernels.values()
    assert [(i.sm, i.kind) for i in kernel] == [(90, "exact"), (90, "ptx"), (100, "exact")]
    assert b"griddepcontrol.wait" in images.data


def test_a_kernel_that_does_not_compile_is_an_error_with_tritons_words() -> None:
    with pytest.raises(UserError, match="compiling GPU kernels failed"):
        compile_images([spec()], {MAIN: SOURCE.replace("* 2", "+ nothing")}, ("sm_80",), 1)


def test_a_kernel_that_no_block_has_room_for_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the architecture had no shared memory at all."""
    monkeypatch.setitem(BLOCK_SHARED_BYTES, 80, -1)
    with pytest.raises(
        UserError,
        match=r"double needs 0 bytes of shared memory, and a block has -1 on sm_80(.|\n)*at m\.py:3",
    ):
        origin = (Origin("mul", "aten.mul.Tensor", "m.py:3"),)
        compile_images([replace(spec(), origins=origin)], {MAIN: SOURCE}, ("sm_80",), 1)


def test_without_triton_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [p for p in sys.path if not (Path(p) / "triton").is_dir()])
    with pytest.raises(UserError, match="needs Triton 3.7.1 beside the compiler: pip install triton==3.7.1"):
        compile_images([spec()], {MAIN: SOURCE}, ("sm_80",), 1)


def test_architectures_are_checked() -> None:
    assert check_architectures(["sm_90", "sm_90"]) == ("sm_90",)
    with pytest.raises(UserError, match="unknown architecture sm_42; known: sm_80"):
        check_architectures(["sm_80", "sm_42"])
    assert ARCHITECTURES["sm_90"] == (90, True)
