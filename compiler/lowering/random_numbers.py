"""Random operators: every element of a result is a function of its number, the operator's, the seed and the run (kernels/cpp/philox.h).

Nothing is kept from one draw to the next, so values stay lazy and fuse like any other, and a seed gives the same numbers whatever the
number of threads, the width of vectors or the order of a loop. They are not PyTorch's numbers.

    rand([4, 5])    ->   element 5*i0 + i1 of stream 0: the lower 24 of its bits / 2**24
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from compiler.ir import dtypes
from compiler.ir.dtypes import DType
from compiler.ir.expr import Expr, IntLike, as_expr, contiguous_strides
from compiler.ir.random_symbols import RUN, SEED
from compiler.lowering.broadcasting import at_broadcast
from compiler.lowering.builder import Builder
from compiler.lowering.elementwise import Operand
from compiler.lowering.factories import full
from compiler.lowering.ordering import in_order
from compiler.lowering.pointwise import apply
from compiler.lowering.pointwise_composites import convert, select
from compiler.lowering.registry import Unsupported, lowers
from compiler.lowering.tracer import Scalar, Tracer, compute_dtype
from compiler.lowering.values import Cost, Index, Value

Draw = Callable[[Tracer, Index], Scalar]
# Bits of a mantissa, with the one that is not stored: more would be rounded up to 1.
_DIGITS = {dtypes.float64: 53, dtypes.float32: 24, dtypes.float16: 11, dtypes.bfloat16: 8}


def _bits(b: Builder, size: Index) -> Draw:
    """64 random bits for every element, as int64; a stream of its own for each call."""
    if b.in_loop:
        raise Unsupported(
            f"{b.origin.aten_op} inside of a loop: every turn would draw the same numbers",
            "draw the numbers for all turns before the loop, and give them to it",
        )
    stream = next(b.streams)
    strides = contiguous_strides(size)

    def draw(t: Tracer, index: Index) -> Scalar:
        number = sum((i * s for i, s in zip(index, strides, strict=True)), as_expr(0))
        return t.op("philox", t.index(number), t.index(stream), t.index(SEED), t.index(RUN))

    return draw


def _fraction(t: Tracer, bits: Scalar, shift: int, digits: int, dtype: DType) -> Scalar:
    """`digits` of the bits, from `shift` on, as a number in [0, 1)."""
    shifted = t.op("shr", bits, t.index(shift)) if shift else bits
    kept = t.op("bitwise_and", shifted, t.index((1 << digits) - 1))
    return t.op("mul", t.cast(kept, dtype), t.constant(2.0**-digits, dtype))


def _uniform(b: Builder, size: Index, dtype: DType) -> Draw:
    """In [0, 1), in the type in which `dtype` is computed; never rounded to 1."""
    bits, inner, digits = _bits(b, size), compute_dtype(dtype), _DIGITS[dtype]
    return lambda t, index: _fraction(t, bits(t, index), 0, digits, inner)


def _normal(b: Builder, size: Index, dtype: DType) -> Draw:
    """Mean 0, variance 1, by Box and Muller's transform of two uniform numbers, the first in (0, 1]."""
    inner = compute_dtype(dtype)
    digits = 53 if inner == dtypes.float64 else 24
    first = _bits(b, size)
    second = _bits(b, size) if inner == dtypes.float64 else first

    def draw(t: Tracer, index: Index) -> Scalar:
        u = t.op("sub", t.constant(1.0, inner), _fraction(t, first(t, index), 0, digits, inner))
        turn = _fraction(t, second(t, index), 0 if second is not first else 32, digits, inner)
        radius = t.op("sqrt", t.op("mul", t.constant(-2.0, inner), t.op("log", u)))
        return t.op("mul", radius, t.op("cos", t.op("mul", t.constant(2 * math.pi, inner), turn)))

    return draw


def _lazy(b: Builder, dtype: DType, size: Index, draw: Draw) -> Value:
    return b.lazy(dtype, size, lambda t, index: t.round_to(draw(t, index), dtype), Cost(ops=40, heavy=True))


def _scaled(b: Builder, draw: Draw, scale: Operand, shift: Operand) -> Value:
    """draw * scale + shift, each a number or a tensor, in the type of the current node's result."""
    out, inner = b.out, compute_dtype(b.out.dtype)
    values = [v for v in (scale, shift) if isinstance(v, Value)]

    def number(t: Tracer, operand: Operand, index: Index) -> Scalar:
        if isinstance(operand, Value):
            return t.cast(at_broadcast(operand, t, index), inner)
        return t.constant(float(operand), inner)

    def make(t: Tracer, index: Index) -> Scalar:
        product = t.op("mul", draw(t, index), number(t, scale, index))
        return t.round_to(t.op("add", product, number(t, shift, index)), out.dtype)

    return b.lazy(out.dtype, out.size, make, Cost.of(values, 42, heavy=True))


def _refuse_integers(b: Builder) -> None:
    if not b.out.dtype.is_float:
        raise Unsupported(f"{b.origin.aten_op} of {b.out.dtype}", "draw in a floating-point type")


@lowers("aten.rand.default", "aten.rand_like.default")
def rand(b: Builder, *_: object, **__: object) -> Value:
    _refuse_integers(b)
    return _lazy(b, b.out.dtype, b.out.size, _uniform(b, b.out.size, b.out.dtype))


@lowers("aten.randn.default", "aten.randn_like.default")
def randn(b: Builder, *_: object, **__: object) -> Value:
    _refuse_integers(b)
    return _lazy(b, b.out.dtype, b.out.size, _normal(b, b.out.size, b.out.dtype))


