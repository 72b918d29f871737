"""Pointwise operators that take several scalar operations, or have arguments of their own: add with alpha, pow,
clamp, where, ..."""

from __future__ import annotations

import torch

from compiler.ir import dtypes
from compiler.ir.dtypes import DType
from compiler.ir.expr import Expr
from compiler.ir.size_float import SizeFloat
from compiler.lowering.builder import Builder
from compiler.lowering.elementwise import Operand, elementwise
from compiler.lowering.pointwise import apply
from compiler.lowering.promotion import promote, promote_to_float
from compiler.lowering.registry import POINTWISE, lowers
from compiler.lowering.torch_types import to_dtype
from compiler.lowering.tracer import Scalar, Tracer
from compiler.lowering.values import Value

# Exponents up to this are written as multiplications.
_LARGEST_UNROLLED_POWER = 8


def _add_or_sub(b: Builder, op: str, x: Operand, y: Operand, alpha: float) -> Value:
    dtype = promote([x, y])

    def combine(t: Tracer, p: Scalar, q: Scalar) -> Scalar:
        scaled_q = q if alpha == 1 else t.op("mul", q, t.constant(alpha, q.dtype))
        return t.op("logical_or" if dtype == dtypes.bool_ else op, p, scaled_q)

    return elementwise(b, dtype, dtype, combine, [x, y], ops=1 if alpha == 1 else 2)


@lowers("aten.add.Tensor", "aten.add.Scalar", family=POINTWISE)
def add(b: Builder, x: Operand, y: Operand, alpha: float = 1) -> Value:
    return _add_or_sub(b, "add", x, y, alpha)


@lowers("aten.sub.Tensor", "aten.sub.Scalar", family=POINTWISE)
def sub(b: Builder, x: Operand, y: Operand, alpha: float = 1) -> Value:
    return _add_or_sub(b, "sub", x, y, alpha)


@lowers("aten.rsub.Tensor", "aten.rsub.Scalar", family=POINTWISE)
def rsub(b: Builder, x: Operand, y: Operand, alpha: float = 1) -> Value:
    return _add_or_sub(b, "sub", y, x, alpha)


@lowers("aten.div.Tensor_mode", "aten.div.Scalar_mode", family=POINTWISE)
def div_mode(b: Builder, x: Value, y: Operand, rounding_mode: str | None = None) -> Value:
    if rounding_mode is None:
        dtype = promote_to_float([x, y])
        return apply(b, "div", [x, y], dtype, dtype)
    dtype = promote([x, y])
    return apply(b, "floordiv" if rounding_mode == "floor" else "truncdiv", [x, y], dtype, dtype)


@lowers("aten.floor_divide.default", "aten.floor_divide.Scalar", family=POINTWISE)
def floor_divide(b: Builder, x: Value, y: Operand) -> Value:
    return div_mode(b, x, y, rounding_mode="floor")


@lowers("aten.pow.Tensor_Scalar", family=POINTWISE)
def pow_scalar(b: Builder, x: Value, exponent: float | Expr | SizeFloat) -> Value:
    dtype = promote([x, exponent])
    if (
        isinstance(exponent, (int, float))
        and float(exponent).is_integer()
        and 0 < abs(exponent) <= _LARGEST_UNROLLED_POWER
        and (exponent > 0 or dtype.is_float)
    ):
        return elementwise(b, dtype, dtype, lambda t, p: _power(t, p, int(exponent)), [x], ops=4)
    if exponent in (0.5, -0.5) and dtype.is_float:
        return apply(b, "sqrt" if exponent > 0 else "rsqrt", [x], dtype, dtype)
    return apply(b, "pow", [x, exponent], dtype, dtype)


def _power(t: Tracer, base: Scalar, exponent: int) -> Scalar:
    """base**exponent by repeated squaring."""
    result: Scalar | None = None
    square, left = base, abs(exponent)
    while left:
        if left & 1:
            result = square if result is None else t.op("mul", result, square)
        left >>= 1
        if left:
            square = t.op("mul", square, square)
    assert result is not None
    return result if exponent > 0 else t.op("reciprocal", result)


@lowers("aten.pow.Tensor_Tensor", "aten.pow.Scalar", family=POINTWISE)
def pow_tensor(b: Builder, x: Operand, y: Operand) -> Value:
    dtype = promote([x, y])
    return apply(b, "pow", [x, y], dtype, dtype)


@lowers("aten.square.default", family=POINTWISE)
def square(b: Builder, x: Value) -> Value:
    return apply(b, "mul", [x, x], b.out.dtype, b.out.dtype)  # of bools an integer, as a power is


@lowers("aten.clamp.default", "aten.clamp.Tensor", family=POINTWISE)
def clamp(b: Builder, x: Value, min: Operand | None = None, max: Operand | None = None) -> Value:
    bounds = [v for v in (min, max) if v is not None]
    dtype = promote([x, *bounds])

    def combine(t: Tracer, p: Scalar, *limits: Scalar) -> Scalar:
        left = list(limits)
        if min is not None:
            p = t.op("maximum", p, left.pop(0))
        return t.op("minimum", p, left.pop(0)) if max is not None else p

    return elementwise(b, dtype, dtype, combine, [x, *bounds], ops=2)


@lowers("aten.clamp_min.default", "aten.clamp_min.Tensor", family=POINTWISE)
def clamp_min(b: Builder, x: Value, min: Operand) -> Value:
    return clamp(b, x, min, None)


@lowers("aten.clamp_max.default", "aten.clamp_max.Tensor", family=POINTWISE)
def clamp_max(b: Builder, x: Value, max: Operand) -> Value:
    return clamp(b, x, None, max)


@lowers(
    "aten.where.self",
    "aten.where.ScalarSelf",
    "aten.where.ScalarOther",
    "aten.where.Scalar",
    family=POINTWISE,
)
def where(b: Builder, condition: Value, x: Operand, y: Operand) -> Value:
    return select(b, condition, x, y, promote([x, y]))


@lowers("aten.masked_fill.Scalar", "aten.masked_fill.Tensor", family=POINTWISE)
def masked_fill(b: Builder, x: Value, mask: Value, value: Operand) -> Value:
    return select(b, mask, value, x, x.dtype)


def select(b: Builder, condition: Value, x: Operand, y: Operand, dtype: DType) -> Value:
    """x where the condition holds, else y, as `dtype`."""

    def combine(t: Tracer, c: Scalar, p: Scalar, q: Scalar) -> Scalar:
        return t.op("where", c, p, q)

    return elementwise(b, dtype, (dtypes.bool_, dtype, dtype), combine, [condition, x, y])


@lowers("aten._to_copy.default", "aten.to.dtype", "aten.to.dtype_layout", "aten.to.device", family=POINTWISE)
def to_copy(b: Builder, x: Value, *_: object, **__: object) -> Value:
    return convert(b, x, b.out.dtype)


@lowers("prims.convert_element_type.default", family=POINTWISE)
def convert_element_type(b: Builder, x: Value, dtype: torch.dtype) -> Value:
    return convert(b, x, to_dtype(dtype))


def convert(b: Builder, x: Value, dtype: DType) -> Value:
    """x as `dtype`. A conversion that the model asks for rounds, also where the result is not stored."""
    if x.dtype == dtype:
        return x
    return elementwise(b, dtype, x.dtype, lambda t, p: t.round_to(p, dtype), [x])
