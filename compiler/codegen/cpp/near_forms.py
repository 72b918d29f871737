"""Sine, cosine and tangent in two forms: for arguments up to 2^15, which nearly all are, and for all floats.

Enters: the body of a vector loop. Leaves: whether it may run with the near forms first, and their C++. A near form
(kernels/cpp/vec_math/trig.h) takes half the time and notes in `far` that an argument was beyond its limit; the loop then runs once
more with the forms for all floats. So a body qualifies only if running it twice does no harm: it adds nothing up, and
overwrites nothing that it reads.

Before/after (out[i] = sin(x[i]) over n elements; the vectoriser cannot keep a branch inside the loop):
    {
      uint32_t far = 0;
      for (int64_t i0 = begin; i0 < end; ++i0) { out_ptr0[i0] = aoti_sinf_near(in_ptr0[i0], &far); }
      if (__builtin_expect(far != 0, 0)) {
        for (int64_t i0 = begin; i0 < end; ++i0) { out_ptr0[i0] = aoti_sinf(in_ptr0[i0]); }
      }
    }
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from compiler.ir import dtypes
from compiler.ir.dtypes import DType
from compiler.ir.kernel import Compute, Define, Statement, Store

_OPCODES = ("sin", "cos", "tan")


def has_one(opcode: str, operand: DType) -> bool:
    """Whether the operation has a near form for values of this type (16-bit floats are computed as float)."""
    return opcode in _OPCODES and operand.is_float and operand != dtypes.float64


def text(opcode: str, argument: str) -> str:
    """C++ of the near form."""
    return f"aoti_{opcode}f_near({argument}, &far)"


def apply(body: Sequence[Statement], known: Mapping[str, DType]) -> bool:
    """Whether a loop over this body has such operations and may run twice. `known`: types of the values from outside."""
    if not all(isinstance(s, (Compute, Define, Store)) for s in body):
        return False
    types = dict(known)
    loaded, stored = set(), set()
    found = False
    for s in body:
        if isinstance(s, Store):
            stored.add(s.target)
        elif isinstance(s, Compute):
            types[s.name] = s.dtype
            if s.opcode == "load":
                loaded.add(str(s.attrs[0]))
            found = found or (bool(s.args) and has_one(s.opcode, types[s.args[0]]))
    return found and not loaded & stored
