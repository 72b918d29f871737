"""The scalar operations that a body may contain: arity, result type rule and meaning.

One table serves lowering (which makes them), the verifier (which checks them) and each code generator (which
prints them); a code generator has an entry for every name here, and a test says so.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ScalarOp:
    name: str
    arity: int
    result: str  # "same": the type of the first operand; "bool"; "first_value": the type of operand 1 (where)
    meaning: str


def _ops(result: str, arity: int, table: dict[str, str]) -> dict[str, ScalarOp]:
    return {n: ScalarOp(n, arity, result, m) for n, m in table.items()}


# What only the C++ code generator has: calls of kernels/cpp/special.h, Euclid's algorithm, and forms of exp and erf that are cheaper
# there. Lowering refuses them for other devices, or has another form for those.
_POLYNOMIALS = "chebyshev_t chebyshev_u chebyshev_v chebyshev_w hermite_h hermite_he laguerre_l legendre_p"
CPU_ONLY = frozenset(
    "digamma erfinv erfcx ndtri i0 i1 i0e i1e bessel_j0 bessel_j1 bessel_y0 bessel_y1 modified_bessel_k0 modified_bessel_k1"
    f" scaled_modified_bessel_k0 scaled_modified_bessel_k1 {_POLYNOMIALS} zeta igamma igammac nextafter gcd frexp_mantissa"
    " frexp_exponent gelu exp_nonpositive".split()
)

SCALAR_OPS: dict[str, ScalarOp] = {
    **_ops(
        "same",
        1,
        {
            "neg": "-a",
            "abs": "|a|",
            "sign": "-1, 0 or 1; 0 for NaN",
            "reciprocal": "1/a",
            "sqrt": "square root",
            "rsqrt": "1/sqrt(a)",
            "exp": "e**a",
            "exp2": "2**a",
            "exp_nonpositive": "e**a for a <= 0; may be 0 where that is below the normal numbers",
            "expm1": "e**a - 1",
            "log": "natural logarithm",
            "log2": "base 2",
            "log10": "base 10",
            "log1p": "log(1+a)",
            "sin": "sine",
            "cos": "cosine",
            "tan": "tangent",
            "asin": "arc sine",
            "acos": "arc cosine",
            "atan": "arc tangent",
            "sinh": "hyperbolic sine",
            "cosh": "hyperbolic cosine",
            "tanh": "hyperbolic tangent",
            "asinh": "inverse of sinh",
            "acosh": "inverse of cosh",
            "atanh": "inverse of tanh",
            "erf": "error function",
            "erfc": "1 - erf",
            "sigmoid": "1/(1+exp(-a))",
            "gelu": "a times the normal distribution function: a/2 * (1 + erf(a/sqrt(2)))",
            "floor": "towards -inf",
            "ceil": "towards +inf",
            "trunc": "towards zero",
            "round": "half to even",
            "bitwise_not": "~a",
            "lgamma": "log|gamma(a)|",
            "digamma": "derivative of lgamma",
            "erfinv": "inverse of erf",
            "erfcx": "e**(a*a) * erfc(a)",
            "ndtri": "quantile of the normal distribution",
            "i0": "modified Bessel function of the first kind, order 0",
            "i1": "the same, order 1",
            "i0e": "e**-|a| * i0(a)",
            "i1e": "e**-|a| * i1(a)",
            "bessel_j0": "Bessel function of the first kind, order 0",
            "bessel_j1": "the same, order 1",
            "bessel_y0": "Bessel function of the second kind, order 0",
            "bessel_y1": "the same, order 1",
            "modified_bessel_k0": "modified Bessel function of the second kind, order 0",
            "modified_bessel_k1": "the same, order 1",
            "scaled_modified_bessel_k0": "e**a * modified_bessel_k0(a)",
            "scaled_modified_bessel_k1": "e**a * modified_bessel_k1(a)",
            "frexp_mantissa": "m of a == m * 2**e with |m| in [0.5, 1)",
            "frexp_exponent": "e of the same, 0 for what is not finite",
        },
    ),
    **_ops(
        "same",
        2,
        {
            "add": "a + b (integers wrap)",
            "sub": "a - b",
            "mul": "a * b",
            "div": "true division, floats only",
            "floordiv": "floor(a / b)",
            "truncdiv": "a / b towards zero",
            "mod": "remainder with the sign of b",
            "fmod": "remainder with the sign of a",
            "pow": "a ** b",
            "atan2": "angle of (b, a)",
            "maximum": "NaN propagates",
            "minimum": "NaN propagates",
            "bitwise_and": "a & b",
            "bitwise_or": "a | b",
            "bitwise_xor": "a ^ b",
            "shl": "a << b",
            "shr": "a >> b (arithmetic)",
            "copysign": "|a| with b's sign",
            "hypot": "sqrt(a*a + b*b)",
            "zeta": "Hurwitz zeta function of a at b",
            "igamma": "regularised lower incomplete gamma function of a at b",
            "igammac": "1 - igamma",
            "nextafter": "the next number after a towards b",
            "gcd": "greatest common divisor, integers only",
            **dict.fromkeys(_POLYNOMIALS.split(), "the polynomial of degree b, cut to an integer, at a"),
        },
    ),
    **_ops(
        "bool",
        2,
        {
            "eq": "a == b",
            "ne": "a != b",
            "lt": "a < b",
            "le": "a <= b",
            "gt": "a > b",
            "ge": "a >= b",
            "logical_and": "a && b, bool operands",
            "logical_or": "a || b, bool operands",
        },
    ),
    **_ops("bool", 1, {"logical_not": "!a, bool operand", "isnan": "a is NaN", "isinf": "a is infinite"}),
    **_ops(
        "same",
        4,
        {"philox": "64 random bits: of element a, stream b, seed c, run d (kernels/cpp/philox.h), int64"},
    ),
    **_ops("first_value", 3, {"where": "a ? b : c; a is bool"}),
}
