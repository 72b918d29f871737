"""Pointwise operators that are one scalar operation: a table of ATen name, operation and rule for the types.

Operators of several scalar operations are in `pointwise_composites.py` and `activations.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

from compiler.ir import dtypes
from compiler.ir.dtypes import DType
from compiler.ir.scalar_ops import CPU_ONLY
from compiler.lowering.builder import Builder
from compiler.lowering.elementwise import Operand, elementwise
from compiler.lowering.promotion import promote, promote_to_float
from compiler.lowering.registry import POINTWISE, Unsupported, lowers
from compiler.lowering.tracer import Scalar, Tracer
from compiler.lowering.values import Value

# Operations that take many times as long as an addition: computing them twice costs more than a buffer.
_LIGHT_ON_CPU = {"frexp_mantissa", "frexp_exponent", "gelu"}
HEAVY = (CPU_ONLY - _LIGHT_ON_CPU) | frozenset(
    "exp exp2 expm1 log log2 log10 log1p sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh erf erfc sigmoid pow atan2"
    " lgamma hypot fmod mod floordiv".split()
)

# Result has the operands' common type; integers become float32.
_FLOAT_UNARY = (
    "reciprocal sqrt rsqrt exp exp2 expm1 log log2 log10 log1p sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh erf"
    " erfc sigmoid lgamma"
)
# Result has the operands' common type.
_SAME_UNARY = "neg abs sign floor ceil trunc round bitwise_not"
_INTEGERS_UNCHANGED = frozenset("floor ceil trunc round".split())
_COMPARISONS = "eq ne lt le gt ge"
_BITWISE = "bitwise_and bitwise_or bitwise_xor"


def refuse_other_devices(b: Builder, what: str) -> None:
    """For what only the C++ code generator has."""
    if b.on_gpu:
        raise Unsupported(
            f"{b.origin.aten_op} has no kernel ({what}) for {b.ctx.options.device}",
            "compile the model for the CPU",
        )


def apply(b: Builder, op: str, operands: Sequence[Operand], dtype: DType, compute: DType) -> Value:
    """One scalar operation on broadcast operands."""
    if op in CPU_ONLY:
        refuse_other_devices(b, op)

    def combine(t: Tracer, *scalars: Scalar) -> Scalar:
        return t.op(op, *scalars)

    return elementwise(b, dtype, compute, combine, operands, heavy=op in HEAVY)


def _register_unary() -> None:
    def float_unary(op: str) -> None:
        @lowers(f"aten.{op}.default", family=POINTWISE)
        def lower(b: Builder, x: Value) -> Value:
            dtype = promote_to_float([x])
            return apply(b, op, [x], dtype, dtype)

    def same_unary(op: str) -> None:
        @lowers(f"aten.{op}.default", family=POINTWISE)
        def lower(b: Builder, x: Value) -> Value:
            if op in _INTEGERS_UNCHANGED and not x.dtype.is_float:
                return x
            name = "logical_not" if op == "bitwise_not" and x.dtype == dtypes.bool_ else op
            return apply(b, name, [x], x.dtype, x.dtype)

    for op in _FLOAT_UNARY.split():
        float_unary(op)
    for op in _SAME_UNARY.split():
        same_unary(op)


def _register_comparisons() -> None:
    def comparison(op: str) -> None:
        @lowers(f"aten.{op}.Tensor", f"aten.{op}.Scalar", family=POINTWISE)
        def lower(b: Builder, x: Value, y: Operand) -> Value:
            return apply(b, op, [x, y], dtypes.bool_, promote([x, y]))

    for op in _COMPARISONS.split():
        comparison(op)


def _register_bitwise() -> None:
    def bitwise(op: str) -> None:
        @lowers(f"aten.{op}.Tensor", f"aten.{op}.Scalar", f"aten.{op}.Scalar_Tensor", family=POINTWISE)
        def lower(b: Builder, x: Operand, y: Operand) -> Value:
            dtype = promote([x, y])
            return apply(b, op, [x, y], dtype, dtype)

    for op in _BITWISE.split():
        bitwise(op)

    for left_right, scalar_op in (("l", "shl"), ("r", "shr")):
        op = f"aten.bitwise_{'left' if left_right == 'l' else 'right'}_shift"
        plain = f"aten.__{left_right}shift__"

        names = (
            f"{op}.Tensor",
            f"{op}.Tensor_Scalar",
            f"{op}.Scalar_Tensor",
            f"{plain}.Tensor",
            f"{plain}.Scalar",
        )

        @lowers(*names, family=POINTWISE)
        def shift(b: Builder, x: Operand, y: Operand, scalar_op: str = scalar_op) -> Value:
            dtype = promote([x, y])
            return apply(b, scalar_op, [x, y], dtype, dtype)


def _register_logical() -> None:
    def logical(op: str) -> None:
        @lowers(f"aten.{op}.default", family=POINTWISE)
        def lower(b: Builder, *operands: Value) -> Value:
            return apply(b, op, operands, dtypes.bool_, dtypes.bool_)

    for op in ("logical_and", "logical_or", "logical_not"):
        logical(op)

    @lowers("aten.logical_xor.default", family=POINTWISE)
    def logical_xor(b: Builder, x: Value, y: Value) -> Value:
        return apply(b, "ne", [x, y], dtypes.bool_, dtypes.bool_)

    for op in ("isnan", "isinf"):

        @lowers(f"aten.{op}.default", family=POINTWISE)
        def test(b: Builder, x: Value, op: str = op) -> Value:
            return apply(b, op, [x], dtypes.bool_, promote_to_float([x]))


def _register_binary() -> None:
    def same(names: Sequence[str], op: str) -> None:
        @lowers(*names, family=POINTWISE)
        def lower(b: Builder, x: Operand, y: Operand) -> Value:
            dtype = promote([x, y])
            return apply(b, op, [x, y], dtype, dtype)

    def floating(names: Sequence[str], op: str) -> None:
        @lowers(*names, family=POINTWISE)
        def lower(b: Builder, x: Value, y: Operand) -> Value:
            dtype = promote_to_float([x, y])
            return apply(b, op, [x, y], dtype, dtype)

    same(["aten.mul.Tensor", "aten.mul.Scalar"], "mul")
    same(["aten.maximum.default"], "maximum")
    same(["aten.minimum.default"], "minimum")
    same(["aten.remainder.Tensor", "aten.remainder.Scalar", "aten.remainder.Scalar_Tensor"], "mod")
    same(["aten.fmod.Tensor", "aten.fmod.Scalar"], "fmod")
    floating(["aten.div.Tensor", "aten.div.Scalar"], "div")
    floating(["aten.atan2.default"], "atan2")
    floating(["aten.copysign.Tensor", "aten.copysign.Scalar"], "copysign")
    floating(["aten.hypot.default"], "hypot")


_register_unary()
_register_comparisons()
_register_bitwise()
_register_logical()
_register_binary()
