"""Special functions: a table of ATen name and scalar operation, and those that are made of others.

polygamma(n, x)  ->  (-1)**(n + 1) * n! * zeta(n + 1, x)            DLMF 5.15.1 (dlmf.nist.gov)
shifted_chebyshev_polynomial_t(x, n)  ->  chebyshev_t(2 x - 1, n), the other three kinds as well
polygamma(1, x)  ->  sum of 1 / (x + k)**2 and the asymptotic series  DLMF 5.15.5 and 5.15.8; below a half (pi / sin(pi x))**2 less that
                     of 1 - x (5.15.6), as eager has it also at the poles, where sin(pi x) is not 0 but rounded
"""

from __future__ import annotations

import math

from compiler.ir.dtypes import float64
from compiler.lowering.builder import Builder
from compiler.lowering.elementwise import Operand, elementwise
from compiler.lowering.pointwise import apply, refuse_other_devices
from compiler.lowering.promotion import promote_to_float
from compiler.lowering.registry import POINTWISE, lowers
from compiler.lowering.tracer import Scalar, Tracer
from compiler.lowering.values import Value

_UNARY = {
    "digamma": "digamma", "special_digamma": "digamma", "special_psi": "digamma", "erfinv": "erfinv", "special_erfinv": "erfinv",
    "special_erfcx": "erfcx", "special_ndtri": "ndtri", "i0": "i0", "special_i0": "i0", "special_i1": "i1", "special_i0e": "i0e",
    "special_i1e": "i1e", "special_modified_bessel_i0": "i0", "special_modified_bessel_i1": "i1", "special_bessel_j0": "bessel_j0",
    "special_bessel_j1": "bessel_j1", "special_bessel_y0": "bessel_y0", "special_bessel_y1": "bessel_y1",
    "special_modified_bessel_k0": "modified_bessel_k0", "special_modified_bessel_k1": "modified_bessel_k1",
    "special_scaled_modified_bessel_k0": "scaled_modified_bessel_k0",
    "special_scaled_modified_bessel_k1": "scaled_modified_bessel_k1",
}  # fmt: skip
# The polynomials of two operands x and n; x_scalar and n_scalar are the overloads where one of them is a number.
_POLYNOMIALS = (
    "chebyshev_t",
    "chebyshev_u",
    "chebyshev_v",
    "chebyshev_w",
    "hermite_h",
    "hermite_he",
    "laguerre_l",
    "legendre_p",
)
_SHIFTED = ("chebyshev_t", "chebyshev_u", "chebyshev_v", "chebyshev_w")
# Below this, sin(x) / x is computed by its series: 1 - x**2 / 6 is exact to float64 there.
_SMALL_SPHERICAL = 1e-4
# Bernoulli numbers B_0, B_2, B_4, ...: the first term left out is below 2e-16 of the result after these steps.
_TRIGAMMA_STEPS = 10
_TRIGAMMA_SERIES = (1.0, 1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730)


def _register_unary() -> None:
    for name, op in _UNARY.items():

        @lowers(f"aten.{name}.default", family=POINTWISE)
        def lower(b: Builder, x: Value, op: str = op) -> Value:
            dtype = promote_to_float([x])
            return apply(b, op, [x], dtype, dtype)


def _register_binary() -> None:
    names = {
        "zeta": ("special_zeta.default", "special_zeta.other_scalar", "special_zeta.self_scalar"),
        "igamma": ("igamma.default", "special_gammainc.default"),
        "igammac": ("igammac.default", "special_gammaincc.default"),
    }
    for op, overloads in names.items():

        @lowers(*(f"aten.{o}" for o in overloads), family=POINTWISE)
        def lower(b: Builder, x: Operand, y: Operand, op: str = op) -> Value:
            dtype = promote_to_float([x, y])
            return apply(b, op, [x, y], dtype, dtype)


def _overloads(name: str) -> tuple[str, ...]:
    kind, _, letter = name.rpartition("_")
    return tuple(f"aten.special_{kind}_polynomial_{letter}.{o}" for o in ("default", "x_scalar", "n_scalar"))


