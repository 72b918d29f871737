"""A value that was rounded to a 16-bit float is kept as its bits, and is not rounded again when it is stored."""

from __future__ import annotations

from compiler.codegen.cpp.statement_writer import StatementWriter
from compiler.ir import dtypes
from compiler.ir.dtypes import DType
from compiler.ir.expr import sym
from compiler.ir.kernel import Compute, Statement, Store

AT = sym("i0", 0, 99)


def _printed(target: DType, *body: Statement) -> list[str]:
    out = StatementWriter({"in_ptr0": dtypes.float32, "out_ptr0": target})
    out.dtype["x"] = dtypes.float32
    out.statements([*body, Store("out_ptr0", AT, "y")])
    return out.lines


def test_a_store_of_the_same_type_takes_the_bits() -> None:
    assert _printed(dtypes.bfloat16, Compute("y", dtypes.bfloat16, "cast", ("x",))) == [
        "const uint16_t y = float_to_bfloat16(x);",
        "out_ptr0[i0] = y;",
    ]


def test_other_uses_see_the_value() -> None:
    cast = Compute("y", dtypes.bfloat16, "cast", ("x",))
    assert _printed(dtypes.float32, cast)[1] == "out_ptr0[i0] = bfloat16_to_float(y);"
    assert _printed(dtypes.float16, cast)[1] == "out_ptr0[i0] = float_to_half(bfloat16_to_float(y));"


def test_computing_with_it_rounds_again() -> None:
    rounded = Compute("r", dtypes.bfloat16, "cast", ("x",))
    doubled = Compute("y", dtypes.bfloat16, "add", ("r", "r"))
    assert _printed(dtypes.bfloat16, rounded, doubled)[1:] == [
        "const float y = bfloat16_to_float(r) + bfloat16_to_float(r);",
        "out_ptr0[i0] = float_to_bfloat16(y);",
    ]


def test_a_cast_of_an_integer() -> None:
    out = StatementWriter({"out_ptr0": dtypes.float16})
    out.dtype["n"] = dtypes.int32
    out.statements([Compute("y", dtypes.float16, "cast", ("n",)), Store("out_ptr0", AT, "y")])
    assert out.lines == ["const uint16_t y = float_to_half((float)n);", "out_ptr0[i0] = y;"]
