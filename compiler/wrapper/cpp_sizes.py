"""Sizes that are known at run time only, as C++: how symbols follow from the inputs, what is checked of them, where the arena's slots lie.

Enters: a `wrapper.Plan`. Leaves: tables and functions for the end of `wrapper/model.cpp`, and rows for the beginning of a run; nothing
for a model of fixed sizes.

    static const AotiSymbolDesc kSymbols[] = {{"s0", "dimension 0 of input 'x'"}};
    static const AotiSizeCheck kSizeChecks[] = {{AOTI_CHECK_SIZE, 1, 0, "2*s0 + 1", "models/x.py:3 in forward"}};
    static int64_t size_check_value(int32_t check, const int64_t *symbols) { ... case 0: return 2 * s0 + 1; ... }
    static int64_t arena_layout(const int64_t *symbols, int64_t *offsets) { ... }
"""

from __future__ import annotations

from collections.abc import Sequence

from compiler.ir.expr import Expr
from compiler.ir.guard import SIGNS
from compiler.ir.size_float import SizeFloat
from compiler.ir.wrapper import Plan, SizeSymbol
from compiler.support.cpp_text import string
from compiler.wrapper.cpp_names import expression
from compiler.wrapper.size_checks import SizeCheck, checks

_KINDS = {"size": "AOTI_CHECK_SIZE", "stride": "AOTI_CHECK_STRIDE", "guard": "AOTI_CHECK_CONDITION"}


def symbol_index(plan: Plan) -> dict[Expr, int]:
    """Where the value of a dimension's size is kept, by the size: symbols, then sizes that only serve to find a symbol."""
    index = {s.symbol: n for n, s in enumerate(plan.symbols)}
    for s in plan.symbols:
        if not s.is_bare:
            index.setdefault(_dimension(plan, s), len(index))
    return index


def _dimension(plan: Plan, s: SizeSymbol) -> Expr:
    return plan.inputs[s.input_index].layout.size[s.dim]


def symbol_rows(plan: Plan, symbols: Sequence[Expr] | None = None) -> list[str]:
    """Names for the values of the symbols (of these, where given)."""
    wanted = None if symbols is None else set(symbols)
    return [
        f"const int64_t {s.symbol} = symbols[{n}];  // {source(plan, s)}"
        for n, s in enumerate(plan.symbols)
        if wanted is None or s.symbol in wanted
    ]


def source(plan: Plan, s: SizeSymbol) -> str:
    name = plan.inputs[s.input_index].name
    part = "" if s.is_bare else f", which is {_dimension(plan, s)}"
    return f"dimension {s.dim} of input '{name}'{part}"


def tables(plan: Plan) -> str:
    """The tables and functions that `fields` names."""
    if not plan.symbols:
        return ""
    rows = [f"    {{{string(str(s.symbol))}, {string(source(plan, s))}}},\n" for s in plan.symbols]
    parts = [f"static const AotiSymbolDesc kSymbols[] = {{\n{''.join(rows)}}};\n"]
    parts += [_solve(plan), _checks(plan, checks(plan)), _arena(plan)]
    return "\n".join(filter(None, parts))


def fields(plan: Plan) -> list[tuple[str, str]]:
    """The fields of the model's table that describe such sizes."""
    found = checks(plan) if plan.symbols else []
    solves = any(not s.is_bare for s in plan.symbols)
    return [
        ("num_named_symbols", str(len(plan.symbols))),
        ("num_size_checks", str(len(found))),
        ("symbols", "kSymbols" if plan.symbols else "nullptr"),
        ("size_checks", "kSizeChecks" if found else "nullptr"),
        ("solve_symbols", "solve_symbols" if solves else "nullptr"),
        ("size_check_value", "size_check_value" if found else "nullptr"),
    ]


def _solve(plan: Plan) -> str:
    """Symbols that are no dimension themselves, from one that they are part of. Whether it divides is checked afterwards."""
    index = symbol_index(plan)
    rows = []
    for n, s in enumerate(plan.symbols):
        if s.is_bare:
            continue
        names = [f"const int64_t {r} = symbols[{index[r]}];" for r in s.rest.symbols()]
        value = f"(symbols[{index[_dimension(plan, s)]}] - {expression(s.rest)}) / {s.scale}"
        rows += ["{", *(f"  {row}" for row in names), f"  symbols[{n}] = {value};  // {s.symbol}", "}"]
    if not rows:
        return ""
    body = "".join(f"  {row}\n" for row in rows)
    return f"static void solve_symbols(int64_t *symbols) {{\n{body}}}\n"


