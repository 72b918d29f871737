"""Reads index expressions from text, the inverse of `str(expr)`; symbols with their ranges as text, both ways.

Enters: text (data from outside) and the symbols that it may name. Leaves: the expression, or a ValueError that names what is not
understood.

    parse_expr("16*i0 + (i1 // 4)", {"i0": i0, "i1": i1})
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping

from compiler.ir.expr import Expr, const, floordiv, maximum, minimum, mod, sym

_OPERATORS: dict[type[ast.operator], Callable[[Expr, Expr], Expr]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.FloorDiv: floordiv,
    ast.Mod: mod,
}
_FUNCTIONS: dict[str, Callable[[Expr, Expr], Expr]] = {"min": minimum, "max": maximum}


def parse_expr(text: str, symbols: Mapping[str, Expr]) -> Expr:
    """The inverse of `str`. Raises ValueError naming what is not understood."""
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except SyntaxError as e:
        raise ValueError(f"cannot read index expression {text!r}: {e.msg}") from None
    return _build(tree.body, text, symbols)


def parse_exprs(text: str, symbols: Mapping[str, Expr]) -> tuple[Expr, ...]:
    """A list with commas between; commas inside parentheses belong to an expression."""
    parts, depth, begin = [], 0, 0
    for position, c in enumerate(text + ","):
        depth += {"(": 1, ")": -1}.get(c, 0)
        if c == "," and depth == 0:
            parts.append(text[begin:position])
            begin = position + 1
    return tuple(parse_expr(part, symbols) for part in parts) if text.strip() else ()


def print_range(symbol: Expr) -> str:
    """`[0, inf]`"""
    return f"[{'-inf' if symbol.lo is None else symbol.lo}, {'inf' if symbol.hi is None else symbol.hi}]"


def parse_range(name: str, text: str) -> Expr:
    """The symbol of this name with the range `0, inf`: what `print_range` printed, without its brackets."""
    lo, hi = (part.strip() for part in text.split(","))
    return sym(name, None if lo == "-inf" else int(lo), None if hi == "inf" else int(hi))


def _build(node: ast.AST, text: str, symbols: Mapping[str, Expr]) -> Expr:
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return const(node.value)
    if isinstance(node, ast.Name):
        if node.id not in symbols:
            raise ValueError(f"unknown symbol {node.id!r} in index expression {text!r}")
        return symbols[node.id]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_build(node.operand, text, symbols)
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        left, right = _build(node.left, text, symbols), _build(node.right, text, symbols)
        return _OPERATORS[type(node.op)](left, right)
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in _FUNCTIONS
        and len(node.args) == 2
    ):
        left, right = (_build(a, text, symbols) for a in node.args)
        return _FUNCTIONS[node.func.id](left, right)
    raise ValueError(f"cannot read index expression {text!r}")
