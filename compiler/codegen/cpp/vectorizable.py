"""Which loops clang turns into vector code, so that a loop marked as vectorised never falls back to scalar silently.

A loop is scalar where it calls the C library for each element (`lgamma`, `fmod`, double-precision functions), raises integers to powers
(a loop of its own), or checks an index that comes from a tensor (the check may report an error). Everything else must vectorise: kernels
are compiled in tests with clang's warning about loops that did not as an error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from compiler.codegen.cpp.scalar_text import MATH, SPECIAL
from compiler.ir import dtypes
from compiler.ir.dtypes import DType
from compiler.ir.kernel import Compute, Loop, Statement

_CALLS = {
    "lgamma": "the C library's lgamma",
    "fmod": "the C library's fmod",
    "mod": "the C library's fmod",
    "indirect": "checked indices",
    **{name: f"calls of {name}" for name in SPECIAL},
}


def scalar_reason(body: Sequence[Statement], known: Mapping[str, DType]) -> str | None:
    """What keeps the loop scalar; None for a loop that vectorises. `known`: types of the values from outside."""
    types = dict(known)
    for s in body:
        if isinstance(s, Loop):
            reason = scalar_reason(s.body, types)
            if reason is not None:
                return reason
        if not isinstance(s, Compute):
            continue
        types[s.name] = s.dtype
        operand = types.get(s.args[0]) if s.args else None
        if s.opcode == "indirect" or (s.opcode in _CALLS and operand is not None and operand.is_float):
            return _CALLS[s.opcode]
        if operand == dtypes.float64 and s.opcode in MATH and s.opcode not in ("sqrt", "rsqrt"):
            return f"the C library's {s.opcode}"
        if s.opcode == "gcd":
            return "Euclid's algorithm"
        if s.opcode == "pow" and operand is not None and (operand == dtypes.float64 or not operand.is_float):
            return "the C library's pow" if operand.is_float else "integer powers"
    return None