def _checks(plan: Plan, found: Sequence[SizeCheck]) -> str:
    if not found:
        return ""
    rows, cases = [], []
    used: set[Expr] = set()
    for n, check in enumerate(found):
        origin = string(check.origin) if check.origin else "nullptr"
        text = str(check.guard) if check.guard is not None else str(check.value)
        rows.append(
            f"    {{{_KINDS[check.kind]}, {check.input_index}, {check.dim}, {string(text)}, {origin}}},\n"
        )
        cases.append(f"    case {n}: return {_value(check)};\n")
        for part in (check.guard, check.value):
            used.update(part.symbols() if part is not None else ())
    names = "".join(f"  {row}\n" for row in symbol_rows(plan, sorted(used, key=str)))
    return (
        f"static const AotiSizeCheck kSizeChecks[] = {{\n{''.join(rows)}}};\n\n"
        "// The value that check number `check` expects; of a condition: whether it holds.\n"
        f"static int64_t size_check_value(int32_t check, const int64_t *symbols) {{\n{names}"
        f"  switch (check) {{\n{''.join(cases)}    default: return 0;\n  }}\n}}\n"
    )


def _value(check: SizeCheck) -> str:
    if check.guard is not None:
        return f"{expression(check.guard.left)} {SIGNS[check.guard.op]} {expression(check.guard.right)}"
    assert check.value is not None
    return expression(check.value)


def _arena(plan: Plan) -> str:
    """Where each slot begins, and the arena's size: one function, asked for the size before a run and for the offsets in it."""
    if not plan.slots:
        return ""
    return (
        "static int64_t arena_bytes_for(const int64_t *symbols) {\n"
        f"  int64_t offsets[{len(plan.slots)}];\n"
        "  return arena_layout(symbols, offsets);\n}\n"
    )


def arena_layout(plan: Plan) -> str:
    """The function that the run needs too, so it comes before it."""
    if not plan.slots:
        return ""
    used = {s for size in plan.slots for s in size.symbols()}
    rows = symbol_rows(plan, sorted(used, key=str))
    rows.append(f"AotiArenaLayout arena({plan.arena_bytes});")
    rows += [
        f"offsets[{n}] = arena.place({checked(size)});  // {size} bytes" for n, size in enumerate(plan.slots)
    ]
    body = "".join(f"  {row}\n" for row in rows)
    return (
        "// Fills in where the arena's slots begin; returns its size, or -1 where that is more than can be addressed.\n"
        f"static int64_t arena_layout(const int64_t *symbols, int64_t *offsets) {{\n{body}  return arena.bytes();\n}}\n"
    )


def checked(e: Expr, by: str = "arena") -> str:
    """The expression with every sum and product checked for overflow by this `AotiArenaLayout`."""
    if e.is_const or e.kind == "sym":
        return expression(e)
    if e.kind == "prod":
        return _fold(f"{by}.mul", [checked(a, by) for a in e.args if isinstance(a, Expr)])
    if e.kind == "sum":
        terms = [checked(t, by) if c == 1 else f"{by}.mul({checked(t, by)}, {c})" for t, c in e.terms()]
        return _fold(f"{by}.add", [*terms, *([str(e.constant())] if e.constant() else [])])
    a, b = (checked(x, by) for x in e.args if isinstance(x, Expr))
    return f"aoti_{e.kind}({a}, {b})"


def _fold(operation: str, operands: Sequence[str]) -> str:
    result = operands[0]
    for operand in operands[1:]:
        result = f"{operation}({result}, {operand})"
    return result


def number(value: SizeFloat | Expr | float) -> str:
    """A number made of sizes, as a double (an expression of integers as it is).

    What is read out of a tensor is loaded by the kernel itself: none of it is here.
    """
    if isinstance(value, Expr):
        return expression(value)
    if not isinstance(value, SizeFloat):
        return repr(value)
    assert not value.is_read, value
    args = [number(a) for a in value.args if not isinstance(a, str)]
    if value.op in ("sqrt", "pow"):
        return f"__builtin_{value.op}({', '.join(args)})"
    if value.op == "float":
        return f"static_cast<double>({args[0]})"
    sign = {"add": "+", "mul": "*", "div": "/", "neg": "-"}[value.op]
    return f"(-{args[0]})" if value.op == "neg" else f"({args[0]} {sign} {args[1]})"
