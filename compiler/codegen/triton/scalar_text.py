"""Triton source of each scalar operation of `compiler.ir.scalar_ops`, on blocks.

Enters: an opcode, operand types, operand texts. Leaves: an expression. 16-bit floats are float32 in registers, as everywhere in the
compiler. Where Triton's own function is an approximation (exp, division, square root) the exactly rounded one or libdevice's is
taken: most kernels wait for memory, and results must not be further from float64 than eager PyTorch's. A kernel that reads and writes
16-bit floats alone takes the processor's approximations: they err in the 20th bit or later, and such kernels wait for arithmetic.

    ("mul", float32, ("tmp0", "2.0")) -> "tmp0 * 2.0"          ("div", float32, ("a", "b")) -> "tl.div_rn(a, b)"
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from compiler.ir import dtypes
from compiler.ir.dtypes import DType

# Functions with libdevice's name, for float32 and float64.
_LIBDEVICE = frozenset({
    "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh",
    "asinh", "acosh", "atanh", "erf", "erfc", "lgamma", "pow", "fmod", "atan2", "copysign", "hypot", "trunc",
})  # fmt: skip
_INFIX = {
    "add": "+", "sub": "-", "mul": "*", "bitwise_and": "&", "bitwise_or": "|", "bitwise_xor": "^", "shl": "<<", "shr": ">>",
    "eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "logical_and": "&", "logical_or": "|",
}  # fmt: skip
# Functions of kernels/triton/scalar_math.py, all importable by generated kernels.
SCALAR_MATH = (
    "checked_index", "floor_div", "floor_mod", "float_mod", "int_pow", "near_erf", "philox", "sign", "nan_max", "nan_min",
    *(f"{what}_{kind}" for what in ("reduce", "scan") for kind in ("sum", "prod", "max", "min")), "reduce_any", "reduce_all",
)  # fmt: skip
_TRITON_TYPE = {
    "bool": "int1",
    "float16": "float16",
    "float32": "float32",
    "float64": "float64",
    "bfloat16": "bfloat16",
}
_POINTER_TYPE = {
    "bool": "*i1", "float16": "*fp16", "float32": "*fp32", "float64": "*fp64", "bfloat16": "*bf16", "uint8": "*u8",
}  # fmt: skip


def memory_type(dtype: DType) -> str:
    """`tl.float32`: the type of an element in memory."""
    return f"tl.{_TRITON_TYPE.get(dtype.name, dtype.name)}"


def value_type(dtype: DType) -> str:
    """The type in registers."""
    return "tl.float32" if is_half(dtype) else memory_type(dtype)


def pointer_type(dtype: DType) -> str:
    """A pointer's type in a kernel's signature: "*fp32", "*i64"."""
    return _POINTER_TYPE.get(dtype.name) or f"*i{8 * dtype.size_bytes}"


def is_half(dtype: DType) -> bool:
    return dtype.is_float and dtype.size_bytes == 2


def literal(value: object, dtype: DType) -> str:
    """A constant, as Python writes it."""
    if dtype.kind == "bool":
        return "True" if value else "False"
    if not dtype.is_float:
        return str(int(value))  # type: ignore[call-overload]
    number = float(value)  # type: ignore[arg-type]
    return repr(number) if math.isfinite(number) else f'float("{number}")'


def neutral_literal(kind: str, dtype: DType) -> str:
    """What a reduction of nothing gives."""
    if kind in ("any", "all"):
        return literal(kind == "all", dtype)
    if kind in ("sum", "prod"):
        return literal(kind == "prod", dtype)
    sign = -1 if kind == "max" else 1
    if dtype.is_float:
        return literal(sign * math.inf, dtype)
    bits = 8 * dtype.size_bytes - (dtype.kind == "int")
    lowest = -(1 << bits) if dtype.kind == "int" else 0
    return literal((1 << bits) - 1 if sign > 0 else lowest, dtype)


def combine_text(kind: str, dtype: DType, a: str, b: str) -> str:
    """One step of a reduction, lane by lane."""
    opcode = {
        "sum": "add",
        "prod": "mul",
        "max": "maximum",
        "min": "minimum",
        "any": "logical_or",
        "all": "logical_and",
    }[kind]
    return scalar_text(opcode, dtype, dtype, (a, b))


def near_text(opcode: str, operand: DType, args: Sequence[str]) -> str | None:
    """The processor's approximation of an operation on float32; None where there is none. `erf` is not among them: its own is near only
    in sums (`near_erf`)."""
    if operand != dtypes.float32 or opcode not in _NEAR:
        return None
    return _NEAR[opcode].format(*args)


def scalar_text(opcode: str, result: DType, operand: DType, args: Sequence[str]) -> str:
    """One operation; `operand` is the type of the first operand (of the second for `where`)."""
    if opcode == "cast":
        return cast_text(result, operand, args[0])
    if opcode in _TABLE:
        return _TABLE[opcode](operand, *args)
    if opcode in _INFIX:
        return f"{args[0]} {_INFIX[opcode]} {args[1]}"
    if opcode in _LIBDEVICE and operand.is_float:
        return f"libdevice.{opcode}({', '.join(args)})"
    if opcode in ("floor", "ceil", "trunc", "round"):
        return args[0]
    raise KeyError(f"no Triton for scalar operation {opcode!r} of {operand}")


def cast_text(result: DType, operand: DType, a: str) -> str:
    """PyTorch's conversions: to bool is `!= 0`; to a 16-bit float rounds."""
    if result.kind == "bool":
        return f"{a} != 0" if operand.kind != "bool" else a
    if is_half(result):
        return f"{_call(a)}.to({memory_type(result)}).to(tl.float32)"
    if operand.is_float and result.kind == "uint":
        return f"{_call(a)}.to(tl.int64).to({memory_type(result)})"
    return f"{_call(a)}.to({value_type(result)})"


