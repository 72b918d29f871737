"""Floating-point numbers that are computed from sizes, or read out of tensors: what `x.shape[0] ** 0.5` and `x.item()` are in a graph.

Enters: an operation and its operands. Leaves: an immutable tree that lowering traces into loop bodies and the wrapper prints.

    SizeFloat("pow", (SizeFloat("float", (s0,)), 0.5))       text: pow(float(s0), 0.5)
    SizeFloat("read", ("f0",))                               text: read(f0)

A number that is read has a name in Graph IR, which the `.item()` defines. Loop IR has none: lowering puts the buffer's name in its place
and makes it a load.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Union

from compiler.ir.expr import Expr, NotConstant
from compiler.ir.expr_parse import parse_expr

Term = Union["SizeFloat", Expr, float, str]


# Operations on float64. "float" converts an integer; "read", which is none, is the one element of a tensor.
_MEANING: dict[str, Callable[..., float]] = {
    "float": float, "neg": operator.neg, "sqrt": math.sqrt, "add": operator.add, "mul": operator.mul, "div": operator.truediv,
    "pow": math.pow,
}  # fmt: skip


@dataclass(frozen=True)
class SizeFloat:
    """One operation on float64; operands are numbers, constants, or (of "float") an integer expression, (of "read") a name."""

    op: str
    args: tuple[Term, ...]

    def __str__(self) -> str:
        return f"{self.op}({', '.join(map(str, self.args))})"

    __repr__ = __str__

    def value(self) -> float:
        """Of a number whose expressions are constants. Raises NotConstant, and as Python does for a division by zero."""
        return self.evaluate({}, {})

    def evaluate(self, sizes: Mapping[Expr, int], read: Mapping[str, float]) -> float:
        """With values for the symbols and for what is read. Raises NotConstant naming one that has none, and as `value` does."""
        if self.op == "read":
            name = str(self.args[0])
            if name not in read:
                raise NotConstant(f"{name} is read out of a tensor")
            return read[name]
        return float(_MEANING[self.op](*(_operand(arg, sizes, read) for arg in self.args)))

    def __float__(self) -> float:
        return self.value()

    def __neg__(self) -> SizeFloat:
        return SizeFloat("neg", (self,))

    def _compared(self, other: object) -> bool:
        """A lowering that compares with it needs its value, which is another in every run."""
        raise NotConstant(str(self))

    __lt__ = __le__ = __gt__ = __ge__ = _compared

    def named(self, names: Mapping[str, str]) -> SizeFloat:
        """The same with other names for what is read."""
        if self.op == "read":
            return SizeFloat("read", (names[str(self.args[0])],))
        return SizeFloat(self.op, tuple(a.named(names) if isinstance(a, SizeFloat) else a for a in self.args))

    @property
    def is_read(self) -> bool:
        """Whether something in it is read out of a tensor."""
        return self.op == "read" or any(isinstance(a, SizeFloat) and a.is_read for a in self.args)

    def symbols(self) -> tuple[Expr, ...]:
        found: dict[Expr, None] = {}
        for arg in self.args:
            if isinstance(arg, (Expr, SizeFloat)):
                found.update(dict.fromkeys(arg.symbols()))
        return tuple(found)


def _operand(arg: Term, sizes: Mapping[Expr, int], read: Mapping[str, float]) -> object:
    if isinstance(arg, SizeFloat):
        return arg.evaluate(sizes, read)
    return arg.subst(sizes).value() if isinstance(arg, Expr) else arg


def parse_size_float(text: str, symbols: Mapping[str, Expr]) -> SizeFloat:
    """The inverse of `str`. Raises ValueError naming what is not understood."""
    try:
        found = _build(ast.parse(text.strip(), mode="eval").body, symbols)
    except SyntaxError as error:
        raise ValueError(f"cannot read number {text!r}: {error.msg}") from None
    if not isinstance(found, SizeFloat):
        raise ValueError(f"{text!r} is no number made of sizes")
    return found


def _build(node: ast.AST, symbols: Mapping[str, Expr]) -> Term:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        if node.func.id == "read" and len(node.args) == 1 and isinstance(node.args[0], ast.Name):
            return SizeFloat("read", (node.args[0].id,))
        if node.func.id == "float":
            return SizeFloat("float", (parse_expr(ast.unparse(node.args[0]), symbols),))
        if node.func.id in _MEANING:
            return SizeFloat(node.func.id, tuple(_build(a, symbols) for a in node.args))
    value = ast.literal_eval(node)
    if not isinstance(value, float):
        raise ValueError(f"{ast.unparse(node)} is no number made of sizes")
    return value
