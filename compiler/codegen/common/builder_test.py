"""Where values go: once, in the outermost scope that knows their operands."""

from __future__ import annotations

from compiler.codegen.common.builder import Builder
from compiler.ir import dtypes
from compiler.ir.expr import sym
from compiler.ir.kernel import Compute, Define, Store
from compiler.ir.loop import loop_var, reduction_var

ROW, COLUMN = loop_var(0, 64), reduction_var(0, 64)


def test_equal_operations_are_emitted_once() -> None:
    b = Builder()
    b.open([ROW])
    first = b.compute(dtypes.float32, "load", (), ("x", ROW))
    assert b.compute(dtypes.float32, "load", (), ("x", ROW)) == first
    assert b.compute(dtypes.float64, "load", (), ("x", ROW)) != first
    assert len(b.close()) == 2


def test_constants_of_different_types_are_different() -> None:
    b = Builder()
    b.open([])
    names = {b.compute(dtypes.float32, "constant", (), (v,)) for v in (1, 1.0, True)}
    assert len(names) == 3


def test_what_does_not_depend_on_the_inner_loop_is_computed_outside() -> None:
    b = Builder()
    outer = b.open([ROW])
    b.open([COLUMN])
    mean = b.compute(dtypes.float32, "load", (), ("mean", ROW))
    half = b.compute(dtypes.float32, "neg", (mean,))
    x = b.compute(dtypes.float32, "load", (), ("x", ROW * 64 + COLUMN))
    b.compute(dtypes.float32, "add", (x, half))
    inner = b.close()
    assert [s.opcode for s in inner if isinstance(s, Compute)] == ["load", "add"]
    assert [s.opcode for s in outer.statements if isinstance(s, Compute)] == ["load", "neg"]


def test_divisions_become_integers_of_the_scope_that_knows_them() -> None:
    b = Builder()
    outer = b.open([ROW])
    b.open([COLUMN])
    index = b.index((ROW // 2) * 64 + (COLUMN // 4))
    assert isinstance(outer.statements[0], Define) and str(outer.statements[0].value) == "(i0 // 2)"
    assert str(index) == "64*x0 + (r0 // 4)"
    assert b.index((ROW // 2) * 5) == outer.statements[0].symbol * 5
    assert len(outer.statements) == 1


def test_stores_follow_all_loads_of_the_iteration() -> None:
    b = Builder()
    b.open([ROW])
    x = b.compute(dtypes.float32, "load", (), ("x", ROW))
    b.add_late(Store("y", ROW, x))
    b.compute(dtypes.float32, "load", (), ("z", ROW))
    assert [type(s) for s in b.close()] == [Compute, Compute, Store]


def test_a_checked_index_is_one_symbol_and_is_checked_outside_the_loop() -> None:
    b = Builder()
    outer = b.open([ROW])
    b.open([COLUMN])
    value = b.compute(dtypes.int64, "load", (), ("ids", ROW))
    symbol = b.indirect(dtypes.int64, value, sym("s0", 1, 100), "message")
    assert b.indirect(dtypes.int64, value, sym("s0", 1, 100), "message") is symbol
    assert (symbol.lo, symbol.hi) == (0, 99)
    b.compute(dtypes.float32, "load", (), ("table", symbol * 8 + COLUMN))
    assert len(b.close()) == 1
    assert [s.opcode for s in outer.statements if isinstance(s, Compute)] == ["load", "indirect"]
