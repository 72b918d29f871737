"""What every scalar operation means, in numpy: the reference for all code generators.

Operands are arrays of the operation's type. bfloat16 is computed in float32, like everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from compiler.ir import dtypes
from compiler.ir.dtypes import DType

Array = np.ndarray[Any, Any]

# bfloat16 has no numpy type: its values are kept in float32 arrays, rounded.
NUMPY_TYPES: dict[DType, type[Any]] = {
    dtypes.uint8: np.uint8, dtypes.int8: np.int8, dtypes.int16: np.int16, dtypes.int32: np.int32, dtypes.int64: np.int64,
    dtypes.float16: np.float16, dtypes.float32: np.float32, dtypes.float64: np.float64, dtypes.bool_: np.bool_,
    dtypes.bfloat16: np.float32,
}  # fmt: skip


def cast(a: Array, dtype: DType) -> Array:
    """a as `dtype`: floats to integers go towards zero, anything to bool asks for non-zero."""
    if dtype == dtypes.bfloat16:
        return round_bfloat16(a.astype(np.float32))
    return a.astype(NUMPY_TYPES[dtype])


def round_bfloat16(a: Array) -> Array:
    """Nearest bfloat16, ties to even, as float32."""
    bits = np.ascontiguousarray(a, np.float32).view(np.uint32)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)
    kept = np.isnan(a)
    result = np.empty(a.shape, np.float32)
    result[...] = rounded.astype(np.uint32).view(np.float32)
    result[kept] = np.nan
    return result


def _elementwise(function: Callable[[float], float]) -> Callable[[Array], Array]:
    def apply(a: Array) -> Array:
        wide: Array = np.array([function(float(x)) for x in a.ravel()], np.float64)
        return np.asarray(wide.reshape(a.shape), a.dtype)

    return apply


def _lgamma(x: float) -> float:
    if math.isinf(x) or (x <= 0 and x == math.floor(x)):
        return math.inf
    return math.nan if math.isnan(x) else math.lgamma(x)


def _special(function: str) -> Callable[[float], float]:
    """A function of mpmath, which is there wherever torch is; NaN where it has no real value."""

    def apply(*x: float) -> float:
        import mpmath  # type: ignore[import-untyped]

        if any(math.isnan(v) for v in x):
            return math.nan
        try:
            return float(_MPMATH[function](mpmath, *x))
        except (ValueError, TypeError, ZeroDivisionError):
            return math.nan

    return apply


def _polynomial(first: Callable[[Any], Any], step: Callable[[int, Any, Any, Any], Any]) -> Callable[..., Any]:
    """p(n, x) of p(0) = 1, p(1) = first(x), p(k + 1) = step(k, x, p(k), p(k - 1)), for n cut to an integer; 0 for a negative one."""

    def value(m: Any, x: float, n: float) -> Any:
        if n <= -1:
            return 0
        at = m.mpf(x)
        last, now = m.mpf(1), first(at)
        for k in range(1, int(n)):
            last, now = now, step(k, at, now, last)
        return now if int(n) else m.mpf(1)

    return value


def _chebyshev(first: Callable[[Any], Any]) -> Callable[..., Any]:
    return _polynomial(first, lambda k, x, p, q: 2 * x * p - q)


# DLMF table 18.9.1.
_POLYNOMIALS: dict[str, Callable[..., Any]] = {
    "chebyshev_t": _chebyshev(lambda x: x),
    "chebyshev_u": _chebyshev(lambda x: 2 * x),
    "chebyshev_v": _chebyshev(lambda x: 2 * x - 1),
    "chebyshev_w": _chebyshev(lambda x: 2 * x + 1),
    "hermite_h": _polynomial(lambda x: 2 * x, lambda k, x, p, q: 2 * (x * p - k * q)),
    "hermite_he": _polynomial(lambda x: x, lambda k, x, p, q: x * p - k * q),
    "laguerre_l": _polynomial(lambda x: 1 - x, lambda k, x, p, q: ((2 * k + 1 - x) * p - k * q) / (k + 1)),
    "legendre_p": _polynomial(lambda x: x, lambda k, x, p, q: ((2 * k + 1) * x * p - k * q) / (k + 1)),
}

_MPMATH: dict[str, Callable[..., Any]] = {
    "digamma": lambda m, x: math.copysign(math.inf, -x) if x == 0 else m.digamma(x),
    "erfinv": lambda m, x: math.copysign(math.inf, x) if abs(x) == 1 else m.erfinv(x),
    "erfcx": lambda m, x: m.exp(m.mpf(x) ** 2) * m.erfc(x),
    "ndtri": lambda m, x: math.copysign(math.inf, x - 0.5) if x in (0, 1) else m.sqrt(2) * m.erfinv(2 * m.mpf(x) - 1),
    "i0": lambda m, x: m.besseli(0, x),
    "i1": lambda m, x: m.besseli(1, x),
    "i0e": lambda m, x: m.exp(-abs(m.mpf(x))) * m.besseli(0, x),
    "i1e": lambda m, x: m.exp(-abs(m.mpf(x))) * m.besseli(1, x),
    "bessel_j0": lambda m, x: m.besselj(0, x),
    "bessel_j1": lambda m, x: m.besselj(1, x),
    "bessel_y0": lambda m, x: m.bessely(0, x),
    "bessel_y1": lambda m, x: m.bessely(1, x),
    "modified_bessel_k0": lambda m, x: m.besselk(0, x),
    "modified_bessel_k1": lambda m, x: m.besselk(1, x),
    "scaled_modified_bessel_k0": lambda m, x: m.exp(m.mpf(x)) * m.besselk(0, x),
    "scaled_modified_bessel_k1": lambda m, x: m.exp(m.mpf(x)) * m.besselk(1, x),
    **_POLYNOMIALS,
    "zeta": lambda m, s, q: m.inf if s == 1 else m.zeta(s, q),
    "igamma": lambda m, a, x: m.gammainc(a, 0, x, regularized=True),
    "igammac": lambda m, a, x: m.gammainc(a, x, m.inf, regularized=True),
}  # fmt: skip

_OF_TWO = {"zeta", "igamma", "igammac", *_POLYNOMIALS}


def _pairwise(function: Callable[..., float]) -> Callable[[Array, Array], Array]:
    def apply(a: Array, b: Array) -> Array:
        a, b = np.broadcast_arrays(a, b)
        wide = np.array(
            [function(float(x), float(y)) for x, y in zip(a.ravel(), b.ravel(), strict=True)], np.float64
        )
        return np.asarray(wide.reshape(a.shape), a.dtype)

    return apply


def _frexp_exponent(a: Array) -> Array:
    return np.where(np.isfinite(a), np.frexp(a)[1], 0).astype(a.dtype)


def _sigmoid(a: Array) -> Array:
    return (1 / (1 + np.exp(-a.astype(np.float64)))).astype(a.dtype)


def _truncdiv(a: Array, b: Array) -> Array:
    if a.dtype.kind == "f":
        return np.asarray(np.trunc(a / b))
    return np.asarray(np.sign(a) * np.sign(b) * (np.abs(a) // np.abs(b)), a.dtype)


def _sign(a: Array) -> Array:
    return ((a > 0).astype(np.int8) - (a < 0).astype(np.int8)).astype(a.dtype)


def _philox(element: Array, stream: Array, seed: Array, run: Array) -> Array:
    """Words 0 and 1 of Philox 4x32-10 (Salmon et al., SC 2011)."""
    low = np.uint64(0xFFFFFFFF)
    e, s, k, r = (np.asarray(x).astype(np.uint64) for x in np.broadcast_arrays(element, stream, seed, run))
    c0, c1, c2, c3 = e & low, e >> np.uint64(32), s & low, r & low
    k0, k1 = k & low, k >> np.uint64(32)
    for _ in range(10):
        p0, p1 = np.uint64(0xD2511F53) * c0, np.uint64(0xCD9E8D57) * c2
        c0, c1, c2, c3 = (p1 >> np.uint64(32)) ^ c1 ^ k0, p1 & low, (p0 >> np.uint64(32)) ^ c3 ^ k1, p0 & low
        k0, k1 = (k0 + np.uint64(0x9E3779B9)) & low, (k1 + np.uint64(0xBB67AE85)) & low
    return (c0 | c1 << np.uint64(32)).astype(np.int64)


MEANING: dict[str, Callable[..., Array]] = {
    "neg": np.negative, "abs": np.abs, "sign": _sign, "reciprocal": lambda a: (1 / a).astype(a.dtype), "sqrt": np.sqrt,
    "rsqrt": lambda a: (1 / np.sqrt(a.astype(np.float64))).astype(a.dtype), "exp": np.exp, "exp2": np.exp2, "expm1": np.expm1,
    "exp_nonpositive": np.exp, "gelu": _elementwise(lambda x: 0.5 * x * (1 + math.erf(x * math.sqrt(0.5)))),
    "log": np.log, "log2": np.log2, "log10": np.log10, "log1p": np.log1p, "sin": np.sin, "cos": np.cos, "tan": np.tan,
    "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh,
    "asinh": np.arcsinh, "acosh": np.arccosh, "atanh": np.arctanh, "erf": _elementwise(math.erf), "erfc": _elementwise(math.erfc),
    "sigmoid": _sigmoid, "floor": np.floor, "ceil": np.ceil, "trunc": np.trunc, "round": np.rint, "bitwise_not": np.invert,
    "lgamma": _elementwise(_lgamma),
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "floordiv": np.floor_divide, "truncdiv": _truncdiv,
    "mod": np.remainder, "fmod": np.fmod, "pow": np.power, "atan2": np.arctan2, "maximum": np.maximum, "minimum": np.minimum,
    "bitwise_and": np.bitwise_and, "bitwise_or": np.bitwise_or, "bitwise_xor": np.bitwise_xor, "shl": np.left_shift,
    "shr": np.right_shift, "copysign": np.copysign, "hypot": np.hypot,
    "eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal,
    "logical_and": np.logical_and, "logical_or": np.logical_or, "logical_not": np.logical_not, "isnan": np.isnan, "isinf": np.isinf,
    "where": np.where, "philox": _philox, "nextafter": np.nextafter, "gcd": np.gcd,
    "frexp_mantissa": lambda a: np.frexp(a)[0], "frexp_exponent": _frexp_exponent,
    **{name: _elementwise(_special(name)) for name in _MPMATH.keys() - _OF_TWO},
    **{name: _pairwise(_special(name)) for name in _OF_TWO},
}  # fmt: skip
