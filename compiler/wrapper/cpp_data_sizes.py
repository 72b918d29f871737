"""Sizes that a run reads out of tensors, as C++: reading, checking, and the memory that depends on them.

Enters: lines of a plan. Leaves: rows of C++. Every error names the operator that gave the number and the model's source line.

    size u0 in [0, 64] = buf1            const int64_t u0 = buf1[0];
                                         AOTI_CHECK_READ(u0 >= 0 && u0 <= 64, u0, "aten.item.default [item] at m.py:3", "0 to 64");
    check [u0 <= s0]                     AOTI_CHECK_SIZES(u0 <= s0, "expected u0 <= s0; here u0 = %lld (...), s0 = %lld (...)", ...);
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from compiler.ir.expr import Expr, data_symbols
from compiler.ir.guard import SIGNS, Guard
from compiler.ir.loop import Layout
from compiler.ir.wrapper import Plan, ReadSize
from compiler.ir.wrapper_text import layout_text
from compiler.support.cpp_text import string
from compiler.support.origins import Origin
from compiler.wrapper import cpp_sizes
from compiler.wrapper.cpp_names import expression


def read(symbol: Expr, value: str, origins: Sequence[Origin]) -> list[str]:
    """The symbol's definition by a value, and the check of its range."""
    rows = [f"const int64_t {symbol} = {value};"]
    limits = [f"{symbol} >= {symbol.lo}"] if symbol.lo is not None else []
    limits += [f"{symbol} <= INT64_C({symbol.hi})"] if symbol.hi is not None else []
    if limits:
        where, expected = string(str(origins[0])), string(expected_range(symbol))
        rows.append(f"AOTI_CHECK_READ({' && '.join(limits)}, {symbol}, {where}, {expected});")
    return rows


def expected_range(symbol: Expr) -> str:
    """`0 to 64`, `at least 0`, `at most 64`"""
    if symbol.lo is None:
        return f"at most {symbol.hi}"
    return f"at least {symbol.lo}" if symbol.hi is None else f"{symbol.lo} to {symbol.hi}"


def check(plan: Plan, guard: Guard) -> list[str]:
    """Ends the run where the guard does not hold."""
    condition = f"{expression(guard.left)} {SIGNS[guard.op]} {expression(guard.right)}"
    text = f"expected {guard}; here {{}}{'; ' + guard.origin if guard.origin else ''}"
    return [f"AOTI_CHECK_SIZES({condition}, {_message(plan, text, guard.symbols())});"]


def addressable(plan: Plan, name: str, layout: Layout) -> list[str]:
    """Ends the run where a tensor whose size is read from data has more bytes than can be addressed."""
    symbols = data_symbols(layout.size)
    if not symbols:
        return []
    needed = cpp_sizes.checked(layout.storage_numel() * layout.dtype.size_bytes, f"{name}_memory")
    text = f"the memory for {name}, {layout_text(layout)}, is more than can be addressed; here {{}}"
    return [
        f"AotiArenaLayout {name}_memory(0);",
        f"{name}_memory.place({needed});",
        f"AOTI_CHECK_SIZES({name}_memory.bytes() >= 0, {_message(plan, text, symbols)});",
    ]


def _message(plan: Plan, text: str, symbols: Iterable[Expr]) -> str:
    """A printf-like format and its arguments: the text with the values of the symbols, and where they come from, for its `{}`."""
    sources = described(plan)
    parts = [f"{s} = %lld ({sources[s].replace('%', '%%')})" for s in symbols]
    filled = text.replace("%", "%%").replace("{}", ", ".join(parts))
    values = "".join(f", (long long){s}" for s in symbols)
    return string(filled) + values


def described(plan: Plan) -> dict[Expr, str]:
    """What gives each size its value."""
    found = {s.symbol: cpp_sizes.source(plan, s) for s in plan.symbols}
    found.update((r.symbol, str(r.origins[0])) for r in plan.all_lines() if isinstance(r, ReadSize))
    return found
