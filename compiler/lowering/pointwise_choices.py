"""Pointwise operators that choose between values or take numbers apart: fmax, signbit, angle, nextafter, round to decimals, frexp, gcd.

fmax(x, y)  ->  where(isnan(y), x, where(isnan(x), y, maximum(x, y)))
"""

from __future__ import annotations

import math

from compiler.ir import dtypes
from compiler.lowering.builder import Builder
from compiler.lowering.elementwise import elementwise
from compiler.lowering.pointwise import apply, refuse_other_devices
from compiler.lowering.promotion import promote, promote_to_float
from compiler.lowering.registry import POINTWISE, Unsupported, lowers
from compiler.lowering.tracer import Scalar, Tracer
from compiler.lowering.values import Value


def _register_extremes_without_nan() -> None:
    for name, op in (("fmax", "maximum"), ("fmin", "minimum")):

        @lowers(f"aten.{name}.default", family=POINTWISE)
        def lower(b: Builder, x: Value, y: Value, op: str = op) -> Value:
            dtype = promote([x, y])

            def combine(t: Tracer, p: Scalar, q: Scalar) -> Scalar:
                both = t.op(op, p, q)
                if not dtype.is_float:
                    return both
                return t.op("where", t.op("isnan", q), p, t.op("where", t.op("isnan", p), q, both))

            return elementwise(b, dtype, dtype, combine, [x, y], ops=5)


@lowers("aten.signbit.default", family=POINTWISE)
def signbit(b: Builder, x: Value) -> Value:
    """Whether the sign is set, of a zero or NaN too."""

    def combine(t: Tracer, p: Scalar) -> Scalar:
        zero = t.constant(0, p.dtype)
        signed = t.op("copysign", t.constant(1, p.dtype), p) if p.dtype.is_float else p
        return t.op("lt", signed, zero)

    return elementwise(
        b, dtypes.bool_, x.dtype if x.dtype != dtypes.bool_ else dtypes.uint8, combine, [x], ops=2
    )


@lowers("aten.angle.default", family=POINTWISE)
def angle(b: Builder, x: Value) -> Value:
    """0 or pi, by the sign; NaN of NaN."""
    dtype = promote_to_float([x])

    def combine(t: Tracer, p: Scalar) -> Scalar:
        zero = t.constant(0, p.dtype)
        chosen = t.op("where", t.op("lt", p, zero), t.constant(math.pi, p.dtype), zero)
        return t.op("where", t.op("isnan", p), p, chosen)

    return elementwise(b, dtype, dtype, combine, [x], ops=4)


@lowers("aten.nextafter.default", family=POINTWISE)
def nextafter(b: Builder, x: Value, y: Value) -> Value:
    dtype = promote([x, y])
    if dtype in (dtypes.float16, dtypes.bfloat16):
        raise Unsupported(f"nextafter of {dtype} is not lowered", "convert the operands to float32")
    return apply(b, "nextafter", [x, y], dtype, dtype)


@lowers("aten.round.decimals", family=POINTWISE)
def round_decimals(b: Builder, x: Value, decimals: int = 0) -> Value:
    """Half to even in x scaled by 10**decimals."""
    if decimals == 0 or not x.dtype.is_float:
        return apply(b, "round", [x], x.dtype, x.dtype) if x.dtype.is_float else x
    scale = 10.0 ** abs(decimals)

    def combine(t: Tracer, p: Scalar) -> Scalar:
        factor = t.constant(scale, p.dtype)
        there, back = ("mul", "div") if decimals > 0 else ("div", "mul")
        return t.op(back, t.op("round", t.op(there, p, factor)), factor)

    return elementwise(b, x.dtype, x.dtype, combine, [x], ops=3)


@lowers("aten.gcd.default", family=POINTWISE)
def gcd(b: Builder, x: Value, y: Value) -> Value:
    dtype = promote([x, y])
    return apply(b, "gcd", [x, y], dtype, dtype)


@lowers("aten.lcm.default", family=POINTWISE)
def lcm(b: Builder, x: Value, y: Value) -> Value:
    """|x / gcd(x, y) * y|, 0 where both are 0."""
    refuse_other_devices(b, "gcd")
    dtype = promote([x, y])

    def combine(t: Tracer, p: Scalar, q: Scalar) -> Scalar:
        common = t.op("gcd", p, q)
        # Division by zero gives zero here.
        return t.op("abs", t.op("mul", t.op("truncdiv", p, common), q))

    return elementwise(b, dtype, dtype, combine, [x, y], ops=4, heavy=True)


@lowers("aten.frexp.Tensor")
def frexp(b: Builder, x: Value) -> tuple[Value, Value]:
    """Mantissa in [0.5, 1) and exponent (int32) of two."""
    b.share(x)
    mantissa = apply(b, "frexp_mantissa", [x], x.dtype, x.dtype)
    exponent = apply(b, "frexp_exponent", [x], x.dtype, x.dtype)
    return mantissa, elementwise(b, dtypes.int32, x.dtype, lambda t, p: p, [exponent])


_register_extremes_without_nan()
