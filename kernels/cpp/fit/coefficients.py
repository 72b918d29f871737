"""The polynomials of kernels/cpp/vec_math: prints the coefficients that the headers hold, and their errors.

python -m kernels.cpp.fit.coefficients            # all, as C++ arrays, and the constants of trig.h
python -m kernels.cpp.fit.coefficients kLog kExp  # some
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

from mpmath import mp, mpf  # type: ignore[import-untyped]

from kernels.cpp.fit.remez import Fit, Function, fit


@dataclass(frozen=True)
class Polynomial:
    name: str
    function: Function
    weight: Function
    low: float
    high: float
    degree: int
    bits: int = 24


_HALF_LN2 = float(mp.log(2) / 2) * 1.0001
_SQRT_HALF, _SQRT_TWO = float(mp.sqrt(mpf("0.5"))), float(mp.sqrt(2))
# half a quarter turn, and what the low part of the constant adds near the largest float (vec_math/trig.h)
_MAX_REST = 0.62
# pi/4, and what counting quarter turns in float adds
_MAX_NEAR_REST = 0.79
_HALF_PI_HIGH = mpf("1.57079637050628662109375")


def _of_square(function: Function) -> Function:
    """A function of z = x * x, given as one of x."""
    return lambda z: function(mp.sqrt(z))


POLYNOMIALS = [
    # exp(r) = 1 + r + r^2 * p(r); the same for exp(r) - 1, whose relative error needs one degree more
    Polynomial(
        "kExp", lambda r: (mp.expm1(r) - r) / r**2, lambda r: r**2 / mp.exp(r), -_HALF_LN2, _HALF_LN2, 4
    ),
    Polynomial(
        "kExpm1", lambda r: (mp.expm1(r) - r) / r**2, lambda r: r**2 / mp.expm1(r), -_HALF_LN2, _HALF_LN2, 5
    ),
    # 2^f = 1 + f * p(f)
    Polynomial("kExp2", lambda f: (mpf(2) ** f - 1) / f, lambda f: f / mpf(2) ** f, -0.5, 0.5, 5),
    # log(1 + f) = f - f^2 / 2 + f^3 * p(f)
    Polynomial(
        "kLog",
        lambda f: (mp.log1p(f) - f + f**2 / 2) / f**3,
        lambda f: f**3 / mp.log1p(f),
        _SQRT_HALF - 1,
        _SQRT_TWO - 1,
        7,
    ),
    # with t in quarter turns: sin(t pi/2) = t * high + t * p(t^2), high = pi/2 as a float; cos(t pi/2) = p(t^2)
    Polynomial(
        "kSin",
        _of_square(lambda t: mp.sin(t * mp.pi / 2) / t - _HALF_PI_HIGH),
        _of_square(lambda t: t / mp.sin(t * mp.pi / 2)),
        0,
        _MAX_REST**2,
        4,
    ),
    Polynomial(
        "kCos",
        _of_square(lambda t: mp.cos(t * mp.pi / 2)),
        _of_square(lambda t: 1 / mp.cos(t * mp.pi / 2)),
        0,
        _MAX_REST**2,
        4,
    ),
    # in radians, near: sin(r) = r + r^3 * p(r^2); cos(r) = 1 - r^2 / 2 + r^4 * p(r^2)
    Polynomial(
        "kNearSin",
        _of_square(lambda r: (mp.sin(r) - r) / r**3),
        _of_square(lambda r: r**3 / mp.sin(r)),
        0,
        _MAX_NEAR_REST**2,
        2,
    ),
    Polynomial(
        "kNearCos",
        _of_square(lambda r: (mp.cos(r) - 1 + r**2 / 2) / r**4),
        _of_square(lambda r: r**4 / mp.cos(r)),
        0,
        _MAX_NEAR_REST**2,
        2,
    ),
    # atan(x) = x + x^3 * p(x^2)
    Polynomial(
        "kAtan",
        _of_square(lambda x: (mp.atan(x) - x) / x**3),
        _of_square(lambda x: x**3 / mp.atan(x)),
        0,
        1,
        8,
    ),
    # asin(x) = x + x^3 * p(x^2)
    Polynomial(
        "kAsin",
        _of_square(lambda x: (mp.asin(x) - x) / x**3),
        _of_square(lambda x: x**3 / mp.asin(x)),
        0,
        0.25,
        4,
    ),
    # erf(x) = x + x * p(x^2) near zero; erf(x) = 1 - exp(p(x)) beyond, where only the error of exp(p) counts
    Polynomial(
        "kErfSmall",
        _of_square(lambda x: mp.erf(x) / x - 1),
        _of_square(lambda x: x / mp.erf(x)),
        0,
        0.921875**2,
        5,
    ),
    Polynomial(
        "kErfLarge", lambda x: mp.log(mp.erfc(x)), lambda x: mp.erfc(x) / mp.erf(x), 0.921875, 3.95, 7
    ),
    # erfc(x) = exp(-x^2) / (1 + 2 x) * p(t), t = (x - 4) / (x + 4)
    Polynomial(
        "kErfc",
        lambda t: _erfc_scaled(4 * (1 + t) / (1 - t)),
        lambda t: 1 / _erfc_scaled(4 * (1 + t) / (1 - t)),
        -1,
        (10.1 - 4) / (10.1 + 4),
        10,
    ),
    # Phi(-a) = 2^p(a); the weight makes the error relative to Phi(a)
    Polynomial(
        "kGelu",
        lambda a: mp.log(mp.ncdf(-a), 2),
        lambda a: mp.ncdf(-a) / mp.ncdf(a),
        0,
        5.6,
        8,
    ),
    # in double, for pow: log2(1 + f) = f * p(f); 2^f = p(f)
    Polynomial(
        "kPowLog2",
        lambda f: mp.log1p(f) / mp.log(2) / f,
        lambda f: f * mp.log(2) / mp.log1p(f),
        _SQRT_HALF - 1,
        _SQRT_TWO - 1,
        14,
        53,
    ),
    Polynomial("kPowExp2", lambda f: mpf(2) ** f, lambda f: mpf(2) ** -f, -0.5, 0.5, 7, 53),
]


def _erfc_scaled(x: mpf) -> mpf:
    return mp.erfc(x) * mp.exp(x**2) * (1 + 2 * x)


def print_fit(polynomial: Polynomial, result: Fit) -> None:
    kind, suffix, digits = ("float", "f", 9) if polynomial.bits == 24 else ("double", "", 17)
    exponent = float(mp.log(result.error, 2))
    print(f"// degree {polynomial.degree}, weighted error 2^{exponent:.1f}")
    values = ", ".join(f"{float(c):.{digits}g}{suffix}" if "." in f"{float(c):.{digits}g}" or "e" in f"{float(c):.{digits}g}"
                       else f"{float(c):.1f}{suffix}" for c in result.coefficients)  # fmt: skip
    print(f"constexpr {kind} {polynomial.name}[] = {{{values}}};")


def print_turns() -> None:
    """2^s * 2/pi mod 4 for trig.h, in two doubles, times 2^-s."""
    for s in (0, 26, 52, 78):
        with mp.workdps(100):
            exact = mpf(2) ** s * 2 / mp.pi
            exact -= 4 * mp.nint(exact / 4)
            high = mpf(float(exact))
            low = mpf(float(exact - high))
        print(f"// s = {s}: {float(high * mpf(2) ** -s).hex()}, {float(low * mpf(2) ** -s).hex()}")


def main(names: list[str], write: Callable[[Polynomial, Fit], None] = print_fit) -> None:
    for p in POLYNOMIALS:
        if not names or p.name in names:
            write(p, fit(p.function, p.weight, p.low, p.high, p.degree, p.bits))
    if not names or "turns" in names:
        print_turns()


if __name__ == "__main__":
    main(sys.argv[1:])
