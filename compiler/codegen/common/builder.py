"""Builds the statements of nested scopes: each value is computed once, in the outermost scope where it is known.

Enters: scalar operations in any order, while loops are opened and closed. Leaves: statements.
Invariants: an operation of the same opcode, operands and attributes is emitted once per scope chain; it goes into the deepest scope among
those of its operands and of the loop variables in its index expressions, so that nothing is recomputed in an inner loop that an
outer one could compute. Divisions and remainders inside indices become integer variables of the scope where they are known.

Before/after (in the loop over r0 of row i0):
    load x[64*i0 + r0]; load mean[i0 // 2]; sub    ->   before the loop:  x0 = i0 // 2; tmp0 = load mean[x0]
                                                        in the loop:      tmp1 = load x[64*i0 + r0]; tmp2 = tmp1 - tmp0
"""

from __future__ import annotations

from collections.abc import Iterable

from compiler.ir.dtypes import DType
from compiler.ir.expr import Expr, sym
from compiler.ir.kernel import Attr, Compute, Define, Statement

_NESTED = ("floordiv", "mod", "min", "max")


class Scope:
    """Statements of one loop body and what is known in it."""

    def __init__(self) -> None:
        self.statements: list[Statement] = []
        self.late: list[Statement] = []  # stores, which follow all loads of the iteration
        self.known: dict[tuple[object, ...], str] = {}
        self.defined: dict[Expr, Expr] = {}


class Builder:
    """A stack of scopes; depth 0 is the outermost."""

    def __init__(self) -> None:
        self.scopes: list[Scope] = []
        self._depth: dict[object, int] = {}  # of a value's name or a symbol
        self._dtypes: dict[str, DType] = {}
        self._names: dict[str, int] = {}

    def open(self, symbols: Iterable[Expr] = ()) -> Scope:
        """Enters a loop that defines `symbols`."""
        self.scopes.append(Scope())
        for s in symbols:
            self._depth[s] = len(self.scopes) - 1
        return self.scopes[-1]

    def close(self) -> tuple[Statement, ...]:
        """Leaves the innermost loop; its statements, stores last."""
        scope = self.scopes.pop()
        return tuple(scope.statements + scope.late)

    @property
    def depth(self) -> int:
        return len(self.scopes) - 1

    def fresh(self, prefix: str) -> str:
        """A name that no other value has."""
        number = self._names.get(prefix, 0)
        self._names[prefix] = number + 1
        return f"{prefix}{number}"

    def add(self, statement: Statement) -> None:
        self.scopes[-1].statements.append(statement)

    def add_late(self, statement: Statement) -> None:
        self.scopes[-1].late.append(statement)

    def declare(self, name: str, dtype: DType) -> None:
        """A value that exists from here on in the innermost scope (an accumulator, say)."""
        self._depth[name] = self.depth
        self._dtypes[name] = dtype

    def dtype_of(self, name: str) -> DType | None:
        return self._dtypes.get(name)

    def define(self, symbol: Expr, value: Expr) -> None:
        self._depth[symbol] = self.depth
        if symbol is not value:
            self.add(Define(symbol, value))

    def depth_of(self, items: Iterable[object]) -> int:
        """The scope in which all these values and symbols are known; size symbols are known everywhere."""
        return max((self._depth.get(i, 0) for i in items), default=0)

    def compute(
        self, dtype: DType, opcode: str, args: tuple[str, ...] = (), attrs: tuple[Attr, ...] = ()
    ) -> str:
        """The name of the value."""
        attrs = tuple(self.index(a) if isinstance(a, Expr) else a for a in attrs)
        key = (opcode, args, dtype, *((type(a), a) for a in attrs))
        found = self._look_up(key)
        if found is not None:
            return found
        depth = self.depth_of([*args, *(s for a in attrs if isinstance(a, Expr) for s in a.symbols())])
        name = self.fresh("tmp")
        self._depth[name] = depth
        self._dtypes[name] = dtype
        self.scopes[depth].statements.append(Compute(name, dtype, opcode, args, attrs))
        self.scopes[depth].known[key] = name
        return name

    def indirect(self, dtype: DType, value: str, size: Expr, where: str) -> Expr:
        """The symbol that stands for a checked index value."""
        size = self.index(size)
        key = ("indirect", value, size, where)
        found = self._look_up(key)
        name = found or self.fresh("v")
        symbol = sym(name, 0, None if size.hi is None else max(size.hi - 1, 0))
        if found is None:
            depth = self.depth_of([value, *size.symbols()])
            self._depth[symbol] = self._depth[name] = depth
            self._dtypes[name] = dtype
            self.scopes[depth].statements.append(
                Compute(name, dtype, "indirect", (value,), (symbol, size, where))
            )
            self.scopes[depth].known[key] = name
        return symbol

    def _look_up(self, key: tuple[object, ...]) -> str | None:
        for scope in reversed(self.scopes):
            if key in scope.known:
                return scope.known[key]
        return None

    def index(self, e: Expr) -> Expr:
        """The expression with divisions, remainders, minima and maxima that an outer scope knows replaced by variables of it."""
        mapping: dict[Expr, Expr] = {}
        for atom in _outermost_nested(e):
            depth = self.depth_of(atom.symbols())
            if depth < self.depth or self.depth == 0:
                mapping[atom] = self._defined_at(depth, atom)
        return _replace(e, mapping) if mapping else e

    def _defined_at(self, depth: int, atom: Expr) -> Expr:
        for scope in self.scopes[: depth + 1]:
            if atom in scope.defined:
                return scope.defined[atom]
        symbol = sym(self.fresh("x"), atom.lo, atom.hi)
        self._depth[symbol] = depth
        self.scopes[depth].statements.append(Define(symbol, atom))
        self.scopes[depth].defined[atom] = symbol
        return symbol


def _outermost_nested(e: Expr) -> list[Expr]:
    if e.kind in _NESTED:
        return [e]
    if e.kind == "sum":
        return [a for term, _ in e.terms() for a in _outermost_nested(term)]
    if e.kind == "prod":
        return [a for factor in e.args for a in _outermost_nested(factor)]  # type: ignore[arg-type]
    return []


def _replace(e: Expr, mapping: dict[Expr, Expr]) -> Expr:
    """Replaces whole atoms of a sum."""
    if e in mapping:
        return mapping[e]
    if e.kind == "sum":
        total: Expr = e - e + e.constant()
        for term, coeff in e.terms():
            total = total + _replace(term, mapping) * coeff
        return total
    if e.kind == "prod":
        out = _replace(e.args[0], mapping)  # type: ignore[arg-type]
        for factor in e.args[1:]:
            out = out * _replace(factor, mapping)  # type: ignore[arg-type]
        return out
    return e
