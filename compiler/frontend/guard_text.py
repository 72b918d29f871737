"""Reads the guards of an exported program: Python text over the sizes and strides of its inputs.

Enters: the text, and each input's sizes and strides by the path that the text names it with. Leaves: comparisons that must all hold.

    "((-1) + L['a'][0].size()[0]) == L['a'][1].size()[0]"   ->   [Guard("eq", s0 - 1, s1)]
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence

from compiler.ir.expr import Expr, const, floordiv, maximum, minimum, mod
from compiler.ir.guard import Guard


class Choice(ValueError):
    """A guard that more than one condition can fulfil."""


# (sizes, strides) of an input
Inputs = Mapping[str, Sequence[Sequence[Expr]]]

_OPERATORS: dict[type[ast.operator], Callable[[Expr, Expr], Expr]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.FloorDiv: floordiv,
    ast.Mod: mod,
}
_FUNCTIONS: dict[str, Callable[[Expr, Expr], Expr]] = {
    "min": minimum, "max": maximum, "Min": minimum, "Max": maximum, "Mod": mod, "PythonMod": mod, "FloorDiv": floordiv,
}  # fmt: skip
_COMPARISONS: dict[type[ast.cmpop], Callable[[Expr, Expr], Guard]] = {
    ast.Eq: lambda a, b: Guard("eq", a, b),
    ast.NotEq: lambda a, b: Guard("ne", a, b),
    ast.Lt: lambda a, b: Guard("lt", a, b),
    ast.LtE: lambda a, b: Guard("le", a, b),
    ast.Gt: lambda a, b: Guard("lt", b, a),
    ast.GtE: lambda a, b: Guard("le", b, a),
}


def parse(text: str, inputs: Inputs) -> list[Guard]:
    """Raises ValueError that says what is not understood."""
    try:
        return _conditions(ast.parse(text.strip(), mode="eval").body, inputs)
    except SyntaxError as error:
        raise ValueError(str(error.msg)) from None


def _conditions(node: ast.AST, inputs: Inputs) -> list[Guard]:
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And):
        return [guard for value in node.values for guard in _conditions(value, inputs)]
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
        return _the_possible_one(node, [_conditions(value, inputs) for value in node.values])
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        inner = _conditions(node.operand, inputs)
        if len(inner) == 1:
            return [inner[0].negated()]
    if isinstance(node, ast.Compare) and all(type(op) in _COMPARISONS for op in node.ops):
        values = [_integer(v, inputs) for v in (node.left, *node.comparators)]
        pairs = zip(node.ops, values[:-1], values[1:], strict=True)
        return [_COMPARISONS[type(op)](a, b) for op, a, b in pairs]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("Eq", "Ne"):
        left, right = (_integer(a, inputs) for a in node.args)
        return [Guard(node.func.id.lower(), left, right)]
    raise ValueError(f"{ast.unparse(node)} is no comparison of sizes")


def _the_possible_one(node: ast.AST, choices: list[list[Guard]]) -> list[Guard]:
    """Of several conditions, one of which must hold, the only one that can: `s0 == 1 or s0 == 4` where s0 is at least 2."""
    possible = [guards for guards in choices if all(g.known() is not False for g in guards)]
    if any(all(g.known() for g in guards) for guards in possible):
        return []
    if len(possible) == 1:
        return possible[0]
    raise Choice(f"{ast.unparse(node)} leaves a choice between {len(possible)} conditions")


def _integer(node: ast.AST, inputs: Inputs) -> Expr:
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return const(node.value)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_integer(node.operand, inputs)
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return _OPERATORS[type(node.op)](_integer(node.left, inputs), _integer(node.right, inputs))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _FUNCTIONS:
        left, right = (_integer(a, inputs) for a in node.args)
        return _FUNCTIONS[node.func.id](left, right)
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Call):
        return _dimension(node.value.func, node.slice, inputs)
    raise ValueError(f"{ast.unparse(node)} is no size of an input")


def _dimension(method: ast.AST, dim: ast.AST, inputs: Inputs) -> Expr:
    """`L['x'].size()[0]`, `L['x'].stride()[0]`."""
    if not isinstance(method, ast.Attribute) or method.attr not in ("size", "stride"):
        raise ValueError(f"{ast.unparse(method)} is no size of an input")
    path, position = ast.unparse(method.value), int(ast.literal_eval(dim))
    if path not in inputs:
        raise ValueError(f"{path} is no tensor input of the model; these are: {', '.join(inputs)}")
    return inputs[path][0 if method.attr == "size" else 1][position]
