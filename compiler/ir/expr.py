"""Integer expressions: sizes, strides, loop bounds and memory indices.

Enters: sizes and strides converted once from `torch.SymInt` (by the frontend), loop variables made by
lowering. Leaves: expressions that print, parse, evaluate, substitute and compare by identity.

Invariants
- Hash-consed: two equal expressions are the same object, so `is`, `==` and dict look-ups cost nothing.
- Normal form: a sum is `coeff * product-of-atoms + ... + const`, larger coefficients first, then by text;
  atoms are symbols, floor divisions, remainders, minima and maxima. Division rounds towards minus infinity
  and a remainder has the divisor's sign, as in Python.
- Every expression carries an interval `[lo, hi]` (None is unbounded) derived from its symbols' ranges;
  simplification of `//`, `%`, `Min` and `Max` relies on it, so a symbol's range must hold at run time (the
  entry checks see to it).

Before/after:
    i0 = sym("i0", 0, 3); i1 = sym("i1", 0, 15)
    (i0 * 16 + i1) // 16   ->  i0
    (i0 * 16 + i1) % 16    ->  i1
    str(i0 * 16 + i1)      ->  "16*i0 + i1"
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Union

IntLike = Union[int, "Expr"]
Bound = Union[int, None]

_table: dict[tuple[object, ...], Expr] = {}


class Expr:
    """One hash-consed node. Build with `const`, `sym` and Python's operators, never with the constructor."""

    __slots__ = ("kind", "args", "lo", "hi", "_text")
    kind: str
    args: tuple[object, ...]
    lo: Bound
    hi: Bound
    _text: str | None

    def __add__(self, other: IntLike) -> Expr:
        return add(self, as_expr(other))

    __radd__ = __add__

    def __mul__(self, other: IntLike) -> Expr:
        return mul(self, as_expr(other))

    __rmul__ = __mul__

    def __neg__(self) -> Expr:
        return mul(self, const(-1))

    def __sub__(self, other: IntLike) -> Expr:
        return add(self, -as_expr(other))

    def __rsub__(self, other: IntLike) -> Expr:
        return add(as_expr(other), -self)

    def __floordiv__(self, other: IntLike) -> Expr:
        return floordiv(self, as_expr(other))

    def __rfloordiv__(self, other: IntLike) -> Expr:
        return floordiv(as_expr(other), self)

    def __mod__(self, other: IntLike) -> Expr:
        return mod(self, as_expr(other))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, int):
            return self.kind == "const" and self.args[0] == other
        return self is other

    def __hash__(self) -> int:
        return hash(self.args[0]) if self.kind == "const" else id(self) >> 4

    def __str__(self) -> str:
        if self._text is None:
            self._text = _print(self)
        return self._text

    def __repr__(self) -> str:
        return str(self)

    @property
    def is_const(self) -> bool:
        return self.kind == "const"

    def value(self) -> int:
        """The integer of a constant. Raises TypeError for anything else."""
        if self.kind != "const":
            raise TypeError(f"{self} is not a constant")
        return int(self.args[0])  # type: ignore[call-overload,no-any-return]

    def symbols(self) -> tuple[Expr, ...]:
        """All symbols inside, each once, by name."""
        found: dict[Expr, None] = {}
        _walk_symbols(self, found)
        return tuple(sorted(found, key=_rank))

    def subst(self, mapping: Mapping[Expr, IntLike]) -> Expr:
        """Replaces symbols and simplifies again."""
        return _rebuild(self, {k: as_expr(v) for k, v in mapping.items()}, {}) if mapping else self

    def evaluate(self, env: Mapping[Expr, int]) -> int:
        """The value with every symbol given. Raises KeyError for a missing symbol."""
        return _evaluate(self, env)

    def terms(self) -> tuple[tuple[Expr, int], ...]:
        """As `sum(coeff * atom) + constant`: the (atom, coeff) pairs; an atom may be a product of atoms."""
        if self.kind == "sum":
            return self.args[1]  # type: ignore[return-value]
        return () if self.kind == "const" else ((self, 1),)

    def constant(self) -> int:
        """The constant summand."""
        if self.kind == "sum":
            return int(self.args[0])  # type: ignore[call-overload,no-any-return]
        return self.value() if self.kind == "const" else 0

    def coefficient(self, symbol: Expr) -> Expr | None:
        """c where the expression is `c * symbol + (terms without symbol)`; None where it is not linear in it."""
        total = const(0)
        for atom, coeff in self.terms():
            if atom is symbol:
                total = total + coeff
            elif atom.kind == "prod" and symbol in atom.args:
                rest = list(atom.args)
                rest.remove(symbol)
                if symbol in rest or any(symbol in r.symbols() for r in rest):  # type: ignore[attr-defined]
                    return None
                total = total + mul_all(rest) * coeff  # type: ignore[arg-type]
            elif symbol in atom.symbols():
                return None
        return total


