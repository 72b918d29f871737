"""Which loops of sines run with the near forms first."""

from __future__ import annotations

from compiler.codegen.cpp import near_forms
from compiler.codegen.cpp.statement_writer import StatementWriter
from compiler.ir import dtypes
from compiler.ir.dtypes import DType
from compiler.ir.expr import const, sym
from compiler.ir.kernel import Accumulate, Compute, Loop, Statement, Store

AT = sym("i0", 0, 99)


def _body(target: str, opcode: str = "sin", dtype: DType = dtypes.float32) -> list[Statement]:
    return [
        Compute("x", dtype, "load", (), ("in_ptr0", AT)),
        Compute("y", dtype, opcode, ("x",)),
        Store(target, AT, "y"),
    ]


def test_a_loop_that_may_run_twice() -> None:
    assert near_forms.apply(_body("out_ptr0"), {"in_ptr0": dtypes.float32})
    assert near_forms.apply(_body("out_ptr0", "cos", dtypes.bfloat16), {})


def test_loops_that_may_not_or_need_not() -> None:
    assert not near_forms.apply(_body("in_ptr0"), {})  # in place
    assert not near_forms.apply([*_body("out_ptr0"), Accumulate("acc", "sum", "y")], {})
    assert not near_forms.apply(_body("out_ptr0", "exp"), {})
    assert not near_forms.apply(_body("out_ptr0", "sin", dtypes.float64), {})


def _printed(iterations: int) -> str:
    out = StatementWriter({"in_ptr0": dtypes.float32, "out_ptr0": dtypes.float32})
    out.statements([Loop(AT, const(0), const(iterations), "vector", tuple(_body("out_ptr0")))])
    return "\n".join(out.lines)


def test_the_loop_comes_twice() -> None:
    text = _printed(64)
    assert text.index("aoti_sinf_near(x, &far)") < text.index("if (__builtin_expect(far != 0, 0))")
    assert text.index("if (__builtin_expect(far != 0, 0))") < text.index("aoti_sinf(x)")


def test_a_short_loop_comes_once() -> None:
    assert "far" not in _printed(8)
