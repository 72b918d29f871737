"""Loops that are printed without the vectoriser's pragma."""

from __future__ import annotations

import pytest

from compiler.codegen.cpp.vectorizable import scalar_reason
from compiler.ir import dtypes
from compiler.ir.dtypes import DType
from compiler.ir.expr import const, sym
from compiler.ir.kernel import Compute, Loop

X = Compute("x", dtypes.float32, "load", (), ("in_ptr0", sym("i0", 0, 9)))


@pytest.mark.parametrize(
    ("opcode", "dtype", "reason"),
    [
        ("exp", dtypes.float32, None),
        ("exp", dtypes.float64, "the C library's exp"),
        ("sqrt", dtypes.float64, None),
        ("lgamma", dtypes.float32, "the C library's lgamma"),
        ("fmod", dtypes.float32, "the C library's fmod"),
        ("fmod", dtypes.int64, None),
        ("pow", dtypes.float32, None),
        ("pow", dtypes.int64, "integer powers"),
    ],
)
def test_reasons(opcode: str, dtype: DType, reason: str | None) -> None:
    assert scalar_reason([Compute("y", dtype, opcode, ("x", "x"))], {"x": dtype}) == reason


def test_checked_indices() -> None:
    v = sym("v0", 0, 9)
    assert (
        scalar_reason([X, Compute("v0", dtypes.int64, "indirect", ("x",), (v, const(10), "m"))], {})
        == "checked indices"
    )


def test_short_loops_inside_count() -> None:
    inner = Loop(
        sym("i1", 0, 2), const(0), const(3), "unrolled", (X, Compute("y", dtypes.float32, "lgamma", ("x",)))
    )
    assert scalar_reason([inner], {}) == "the C library's lgamma"