def _rank(e: Expr) -> tuple[str, int]:
    """What terms and factors are sorted by: nothing that depends on what was built before."""
    return str(e), -1 if e.hi is None else e.hi


def _make(kind: str, args: tuple[object, ...], lo: Bound, hi: Bound) -> Expr:
    key = (kind, *args)
    found = _table.get(key)
    if found is None:
        found = Expr()
        found.kind, found.args, found.lo, found.hi, found._text = kind, args, lo, hi, None
        _table[key] = found
    return found


def const(value: int) -> Expr:
    return _make("const", (int(value),), int(value), int(value))


def sym(name: str, lo: Bound = 0, hi: Bound = None) -> Expr:
    """A symbol with its range, both ends inclusive; `None` is unbounded. Name and range together are its identity."""
    return _make("sym", (name, lo, hi), lo, hi)


def as_expr(value: IntLike) -> Expr:
    return value if isinstance(value, Expr) else const(value)


def exprs(values: Iterable[IntLike]) -> tuple[Expr, ...]:
    return tuple(as_expr(v) for v in values)


def _interval_mul(a: tuple[Bound, Bound], b: tuple[Bound, Bound]) -> tuple[Bound, Bound]:
    if a[0] is not None and b[0] is not None and a[0] >= 0 and b[0] >= 0:
        return a[0] * b[0], None if a[1] is None or b[1] is None else a[1] * b[1]
    if None in a or None in b:
        return None, None
    products = [x * y for x in a for y in b if x is not None and y is not None]
    return min(products), max(products)


def _rejoin(terms: dict[Expr, int]) -> tuple[Expr, dict[Expr, int]] | None:
    """Finds `c*d*(e // d) + c*(e % d)`; gives `c*e` and the other terms."""
    for part, coeff in terms.items():
        if part.kind == "mod" and coeff:
            whole = _table.get(("floordiv", *part.args))
            divisor = part.args[1]
            if (
                whole is not None
                and isinstance(divisor, Expr)
                and divisor.is_const
                and terms.get(whole) == coeff * divisor.value()
            ):
                rest = {t: c for t, c in terms.items() if t is not part and t is not whole}
                return mul(part.args[0], const(coeff)), rest  # type: ignore[arg-type]
    return None


def _sum(constant: int, terms: dict[Expr, int]) -> Expr:
    joined = _rejoin(terms)
    if joined is not None:
        return add(joined[0], _sum(constant, joined[1]))
    live = sorted(((t, c) for t, c in terms.items() if c), key=lambda p: (-p[1], *_rank(p[0])))
    if not live:
        return const(constant)
    if constant == 0 and len(live) == 1 and live[0][1] == 1:
        return live[0][0]
    lo: Bound = constant
    hi: Bound = constant
    for term, coeff in live:
        low, high = (term.lo, term.hi) if coeff > 0 else (term.hi, term.lo)
        lo = None if lo is None or low is None else lo + low * coeff
        hi = None if hi is None or high is None else hi + high * coeff
    return _make("sum", (constant, tuple(live)), lo, hi)


def add(a: Expr, b: Expr) -> Expr:
    terms: dict[Expr, int] = dict(a.terms())
    for term, coeff in b.terms():
        terms[term] = terms.get(term, 0) + coeff
    return _sum(a.constant() + b.constant(), terms)


def _atoms(term: Expr) -> tuple[Expr, ...]:
    return term.args if term.kind == "prod" else (term,)  # type: ignore[return-value]


def _product(a: Expr, b: Expr) -> Expr:
    atoms = tuple(sorted(_atoms(a) + _atoms(b), key=_rank))
    lo, hi = _interval_mul((a.lo, a.hi), (b.lo, b.hi))
    return _make("prod", atoms, lo, hi)


def mul(a: Expr, b: Expr) -> Expr:
    terms: dict[Expr, int] = {}
    ac, bc = a.constant(), b.constant()
    for ta, ca in a.terms():
        if bc:
            terms[ta] = terms.get(ta, 0) + ca * bc
        for tb, cb in b.terms():
            p = _product(ta, tb)
            terms[p] = terms.get(p, 0) + ca * cb
    if ac:
        for tb, cb in b.terms():
            terms[tb] = terms.get(tb, 0) + cb * ac
    return _sum(ac * bc, terms)


def mul_all(values: Iterable[IntLike]) -> Expr:
    total = const(1)
    for v in values:
        total = total * as_expr(v)
    return total


