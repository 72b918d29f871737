"""Activation functions, each one traced expression. Formulas:
https://docs.pytorch.org/docs/stable/nn.functional.html"""

from __future__ import annotations

import math
from collections.abc import Callable

from compiler.lowering.builder import Builder
from compiler.lowering.elementwise import Operand, elementwise
from compiler.lowering.pointwise_composites import convert
from compiler.lowering.promotion import promote_to_float
from compiler.lowering.registry import POINTWISE, lowers
from compiler.lowering.tracer import Scalar, Tracer
from compiler.lowering.values import Value
from compiler.lowering.view_ops import reshape

Function = Callable[[Tracer, Scalar], Scalar]


def _constant(t: Tracer, x: Scalar, value: float) -> Scalar:
    return t.constant(value, x.dtype)


def _scale(t: Tracer, x: Scalar, factor: float) -> Scalar:
    return t.op("mul", x, _constant(t, x, factor))


def _clip(t: Tracer, x: Scalar, lo: float, hi: float) -> Scalar:
    return t.op("minimum", t.op("maximum", x, _constant(t, x, lo)), _constant(t, x, hi))


def _if_positive(t: Tracer, x: Scalar, positive: Scalar, otherwise: Scalar) -> Scalar:
    return t.op("where", t.op("gt", x, _constant(t, x, 0)), positive, otherwise)


def _apply(b: Builder, x: Value, function: Function, ops: int, heavy: bool = False) -> Value:
    return elementwise(b, x.dtype, x.dtype, function, [x], ops=ops, heavy=heavy)


@lowers("aten.relu.default", family=POINTWISE)
def relu(b: Builder, x: Value) -> Value:
    return _apply(b, x, lambda t, p: t.op("maximum", p, _constant(t, p, 0)), 1)


@lowers("aten.relu6.default", family=POINTWISE)
def relu6(b: Builder, x: Value) -> Value:
    return _apply(b, x, lambda t, p: _clip(t, p, 0, 6), 2)


@lowers("aten.hardtanh.default", family=POINTWISE)
def hardtanh(b: Builder, x: Value, min_val: float = -1, max_val: float = 1) -> Value:
    return _apply(b, x, lambda t, p: _clip(t, p, min_val, max_val), 2)


@lowers("aten.leaky_relu.default", family=POINTWISE)
def leaky_relu(b: Builder, x: Value, negative_slope: float = 0.01) -> Value:
    return _apply(b, x, lambda t, p: _if_positive(t, p, p, _scale(t, p, negative_slope)), 3)


@lowers("aten.prelu.default", "aten._prelu_kernel.default", family=POINTWISE)
def prelu(b: Builder, x: Value, weight: Value) -> Value:
    """The weight is one number, or one for each channel (dim 1)."""
    if weight.rank <= 1:
        weight = reshape(b, weight, [weight.numel(), *[1] * (x.rank - 2)] if x.rank > 1 else [1] * x.rank)
    return elementwise(
        b, x.dtype, x.dtype, lambda t, p, w: _if_positive(t, p, p, t.op("mul", p, w)), [x, weight], ops=3
    )


@lowers("aten.elu.default", family=POINTWISE)
def elu(b: Builder, x: Value, alpha: float = 1, scale: float = 1, input_scale: float = 1) -> Value:
    def function(t: Tracer, p: Scalar) -> Scalar:
        negative = _scale(t, t.op("expm1", _scale(t, p, input_scale)), alpha * scale)
        return _if_positive(t, p, _scale(t, p, scale), negative)

    return _apply(b, x, function, 6, heavy=True)


@lowers("aten.gelu.default", family=POINTWISE)
def gelu(b: Builder, x: Value, approximate: str = "none") -> Value:
    exact = _gelu_erf if b.on_gpu else lambda t, p: t.op("gelu", p)
    return _apply(b, x, _gelu_tanh if approximate == "tanh" else exact, 9, heavy=True)


def _gelu_erf(t: Tracer, x: Scalar) -> Scalar:
    """x / 2 * (1 + erf(x / sqrt(2)))."""
    erf = t.op("erf", _scale(t, x, math.sqrt(0.5)))
    return t.op("mul", _scale(t, x, 0.5), t.op("add", erf, _constant(t, x, 1)))


def _gelu_tanh(t: Tracer, x: Scalar) -> Scalar:
    """x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))."""
    cube = t.op("mul", t.op("mul", x, x), x)
    inner = _scale(t, t.op("add", x, _scale(t, cube, 0.044715)), math.sqrt(2 / math.pi))
    return t.op("mul", _scale(t, x, 0.5), t.op("add", t.op("tanh", inner), _constant(t, x, 1)))


