"""Names, types and sizes of the C++ wrapper.

Enters: names of a plan, dtypes, size expressions. Leaves: C++ text. A plan's name keeps its spelling unless C++ or the wrapper
itself needs it (`class` becomes `class_`), so that wrapper, text dump and header speak of the same things.
"""

from __future__ import annotations

from collections.abc import Iterable

from compiler.ir.dtypes import DType
from compiler.ir.expr import Expr
from compiler.ir.loop import Layout
from compiler.support import cpp_text

_OF_THE_WRAPPER = frozenset(
    ("args", "ctx", "kernels", "run", "Kernels", "aoti_weights", "aoti_model_desc", "rng_seed", "rng_run")
)


def identifier(name: str) -> str:
    """The C++ spelling of a plan's name: one to one, because names of a plan are identifiers already."""
    if (
        name in cpp_text.CPP_KEYWORDS
        or name in _OF_THE_WRAPPER
        or name.isupper()
        or name.endswith(("_", "_owner", "_handle"))
    ):
        return name + "_"
    return name


def dtype_constant(dtype: DType) -> str:
    """`AOTI_DTYPE_FLOAT32`, as aoti/dtypes.h names it."""
    return f"AOTI_DTYPE_{dtype.name.upper()}"


def device_constant(layout: Layout) -> str:
    """`AOTI_DEVICE_CPU`, as aoti/device.h names it."""
    return f"AOTI_DEVICE_{layout.device.upper()}"


def expression(e: Expr) -> str:
    """A size as C++."""
    if e.is_const:
        return str(e.value()) if -(2**31) <= e.value() < 2**31 else f"INT64_C({e.value()})"
    if e.kind == "sym":
        return str(e)
    if e.kind == "sum":
        parts = [f"{expression(t)} * {c}" if c != 1 else expression(t) for t, c in e.terms()]
        return "(" + " + ".join(parts + ([str(e.constant())] if e.constant() else [])) + ")"
    parts = [expression(a) for a in e.args]  # type: ignore[arg-type]
    match e.kind:
        case "prod":
            return "(" + " * ".join(parts) + ")"
        case "floordiv" | "mod" if _rounds_as_c(e):
            return f"({parts[0]} {'/' if e.kind == 'floordiv' else '%'} {parts[1]})"
        case "floordiv" | "mod" | "min" | "max":
            return f"aoti_{e.kind}({parts[0]}, {parts[1]})"
    raise AssertionError(e.kind)


def _rounds_as_c(division: Expr) -> bool:
    """Whether C's own division is the same, and cannot be one by zero."""
    a, b = (x.lo if isinstance(x, Expr) else None for x in division.args)
    return a is not None and a >= 0 and b is not None and b > 0


def number_list(values: Iterable[Expr]) -> str:
    """`{64, 64}`"""
    return "{" + ", ".join(expression(v) for v in values) + "}"
