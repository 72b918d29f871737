"""In which type a float32 sum or product over a row is kept, so that it is as exact as eager's, which adds in blocks of 16.

Enters: statements of a kernel. Leaves: for each accumulator among them, the C++ type that holds it.
Invariant: no float32 accumulator takes more than `LONGEST_SERIAL_SUM` values one after the other.

    vector r0 in [0, 300):  acc0 sum tmp0        "LaneSum": float where each lane of the vector adds its part (kernels/cpp/loops.h)
    serial r0 in [0, 300):  acc0 sum tmp0        "double": one chain of 300 additions, 3 times the error of eager's in float32
    serial r0 in [0, 9):    acc0 sum tmp0        "float"
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from compiler.codegen.common.reductions import is_long_chain
from compiler.codegen.cpp.vectorizable import scalar_reason
from compiler.ir import dtypes
from compiler.ir.dtypes import DType
from compiler.ir.expr import Expr, const
from compiler.ir.kernel import Accumulate, Accumulator, Compute, Loop, Statement

# A loop of fewer iterations than a vector has lanes is left to the compiler.
MIN_VECTOR_ITERATIONS = 16


def long_enough(iterations: Expr) -> bool:
    """Whether a loop is worth the vectoriser's pragma."""
    return not iterations.is_const or iterations.value() >= MIN_VECTOR_ITERATIONS


def sum_types(statements: Sequence[Statement], known: Mapping[str, DType]) -> dict[str, str]:
    """The type of each float32 sum and product that begins in `statements`. `known`: types of the values from outside."""
    begun = {
        s.name
        for s in statements
        if isinstance(s, Accumulator) and s.dtype == dtypes.float32 and s.kind in ("sum", "prod")
    }
    types = dict.fromkeys(begun, "float")
    for name, iterations, vector in _additions(statements, known, const(1), False) if begun else ():
        if name in begun and is_long_chain(iterations) and types[name] != "double":
            types[name] = "LaneSum" if vector else "double"
    return types


def _additions(
    statements: Sequence[Statement], known: Mapping[str, DType], iterations: Expr, vector: bool
) -> Iterator[tuple[str, Expr, bool]]:
    """Every accumulation: the accumulator, how often it happens, whether in a loop that is vectorised."""
    types = dict(known)
    for s in statements:
        if isinstance(s, Compute):
            types[s.name] = s.dtype
        elif isinstance(s, Accumulate):
            yield s.accumulator, iterations, vector
        elif isinstance(s, Loop):
            extent = s.end - s.begin
            lanes = s.kind == "vector" and long_enough(extent) and scalar_reason(s.body, types) is None
            yield from _additions(s.body, types, iterations * extent, vector or lanes)
