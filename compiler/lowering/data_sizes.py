"""Numbers in tensors that become sizes: `.item()`, and how many elements a mask selects.

Enters: a value of one integer, and what export calls the number. Leaves: a `ReadSize` in the program, after which the number is a size
like any other. Where export knows more of it than that it is a number (that it equals a size of an input), the run checks that.

    bind(b, count, u0)       u0 = size int64 [] of buf1          every later layout, loop and index may have u0 in it
    bind(b, count, s0)       u1 = size int64 [] of buf1          guard u1 == s0
"""

from __future__ import annotations

from compiler.ir import dtypes
from compiler.ir.expr import Expr, IntLike, as_expr, sym
from compiler.ir.loop import Layout, ReadSize
from compiler.lowering.builder import Builder
from compiler.lowering.pointwise_composites import convert
from compiler.lowering.values import Value
from compiler.lowering.view_ops import reshape


def bind(b: Builder, value: Value, number: IntLike | None) -> Expr:
    """`number` is the one element of `value` from here on; a new symbol where export has no name for it (None)."""
    if number is None:
        return _read(b, value, sym(b.new_size_name(), None, None))
    expected = as_expr(number)
    if expected.kind == "sym" and expected.from_data and str(expected) not in b.layouts:
        return _read(b, value, expected)
    b.require("eq", _read(b, value, sym(b.new_size_name(), None, None)), expected)
    return expected


def require_not_negative(b: Builder, value: Value) -> None:
    """The run ends where the one element of `value` is negative."""
    _read(b, value, sym(b.new_size_name(), 0, None))


def _read(b: Builder, value: Value, symbol: Expr) -> Expr:
    source = b.in_memory(convert(b, reshape(b, value, ()), dtypes.int64))
    b.add(ReadSize(str(symbol), Layout.contiguous(dtypes.int64, []), (b.origin,), symbol, source))
    return symbol