def _split(a: Expr, divisor: int) -> tuple[Expr, Expr]:
    """a == divisor * quotient + rest, taking whole multiples out of every term."""
    quotient: dict[Expr, int] = {}
    rest: dict[Expr, int] = {}
    for term, coeff in a.terms():
        q, r = divmod(coeff, divisor)
        quotient[term], rest[term] = q, r
    q0, r0 = divmod(a.constant(), divisor)
    return _sum(q0, quotient), _sum(r0, rest)


def _divide_exactly(a: Expr, b: Expr) -> Expr | None:
    """a / b where b is a single symbolic product that divides every term of a."""
    if a.constant():
        return None
    (divisor, scale), *more = b.terms()
    if more or b.constant():
        return None
    terms: dict[Expr, int] = {}
    for term, coeff in a.terms():
        atoms = list(_atoms(term))
        for atom in _atoms(divisor):
            if atom not in atoms:
                return None
            atoms.remove(atom)
        if coeff % scale:
            return None
        if not atoms:
            return None if len(a.terms()) > 1 else const(coeff // scale)
        rest = mul_all(atoms)
        terms[rest] = terms.get(rest, 0) + coeff // scale
    return _sum(0, terms)


def floordiv(a: Expr, b: Expr) -> Expr:
    if b == 1:
        return a
    if b.is_const:
        d = b.value()
        if d == 0:
            raise ZeroDivisionError(f"division of {a} by zero")
        if a.is_const:
            return const(a.value() // d)
        if d > 0:
            quotient, rest = _split(a, d)
            if rest.lo is not None and rest.hi is not None and rest.lo // d == rest.hi // d:
                return quotient + rest.lo // d
            if quotient != 0:
                return quotient + floordiv(rest, b)
            if (
                a.kind == "floordiv"
                and isinstance(a.args[1], Expr)
                and a.args[1].is_const
                and a.args[1].value() > 0
            ):
                return floordiv(a.args[0], const(a.args[1].value() * d))  # type: ignore[arg-type]
    else:
        exact = _divide_exactly(a, b)
        if exact is not None:
            return exact
        if a.lo is not None and a.lo >= 0 and a.hi is not None and b.lo is not None and a.hi < b.lo:
            return const(0)
    lo: Bound = None
    hi: Bound = None
    if b.lo is not None and b.lo > 0 and a.lo is not None:
        lo = a.lo // b.lo if a.lo < 0 else (0 if b.hi is None else a.lo // b.hi)
        hi = None if a.hi is None else (a.hi // b.lo if a.hi >= 0 else -1)
    return _make("floordiv", (a, b), lo, hi)


def mod(a: Expr, b: Expr) -> Expr:
    if b == 1:
        return const(0)
    if b.is_const:
        d = b.value()
        if d == 0:
            raise ZeroDivisionError(f"remainder of {a} by zero")
        if a.is_const:
            return const(a.value() % d)
        if d > 0:
            _, rest = _split(a, d)
            if rest.lo is not None and rest.hi is not None and rest.lo // d == rest.hi // d:
                return rest - (rest.lo // d) * d
            return _make("mod", (rest, b), 0, d - 1)
    else:
        exact = _divide_exactly(a, b)
        if exact is not None:
            return const(0)
        if a.lo is not None and a.lo >= 0 and a.hi is not None and b.lo is not None and a.hi < b.lo:
            return a
    positive = b.lo is not None and b.lo > 0
    return _make("mod", (a, b), 0 if positive else None, b.hi - 1 if positive and b.hi is not None else None)


def _never_above(a: Expr, b: Expr) -> bool:
    return a is b or (a.hi is not None and b.lo is not None and a.hi <= b.lo)


def _extreme(kind: str, a: Expr, b: Expr) -> Expr:
    if _never_above(a, b):
        return a if kind == "min" else b
    if _never_above(b, a):
        return b if kind == "min" else a
    pair = tuple(sorted((a, b), key=_rank))
    pick = min if kind == "min" else max
    lo = pick(a.lo, b.lo) if a.lo is not None and b.lo is not None else None
    hi = pick(a.hi, b.hi) if a.hi is not None and b.hi is not None else None
    return _make(kind, pair, lo, hi)


def minimum(a: IntLike, b: IntLike) -> Expr:
    return _extreme("min", as_expr(a), as_expr(b))


def maximum(a: IntLike, b: IntLike) -> Expr:
    return _extreme("max", as_expr(a), as_expr(b))


def equal(a: IntLike, b: IntLike) -> bool | None:
    """True or False where it is known for all values of the symbols, None where it depends on them."""
    difference = as_expr(a) - as_expr(b)
    if difference.is_const:
        return difference.value() == 0
    if (difference.lo is not None and difference.lo > 0) or (difference.hi is not None and difference.hi < 0):
        return False
    return None


def _walk_symbols(e: Expr, found: dict[Expr, None]) -> None:
    if e.kind == "sym":
        found[e] = None
    elif e.kind == "sum":
        for term, _ in e.terms():
            _walk_symbols(term, found)
    elif e.kind != "const":
        for a in e.args:
            if isinstance(a, Expr):
                _walk_symbols(a, found)


_BINARY: dict[str, Callable[[Expr, Expr], Expr]] = {
    "floordiv": floordiv,
    "mod": mod,
    "min": minimum,
    "max": maximum,
}


def _rebuild(e: Expr, mapping: Mapping[Expr, Expr], memo: dict[Expr, Expr]) -> Expr:
    if e.kind == "const":
        return e
    if e in memo:
        return memo[e]
    if e.kind == "sym":
        out = mapping.get(e, e)
    elif e.kind == "sum":
        out = const(e.constant())
        for term, coeff in e.terms():
            out = out + _rebuild(term, mapping, memo) * coeff
    elif e.kind == "prod":
        out = mul_all(_rebuild(a, mapping, memo) for a in _atoms(e))
    else:
        a, b = (_rebuild(x, mapping, memo) for x in e.args)  # type: ignore[arg-type]
        out = _BINARY[e.kind](a, b)
    memo[e] = out
    return out


def _evaluate(e: Expr, env: Mapping[Expr, int]) -> int:
    if e.kind == "const":
        return e.value()
    if e.kind == "sym":
        return env[e]
    if e.kind == "sum":
        return e.constant() + sum(c * _evaluate(t, env) for t, c in e.terms())
    values = [_evaluate(a, env) for a in e.args]  # type: ignore[arg-type]
    if e.kind == "prod":
        total = 1
        for v in values:
            total *= v
        return total
    a, b = values
    return {
        "floordiv": lambda: a // b,
        "mod": lambda: a % b,
        "min": lambda: min(a, b),
        "max": lambda: max(a, b),
    }[e.kind]()


def _print(e: Expr) -> str:
    def atom(x: Expr) -> str:
        return f"({x})" if x.kind in ("sum",) else str(x)

    if e.kind == "const":
        return str(e.args[0])
    if e.kind == "sym":
        return str(e.args[0])
    if e.kind == "prod":
        return "*".join(atom(a) for a in _atoms(e))
    if e.kind in ("floordiv", "mod"):
        a, b = e.args
        op = "//" if e.kind == "floordiv" else "%"
        return f"({atom(a)} {op} {atom(b)})"  # type: ignore[arg-type]
    if e.kind in ("min", "max"):
        return f"{e.kind}({e.args[0]}, {e.args[1]})"
    parts = []
    for term, coeff in e.terms():
        sign = "-" if coeff < 0 else "+"
        text = atom(term) if abs(coeff) == 1 else f"{abs(coeff)}*{atom(term)}"
        parts.append((sign, text))
    if e.constant():
        parts.append(("-" if e.constant() < 0 else "+", str(abs(e.constant()))))
    first_sign, first = parts[0]
    return ("-" if first_sign == "-" else "") + first + "".join(f" {s} {t}" for s, t in parts[1:])


def parse_expr(text: str, symbols: Mapping[str, Expr]) -> Expr:
    """The inverse of `str`. Raises ValueError naming what is not understood."""

    def build(node: ast.AST) -> Expr:
        if isinstance(node, ast.Constant) and isinstance(node.value, int):
            return const(node.value)
        if isinstance(node, ast.Name):
            if node.id not in symbols:
                raise ValueError(f"unknown symbol {node.id!r} in index expression {text!r}")
            return symbols[node.id]
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return -build(node.operand)
        if isinstance(node, ast.BinOp):
            a, b = build(node.left), build(node.right)
            if isinstance(node.op, ast.Add):
                return a + b
            if isinstance(node.op, ast.Sub):
                return a - b
            if isinstance(node.op, ast.Mult):
                return a * b
            if isinstance(node.op, ast.FloorDiv):
                return a // b
            if isinstance(node.op, ast.Mod):
                return a % b
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in ("min", "max")
            and len(node.args) == 2
        ):
            return _BINARY[node.func.id](build(node.args[0]), build(node.args[1]))
        raise ValueError(f"cannot read index expression {text!r}")

    try:
        tree = ast.parse(text.strip(), mode="eval")
    except SyntaxError as e:
        raise ValueError(f"cannot read index expression {text!r}: {e.msg}") from None
    return build(tree.body)


def contiguous_strides(size: Sequence[IntLike]) -> tuple[Expr, ...]:
    """Row-major strides, in elements, of a tensor of this size (a dim of size 0 counts as 1, as in PyTorch)."""
    out: list[Expr] = []
    running = const(1)
    for s in reversed(exprs(size)):
        out.append(running)
        running = running * (s if s.lo is None or s.lo > 0 or not s.is_const else const(1))
    return tuple(reversed(out))
