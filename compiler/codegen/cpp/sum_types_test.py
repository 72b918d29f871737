"""In which type a sum over a row is kept."""

from __future__ import annotations

import pytest

from compiler.codegen.cpp.sum_types import sum_types
from compiler.ir import dtypes
from compiler.ir.expr import Expr, const, sym
from compiler.ir.kernel import Accumulate, Accumulator, Compute, Loop, Statement

LOAD = Compute("tmp0", dtypes.float32, "load", (), ("in_ptr0", sym("r0", 0, 2000)))
CALL = Compute("tmp1", dtypes.float32, "lgamma", ("tmp0",))
CHECKED = Compute("v0", dtypes.int64, "indirect", ("tmp0",), (sym("v0", 0, 9), const(10), "m"))
BEGIN = Accumulator("acc0", dtypes.float32, "sum")
ADD = Accumulate("acc0", "sum", "tmp0")
OPEN = sym("s0", 0, None)


def loop(kind: str, end: Expr | int, *body: Statement) -> Loop:
    return Loop(sym("r0", 0, 2000), const(0), const(end) if isinstance(end, int) else end, kind, body)


@pytest.mark.parametrize(
    ("statement", "held"),
    [
        (loop("vector", 300, LOAD, ADD), "LaneSum"),
        (loop("vector", OPEN, LOAD, ADD), "LaneSum"),
        (loop("vector", 16, LOAD, ADD), "float"),
        (loop("vector", 300, LOAD, CALL, ADD), "double"),
        (loop("vector", 300, LOAD, CHECKED, ADD), "double"),
        (loop("serial", 300, LOAD, ADD), "double"),
        (loop("serial", 16, LOAD, ADD), "float"),
        (loop("serial", OPEN, LOAD, ADD), "double"),
        (loop("serial", 20, loop("vector", 9, LOAD, ADD)), "double"),  # too short for the vectoriser
        (loop("serial", 20, loop("vector", 40, LOAD, ADD)), "LaneSum"),
        (loop("vector", 100, loop("unrolled", 3, LOAD, ADD)), "LaneSum"),
    ],
)
def test_a_long_sum_is_of_lanes_or_of_float64(statement: Loop, held: str) -> None:
    assert sum_types([BEGIN, statement], {}) == {"acc0": held}


def test_the_worst_of_several_loops_counts() -> None:
    both: list[Statement] = [BEGIN, loop("vector", 300, LOAD, ADD), loop("serial", 300, LOAD, ADD)]
    assert sum_types(both, {}) == {"acc0": "double"}


def test_what_calls_the_c_library_is_seen_by_the_types_from_outside() -> None:
    call = Compute("tmp1", dtypes.float64, "exp", ("x",))
    statements: list[Statement] = [BEGIN, loop("vector", 300, call, LOAD, ADD)]
    assert sum_types(statements, {"x": dtypes.float64}) == {"acc0": "double"}
    outer = Compute("x", dtypes.float64, "load", (), ("in_ptr0", const(0)))
    assert sum_types([BEGIN, outer, statements[1]], {}) == {"acc0": "double"}


def test_other_accumulators_have_the_type_of_their_values() -> None:
    longest = Accumulator("acc0", dtypes.float32, "max")
    wide = Accumulator("acc0", dtypes.float64, "sum")
    for other in (longest, wide):
        assert sum_types([other, loop("serial", 300, LOAD, ADD)], {}) == {}