def _call(text: str) -> str:
    return text if text.isidentifier() else f"({text})"


def _extreme(kind: str) -> Callable[..., str]:
    return lambda d, a, b: f"nan_{kind[:3]}({a}, {b})" if d.is_float else f"tl.{kind}({a}, {b})"


def _rounded(text: str, exact: str) -> Callable[..., str]:
    """Of float64 Triton's plain operation is exactly rounded already."""
    return lambda d, *args: (text if d == dtypes.float64 else exact).format(*args)


_NEAR = {
    "exp": "tl.exp({0})",
    "exp2": "tl.exp2({0})",
    "div": "{0} / {1}",
    "reciprocal": "1.0 / {0}",
    "sqrt": "tl.sqrt({0})",
    "sigmoid": "1.0 / (1.0 + tl.exp(-{0}))",
}

_TABLE: dict[str, Callable[..., str]] = {
    "neg": lambda d, a: f"-{a}",
    "abs": lambda d, a: f"tl.abs({a})",
    "sign": lambda d, a: f"sign({a})",
    "reciprocal": _rounded("1.0 / {0}", "tl.div_rn(1.0, {0})"),
    "div": _rounded("{0} / {1}", "tl.div_rn({0}, {1})"),
    "sqrt": _rounded("tl.sqrt({0})", "tl.sqrt_rn({0})"),
    "rsqrt": lambda d, a: f"libdevice.rsqrt({a})",
    "sigmoid": _rounded("1.0 / (1.0 + libdevice.exp(-{0}))", "tl.div_rn(1.0, 1.0 + libdevice.exp(-{0}))"),
    "floordiv": lambda d, a, b: (
        f"tl.floor({_rounded('{0} / {1}', 'tl.div_rn({0}, {1})')(d, a, b)})" if d.is_float else f"floor_div({a}, {b})"
    ),
    "truncdiv": lambda d, a, b: (
        f"libdevice.trunc({_rounded('{0} / {1}', 'tl.div_rn({0}, {1})')(d, a, b)})" if d.is_float else f"{a} // {b}"
    ),
    "mod": lambda d, a, b: f"float_mod({a}, {b})" if d.is_float else f"floor_mod({a}, {b})",
    "fmod": lambda d, a, b: f"libdevice.fmod({a}, {b})" if d.is_float else f"{a} % {b}",
    "pow": lambda d, a, b: f"libdevice.pow({a}, {b})" if d.is_float else f"int_pow({a}, {b})",
    "floor": lambda d, a: f"tl.floor({a})" if d.is_float else a,
    "ceil": lambda d, a: f"tl.ceil({a})" if d.is_float else a,
    "round": lambda d, a: f"libdevice.nearbyint({a})" if d.is_float else a,
    "maximum": _extreme("maximum"),
    "minimum": _extreme("minimum"),
    "where": lambda d, c, a, b: f"tl.where({c}, {a}, {b})",
    "logical_not": lambda d, a: f"{a} == 0",
    "philox": lambda d, element, stream, seed, run: f"philox({element}, {stream}, {seed}, {run})",
    "bitwise_not": lambda d, a: f"{a} == 0" if d.kind == "bool" else f"~{a}",
    "isnan": lambda d, a: f"{a} != {a}" if d.is_float else f"{a} != {a}",
    "isinf": lambda d, a: f'tl.abs({a}) == float("inf")' if d.is_float else f"{a} != {a}",
}  # fmt: skip