@lowers("aten.uniform.default")
def uniform(b: Builder, x: Value, low: float = 0.0, high: float = 1.0, **_: object) -> Value:
    return _scaled(b, _uniform(b, b.out.size, b.out.dtype), high - low, low)


@lowers("aten.normal_functional.default")
def normal(b: Builder, x: Value, mean: float = 0.0, std: float = 1.0, **_: object) -> Value:
    return _scaled(b, _normal(b, b.out.size, b.out.dtype), std, mean)


@lowers("aten.normal.Tensor_float", "aten.normal.float_Tensor", "aten.normal.Tensor_Tensor")
def normal_of(b: Builder, mean: Operand, std: Operand = 1.0, **_: object) -> Value:
    return _scaled(b, _normal(b, b.out.size, b.out.dtype), std, mean)


@lowers("aten.normal.float_float")
def normal_sized(b: Builder, mean: float, std: float, size: Sequence[IntLike], **_: object) -> Value:
    return _scaled(b, _normal(b, b.out.size, b.out.dtype), std, mean)


@lowers("aten.exponential.default")
def exponential(b: Builder, x: Value, rate: float = 1.0, **_: object) -> Value:
    """-log(1 - u) / rate."""
    draw = _uniform(b, b.out.size, b.out.dtype)
    return _scaled(b, lambda t, index: t.op("log1p", t.op("neg", draw(t, index))), -1.0 / rate, 0.0)


def _integers(b: Builder, low: IntLike, high: IntLike) -> Value:
    """Evenly from [low, high): the remainder of 63 bits, which favours no number by more than (high - low) / 2**63."""
    out, bits = b.out, _bits(b, b.out.size)
    if isinstance(low, Expr) or isinstance(high, Expr):
        b.require("lt", low, high)

    def draw(t: Tracer, index: Index) -> Scalar:
        positive = t.op("bitwise_and", bits(t, index), t.index((1 << 63) - 1))
        rest = t.op("mod", positive, t.index(as_expr(high) - as_expr(low)))
        return t.cast(t.op("add", rest, t.index(low)), compute_dtype(out.dtype))

    return _lazy(b, out.dtype, out.size, draw)


@lowers("aten.randint.low", "aten.randint_like.low_dtype")
def randint_from(b: Builder, *args: Any, **_: object) -> Value:
    low, high = args[-3:-1] if not isinstance(args[0], Value) else args[1:3]
    return _integers(b, low, high)


@lowers("aten.randint.default", "aten.randint_like.default")
def randint(b: Builder, *args: Any, **_: object) -> Value:
    return _integers(b, 0, args[1] if isinstance(args[0], Value) else args[0])


@lowers("aten.randperm.default")
def randperm(b: Builder, count: IntLike, **_: object) -> Value:
    """The order of random keys."""
    keys = _lazy(b, dtypes.int64, b.out.size, _bits(b, b.out.size))
    return convert(b, in_order(b, keys)[0], b.out.dtype)


def _chance(b: Builder, size: Index, probability: Value | float) -> Value:
    """True with this probability."""
    inner = dtypes.float32
    if isinstance(probability, Value) and probability.dtype == dtypes.float64:
        inner = dtypes.float64
    draw = _uniform(b, size, inner)
    return apply(b, "lt", [_lazy(b, inner, size, draw), probability], dtypes.bool_, inner)


@lowers("aten.bernoulli.default")
def bernoulli(b: Builder, x: Value, **_: object) -> Value:
    return convert(b, _chance(b, x.size, x), b.out.dtype)


@lowers("aten.bernoulli.p", "aten.bernoulli.Tensor")
def bernoulli_of(b: Builder, x: Value, p: Value | float = 0.5, **_: object) -> Value:
    return convert(b, _chance(b, x.size, p), b.out.dtype)


def drop(b: Builder, x: Value, kept: Value, p: float) -> Value:
    """x / (1 - p) where it is kept, else 0."""
    scale = 0.0 if p == 1 else 1 / (1 - p)
    return select(b, kept, apply(b, "mul", [x, scale], x.dtype, x.dtype), 0, x.dtype)


@lowers("aten.native_dropout.default")
def native_dropout(b: Builder, x: Value, p: float, train: bool | None) -> tuple[Value, Value]:
    if train is False:
        return x, full(b, x.size, True, dtypes.bool_)
    kept = b.realize(_chance(b, x.size, 1 - p))
    return drop(b, x, kept, p), kept


@lowers("aten.dropout.default")
def dropout(b: Builder, x: Value, p: float, train: bool) -> Value:
    return drop(b, x, _chance(b, x.size, 1 - p), p) if train and p else x


@lowers("aten.feature_dropout.default")
def feature_dropout(b: Builder, x: Value, p: float, train: bool) -> Value:
    """Whole channels of [N, C, ...]."""
    size = (*x.size[:2], *(as_expr(1) for _ in x.size[2:]))
    return drop(b, x, b.realize(_chance(b, size, 1 - p)), p) if train and p else x


@lowers("aten.alpha_dropout.default")
def alpha_dropout(b: Builder, x: Value, p: float, train: bool) -> Value:
    """Keeps mean and variance of what SELU makes: a value to drop to, and a line that puts both back (Klambauer et al., 2017)."""
    if not train or p == 0:
        return x
    dropped = -1.7580993408473766
    scale = 0.0 if p == 1 else (dropped**2 * p * (1 - p) + (1 - p)) ** -0.5
    chosen = select(b, _chance(b, x.size, 1 - p), x, dropped, x.dtype)
    scaled = apply(b, "mul", [chosen, scale], x.dtype, x.dtype)
    return apply(b, "add", [scaled, -scale * p * dropped], x.dtype, x.dtype)