@lowers("aten.silu.default", family=POINTWISE)
def silu(b: Builder, x: Value) -> Value:
    return _apply(b, x, lambda t, p: t.op("mul", p, t.op("sigmoid", p)), 2, heavy=True)


@lowers("aten.mish.default", family=POINTWISE)
def mish(b: Builder, x: Value) -> Value:
    return _apply(b, x, lambda t, p: t.op("mul", p, t.op("tanh", _softplus(t, p, 1, 20))), 6, heavy=True)


@lowers("aten.softplus.default", family=POINTWISE)
def softplus(b: Builder, x: Value, beta: float = 1, threshold: float = 20) -> Value:
    return _apply(b, x, lambda t, p: _softplus(t, p, beta, threshold), 6, heavy=True)


def _softplus(t: Tracer, x: Scalar, beta: float, threshold: float) -> Scalar:
    """log(1 + exp(beta x)) / beta, and x above the threshold."""
    scaled = _scale(t, x, beta)
    soft = _scale(t, t.op("log1p", t.op("exp", scaled)), 1 / beta)
    return t.op("where", t.op("gt", scaled, _constant(t, x, threshold)), x, soft)


@lowers("aten.log_sigmoid.default", family=POINTWISE)
def log_sigmoid(b: Builder, x: Value) -> Value:
    """min(x, 0) - log(1 + exp(-|x|))."""

    def function(t: Tracer, p: Scalar) -> Scalar:
        tail = t.op("log1p", t.op("exp", t.op("neg", t.op("abs", p))))
        return t.op("sub", t.op("minimum", p, _constant(t, p, 0)), tail)

    return _apply(b, x, function, 6, heavy=True)


def _hardsigmoid(t: Tracer, x: Scalar) -> Scalar:
    """Clip (x + 3) / 6 to [0, 1]."""
    return _scale(t, _clip(t, t.op("add", x, _constant(t, x, 3)), 0, 6), 1 / 6)


@lowers("aten.hardsigmoid.default", family=POINTWISE)
def hardsigmoid(b: Builder, x: Value) -> Value:
    return _apply(b, x, _hardsigmoid, 4)


@lowers("aten.hardswish.default", family=POINTWISE)
def hardswish(b: Builder, x: Value) -> Value:
    return _apply(b, x, lambda t, p: t.op("mul", p, _hardsigmoid(t, p)), 5)


@lowers("aten.threshold.default", family=POINTWISE)
def threshold(b: Builder, x: Value, threshold: float, value: float) -> Value:
    def function(t: Tracer, p: Scalar) -> Scalar:
        return t.op("where", t.op("le", p, _constant(t, p, threshold)), _constant(t, p, value), p)

    return _apply(b, x, function, 2)


@lowers("aten.logit.default", family=POINTWISE)
def logit(b: Builder, x: Value, eps: float | None = None) -> Value:
    x = convert(b, x, promote_to_float([x]))

    def function(t: Tracer, p: Scalar) -> Scalar:
        p = p if eps is None else _clip(t, p, eps, 1 - eps)
        return t.op("log", t.op("div", p, t.op("sub", _constant(t, p, 1), p)))

    return _apply(b, x, function, 4, heavy=True)


@lowers("aten.addcmul.default", family=POINTWISE)
def addcmul(b: Builder, x: Value, y: Value, z: Value, value: float = 1) -> Value:
    return _fused(b, "mul", x, y, z, value)


@lowers("aten.addcdiv.default", family=POINTWISE)
def addcdiv(b: Builder, x: Value, y: Value, z: Value, value: float = 1) -> Value:
    return _fused(b, "div", x, y, z, value)


def _fused(b: Builder, op: str, x: Operand, y: Operand, z: Operand, value: float) -> Value:
    """x + value * (y op z)."""
    dtype = b.out.dtype

    def combine(t: Tracer, p: Scalar, q: Scalar, r: Scalar) -> Scalar:
        return t.op("add", p, _scale(t, t.op(op, q, r), value))

    return elementwise(b, dtype, dtype, combine, [x, y, z], ops=3)


@lowers("aten.lerp.Scalar", "aten.lerp.Tensor", family=POINTWISE)
def lerp(b: Builder, x: Value, y: Value, weight: Operand) -> Value:
    """x + weight * (y - x)."""
    dtype = b.out.dtype

    def combine(t: Tracer, p: Scalar, q: Scalar, w: Scalar) -> Scalar:
        return t.op("add", p, t.op("mul", w, t.op("sub", q, p)))

    return elementwise(b, dtype, dtype, combine, [x, y, weight], ops=3)