def _register_polynomials() -> None:
    for op in _POLYNOMIALS:

        @lowers(*_overloads(op), family=POINTWISE)
        def lower(b: Builder, x: Operand, n: Operand, op: str = op) -> Value:
            dtype = promote_to_float([x, n])
            return apply(b, op, [x, n], dtype, dtype)

    for op in _SHIFTED:

        @lowers(*_overloads(f"shifted_{op}"), family=POINTWISE)
        def lower_shifted(b: Builder, x: Operand, n: Operand, op: str = op) -> Value:
            """The polynomial at 2 x - 1, in float64: what float32 loses there the polynomial would multiply by up to n * n."""
            refuse_other_devices(b, op)

            def combine(t: Tracer, p: Scalar, degree: Scalar) -> Scalar:
                return t.op(op, t.op("sub", t.op("add", p, p), t.constant(1, p.dtype)), degree)

            return elementwise(b, promote_to_float([x, n]), float64, combine, [x, n], ops=3, heavy=True)


@lowers("aten.polygamma.default", "aten.special_polygamma.default", family=POINTWISE)
def polygamma(b: Builder, n: int, x: Value) -> Value:
    dtype = promote_to_float([x])
    if n == 0:
        return apply(b, "digamma", [x], dtype, dtype)
    if n == 1:
        return elementwise(b, dtype, dtype, _trigamma, [x], ops=50, heavy=True)
    refuse_other_devices(b, "zeta")
    scale = float((-1) ** (n + 1) * math.factorial(n))

    def combine(t: Tracer, p: Scalar) -> Scalar:
        return t.op("mul", t.op("zeta", t.constant(n + 1, p.dtype), p), t.constant(scale, p.dtype))

    return elementwise(b, dtype, dtype, combine, [x], ops=2, heavy=True)


def _trigamma(t: Tracer, x: Scalar) -> Scalar:
    """polygamma(1, x): reflected below a half, raised by the recurrence to where the asymptotic series is exact enough for float64."""

    def constant(value: float) -> Scalar:
        return t.constant(value, x.dtype)

    low = t.op("lt", x, constant(0.5))
    at = t.op("where", low, t.op("sub", constant(1), x), x)
    total = constant(0)
    for _ in range(_TRIGAMMA_STEPS):
        total = t.op("add", total, t.op("div", constant(1), t.op("mul", at, at)))
        at = t.op("add", at, constant(1))
    inverse = t.op("div", constant(1), at)
    square = t.op("mul", inverse, inverse)
    series = constant(_TRIGAMMA_SERIES[-1])
    for coefficient in _TRIGAMMA_SERIES[-2::-1]:
        series = t.op("add", t.op("mul", series, square), constant(coefficient))
    tail = t.op("add", t.op("mul", series, inverse), t.op("mul", square, constant(0.5)))
    raised = t.op("add", total, tail)
    root = t.op("div", constant(math.pi), t.op("sin", t.op("mul", x, constant(math.pi))))
    return t.op("where", low, t.op("sub", t.op("mul", root, root), raised), raised)


@lowers("aten.special_spherical_bessel_j0.default", family=POINTWISE)
def spherical_bessel_j0(b: Builder, x: Value) -> Value:
    """sin(x) / x, 1 at 0 and 0 at infinity."""
    dtype = promote_to_float([x])

    def combine(t: Tracer, p: Scalar) -> Scalar:
        def constant(value: float) -> Scalar:
            return t.constant(value, p.dtype)

        series = t.op("sub", constant(1), t.op("mul", t.op("mul", p, p), constant(1 / 6)))
        small = t.op("lt", t.op("abs", p), constant(_SMALL_SPHERICAL))
        far = t.op("where", t.op("isinf", p), constant(0), t.op("div", t.op("sin", p), p))
        return t.op("where", small, series, far)

    return elementwise(b, dtype, dtype, combine, [x], ops=8, heavy=True)


_register_unary()
_register_binary()
_register_polynomials()
