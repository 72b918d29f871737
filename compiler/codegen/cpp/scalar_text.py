"""Scalar operations as C++ expressions, by opcode and type. One entry for every name of `compiler.ir.scalar_ops.SCALAR_OPS`.

Functions `aoti_*` are those of kernels/cpp/vec_math.h (branch-free, so that clang vectorises loops that call them), `wrap_*` and the
16-bit conversions those of kernels/cpp/loops.h. 16-bit floats are computed as float and rounded by `cast` and by stores.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from compiler.ir import dtypes
from compiler.ir.dtypes import DType

# Through vec_math.h: aoti_<name>f for float, aoti_<name> for double.
MATH = (
    "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh",
    "acosh", "atanh", "erf", "erfc", "sigmoid", "sqrt", "rsqrt", "lgamma", "atan2", "hypot",
    "gelu", "exp_nonpositive",
)  # fmt: skip
# Through kernels/cpp/special.h, by the same names: one call of the engine or of the C library an element.
SPECIAL = (
    "digamma", "erfinv", "erfcx", "ndtri", "i0", "i1", "i0e", "i1e", "bessel_j0", "bessel_j1", "bessel_y0", "bessel_y1",
    "zeta", "igamma", "igammac", "nextafter", "frexp_mantissa", "frexp_exponent",
    "modified_bessel_k0", "modified_bessel_k1", "scaled_modified_bessel_k0", "scaled_modified_bessel_k1",
    "chebyshev_t", "chebyshev_u", "chebyshev_v", "chebyshev_w", "hermite_h", "hermite_he", "laguerre_l", "legendre_p",
)  # fmt: skip
_INFIX = {
    "eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "logical_and": "&", "logical_or": "|",
    "bitwise_and": "&", "bitwise_or": "|", "bitwise_xor": "^", "shl": "<<", "shr": ">>",
}  # fmt: skip
_BUILTIN = {
    "floor": "floor",
    "ceil": "ceil",
    "trunc": "trunc",
    "round": "rint",
    "abs": "fabs",
    "copysign": "copysign",
}
_WRAP = {"add": "+", "sub": "-", "mul": "*"}


def value_ctype(dtype: DType) -> str:
    """The C++ type of a value in a register."""
    return "float" if is_half(dtype) else dtype.ctype


def memory_ctype(dtype: DType) -> str:
    """The C++ type of an element in memory."""
    return dtype.ctype


def is_half(dtype: DType) -> bool:
    return dtype.is_float and dtype.size_bytes == 2


def from_memory(dtype: DType, text: str) -> str:
    return f"{_half(dtype)}_to_float({text})" if is_half(dtype) else text


def to_memory(dtype: DType, text: str) -> str:
    return f"float_to_{_half(dtype)}({text})" if is_half(dtype) else text


def rounded_text(result: DType, operand: DType, a: str) -> str:
    """The bits of `a` as a 16-bit float."""
    return to_memory(result, a if value_ctype(operand) == "float" else f"(float){a}")


def _half(dtype: DType) -> str:
    return "half" if dtype == dtypes.float16 else "bfloat16"


def literal(value: object, dtype: DType) -> str:
    """A constant of this type."""
    if dtype.kind == "bool":
        return "true" if value else "false"
    if not dtype.is_float:
        number = int(value)  # type: ignore[call-overload]
        return (
            "INT64_MIN"
            if number == -(1 << 63)
            else f"({value_ctype(dtype)}){number}"
            if dtype.size_bytes != 4
            else str(number)
        )
    number = float(value)  # type: ignore[arg-type]
    suffix = "" if dtype == dtypes.float64 else "f"
    if math.isnan(number):
        return f'__builtin_nan{suffix}("")'
    if math.isinf(number):
        return ("-" if number < 0 else "") + f"__builtin_inf{suffix}()"
    text = repr(number)
    return (text if any(c in text for c in ".en") else text + ".0") + suffix


def neutral_literal(kind: str, dtype: DType) -> str:
    """Where an accumulator starts."""
    if kind in ("any", "all"):
        return literal(kind == "all", dtype)
    if kind in ("sum", "prod"):
        return literal(0 if kind == "sum" else 1, dtype)
    sign = -1 if kind == "max" else 1
    if dtype.is_float:
        return literal(sign * math.inf, dtype)
    bits = 8 * dtype.size_bytes - (dtype.kind == "int")
    return literal(((1 << bits) - 1) if sign > 0 else (-(1 << bits) if dtype.kind == "int" else 0), dtype)


def combine_text(kind: str, dtype: DType, a: str, b: str) -> str:
    """One step of a reduction, element by element."""
    opcode = {
        "sum": "add",
        "prod": "mul",
        "max": "maximum",
        "min": "minimum",
        "any": "logical_or",
        "all": "logical_and",
    }[kind]
    return scalar_text(opcode, dtype, dtype, (a, b))


def ranked(kind: str, dtype: DType) -> bool:
    """Whether an accumulator holds the place of its value in the order of floats (`Rank` of vec_math/select.h), of -value for "min"."""
    return kind in ("max", "min") and value_ctype(dtype) == "float"


def rank_value_text(kind: str, accumulator: str) -> str:
    """The value of such an accumulator."""
    return f"aoti_at_rank({accumulator})" if kind == "max" else f"(-aoti_at_rank({accumulator}))"


def accumulate_text(kind: str, dtype: DType, a: str, b: str) -> str:
    """One step of a reduction into a scalar, in a form that the vectoriser may reorder."""
    if ranked(kind, dtype):
        return f"aoti_higher({a}, aoti_rank({b if kind == 'max' else '-' + b}))"
    if kind in ("max", "min") and dtype.is_float:
        return f"aoti_{kind}imum({a}, {b})"
    return combine_text(kind, dtype, a, b)


def clamp_text(opcode: str, value: str, bound: str) -> str:
    """`maximum` or `minimum` with a bound that is a constant and no NaN: one instruction, and a NaN stays."""
    return f"{value} {'<' if opcode == 'maximum' else '>'} {bound} ? {bound} : {value}"


def scalar_text(opcode: str, result: DType, operand: DType, args: Sequence[str]) -> str:
    """C++ of one operation; `operand` is the type of the first operand (of the second for `where`)."""
    if opcode == "cast":
        return _cast(result, operand, args[0])
    if opcode in _TABLE:
        return _TABLE[opcode](operand, *args)
    if opcode in _INFIX:
        return _narrow(opcode, operand, f"{args[0]} {_INFIX[opcode]} {args[1]}")
    if opcode in MATH or opcode in SPECIAL:
        return f"aoti_{opcode}{_suffix(operand)}({', '.join(args)})"
    if opcode in _WRAP:
        if operand.is_float:
            return f"{args[0]} {_WRAP[opcode]} {args[1]}"
        return f"wrap_{opcode}<{value_ctype(operand)}>({args[0]}, {args[1]})"
    if opcode in _BUILTIN and operand.is_float:
        return f"__builtin_{_BUILTIN[opcode]}{_suffix(operand)}({', '.join(args)})"
    if opcode in ("floor", "ceil", "trunc", "round"):
        return args[0]
    raise KeyError(f"no C++ for scalar operation {opcode!r} of {operand}")


def _suffix(dtype: DType) -> str:
    return "" if dtype == dtypes.float64 else "f"


def _narrow(opcode: str, dtype: DType, text: str) -> str:
    small = (
        not dtype.is_float
        and dtype.size_bytes < 4
        and dtype.kind != "bool"
        and opcode in ("shl", "shr", "bitwise_xor")
    )
    return f"({value_ctype(dtype)})({text})" if small else text


def _cast(result: DType, operand: DType, a: str) -> str:
    """PyTorch's conversions: to bool is `!= 0`; to a 16-bit float rounds; the rest are C's."""
    if result.kind == "bool":
        return f"{a} != 0" if operand.kind != "bool" else a
    if is_half(result):
        return from_memory(result, rounded_text(result, operand, a))
    return f"({value_ctype(result)}){a}"


def _extreme(name: str, sign: str) -> Callable[..., str]:
    def text(dtype: DType, a: str, b: str) -> str:
        return f"nan_{name[:3]}({a}, {b})" if dtype.is_float else f"{a} {sign} {b} ? {a} : {b}"

    return text


def _division(float_text: str, int_name: str) -> Callable[..., str]:
    def text(dtype: DType, a: str, b: str) -> str:
        if not dtype.is_float:
            return f"int_{int_name}<{value_ctype(dtype)}>({a}, {b})"
        return float_text.format(a=a, b=b, f=_suffix(dtype))

    return text


def _sign(dtype: DType, a: str) -> str:
    return f"({value_ctype(dtype)})(({a} > 0) - ({a} < 0))"


def _abs_int(dtype: DType, a: str) -> str:
    if dtype.is_float:
        return f"__builtin_fabs{_suffix(dtype)}({a})"
    return f"{a} < 0 ? wrap_sub<{value_ctype(dtype)}>(0, {a}) : {a}"


_TABLE: dict[str, Callable[..., str]] = {
    "neg": lambda d, a: f"-{a}" if d.is_float else f"wrap_sub<{value_ctype(d)}>(0, {a})",
    "abs": _abs_int,
    "sign": _sign,
    "reciprocal": lambda d, a: f"{literal(1, d)} / {a}",
    "div": lambda d, a, b: f"{a} / {b}",
    "floordiv": _division("__builtin_floor{f}({a} / {b})", "floor_div"),
    "truncdiv": _division("__builtin_trunc{f}({a} / {b})", "trunc_div"),
    "mod": _division("signed_as_divisor(aoti_fmod{f}({a}, {b}), {b})", "mod"),
    "pow": _division("aoti_pow{f}({a}, {b})", "pow"),
    "philox": lambda d, element, stream, seed, run: f"philox({element}, {stream}, {seed}, {run})",
    "gcd": lambda d, a, b: f"int_gcd<{value_ctype(d)}>({a}, {b})",
    "fmod": _division("aoti_fmod{f}({a}, {b})", "fmod"),
    "maximum": _extreme("maximum", ">"),
    "minimum": _extreme("minimum", "<"),
    "where": lambda d, c, a, b: f"{c} ? {a} : {b}",
    "logical_not": lambda d, a: f"!{a}",
    "bitwise_not": lambda d, a: f"!{a}" if d.kind == "bool" else f"({value_ctype(d)})~{a}",
    "isnan": lambda d, a: f"{a} != {a}" if d.is_float else "false",
    "isinf": lambda d, a: (
        f"__builtin_fabs{_suffix(d)}({a}) == __builtin_inf{_suffix(d)}()" if d.is_float else "false"
    ),
}
