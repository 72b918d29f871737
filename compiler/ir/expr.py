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
- Names of symbols say where their values come from: s0, s1, ... are sizes of inputs, u0, u1, ... numbers that
  a run reads out of a tensor (`from_data`); others are local to a kernel.
- A loop variable whose extent is a size known at run time only has that extent as its symbolic bound
  (`below`): `expr_bounds` then shows that `i1 < s0`, so that `(s0*i0 + i1) // s0` is `i0`. A divisor is
  taken to be at least 1: nothing is computed in an empty loop.

Before/after:
    i0 = sym("i0", 0, 3); i1 = sym("i1", 0, 15)
    (i0 * 16 + i1) // 16   ->  i0
    (i0 * 16 + i1) % 16    ->  i1
    str(i0 * 16 + i1)      ->  "16*i0 + i1"
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Union

IntLike = Union[int, "Expr"]
Bound = Union[int, None]

# What a size known at run time only counts as where a decision about speed needs a number.
TYPICAL_SIZE = 64

_table: dict[tuple[object, ...], Expr] = {}


class NotConstant(TypeError):
    """A number was wanted of an expression whose value is known at run time only."""


class Expr:
    """One hash-consed node. Build with `const`, `sym` and Python's operators, never with the constructor."""

    __slots__ = ("kind", "args", "lo", "hi", "bounded", "from_data", "_text")
    kind: str
    args: tuple[object, ...]
    lo: Bound
    hi: Bound
    bounded: bool  # whether a symbol with a symbolic bound is inside
    from_data: bool  # whether a symbol is inside whose value a run reads out of a tensor
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

    def __deepcopy__(self, memo: object) -> Expr:
        """Itself: a copy would be another symbol."""
        return self

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
        """The integer of a constant. Raises NotConstant for anything else."""
        if self.kind != "const":
            raise NotConstant(f"{self} is known at run time only")
        return int(self.args[0])  # type: ignore[call-overload,no-any-return]

    __index__ = value

    def __float__(self) -> float:
        return float(self.value())

    def __lt__(self, other: IntLike) -> bool:
        """Where it holds, or does not, for all values. Raises NotConstant where it depends on them."""
        gap = as_expr(other) - self
        if gap.lo is not None and gap.lo > 0:
            return True
        if gap.hi is not None and gap.hi <= 0:
            return False
        raise NotConstant(f"whether {self} < {other} is known at run time only")

    def __gt__(self, other: IntLike) -> bool:
        return as_expr(other) < self

    def __le__(self, other: IntLike) -> bool:
        return not as_expr(other) < self

    def __ge__(self, other: IntLike) -> bool:
        return not self < other

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
        found.bounded = _is_bounded(kind, args)
        found.from_data = _is_from_data(kind, args)
        _table[key] = found
    return found


def _is_bounded(kind: str, args: tuple[object, ...]) -> bool:
    if kind == "sum":
        return any(term.bounded for term, _ in args[1])  # type: ignore[attr-defined]
    return len(args) > 3 if kind == "sym" else any(isinstance(a, Expr) and a.bounded for a in args)


def _is_from_data(kind: str, args: tuple[object, ...]) -> bool:
    if kind == "sym":
        return is_data_name(str(args[0]))
    inside = (term for term, _ in args[1]) if kind == "sum" else args  # type: ignore[attr-defined]
    return any(isinstance(a, Expr) and a.from_data for a in inside)


def is_data_name(name: str) -> bool:
    """Whether a symbol of this name is a number that a run reads out of a tensor (`loop.ReadSize`): u0, u1, ..."""
    return name[0] == "u" and name[1:].isdigit()


def data_symbols(values: Iterable[object]) -> tuple[Expr, ...]:
    """The symbols inside whose values a run reads out of tensors, each once; what is no expression has none."""
    found: dict[Expr, None] = {}
    for e in values:
        if isinstance(e, Expr) and e.from_data:
            found.update(dict.fromkeys(s for s in e.symbols() if s.from_data))
    return tuple(found)


def const(value: int) -> Expr:
    return _make("const", (int(value),), int(value), int(value))


def sym(name: str, lo: Bound = 0, hi: Bound = None, below: Expr | None = None) -> Expr:
    """A symbol with its range, both ends inclusive; `None` is unbounded. `below` is a size that it stays under. Name and range
    together are its identity."""
    return _make("sym", (name, lo, hi) if below is None or below.is_const else (name, lo, hi, below), lo, hi)


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
    found = _table.get(("sum", constant, tuple(live)))
    if found is None:
        found = _make("sum", (constant, tuple(live)), lo, hi)
        _tighten(found)
    return found


def _tighten(e: Expr) -> None:
    """Narrows the interval of a sum by the symbolic bounds of its loop variables, which know that `s0 - i0` is positive."""
    if e.bounded:
        from compiler.ir import expr_bounds  # it is made of this module's functions

        least, most = expr_bounds.lower(e), expr_bounds.upper(e)
        if least is not None and least.lo is not None:
            e.lo = least.lo if e.lo is None else max(e.lo, least.lo)
        if most is not None and most.hi is not None:
            e.hi = most.hi if e.hi is None else min(e.hi, most.hi)


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


def _divide_term(a: Expr, coeff: int, b: Expr, scale: int) -> tuple[Expr, int] | None:
    """(coeff * a) / (scale * b) of two products, as (product, coefficient)."""
    if coeff % scale:
        return None
    atoms = list(_atoms(a)) if a.kind != "const" else []
    for atom in _atoms(b):
        if atom not in atoms:
            return None
        atoms.remove(atom)
    return mul_all(atoms), coeff // scale


def divide_exactly(a: Expr, b: Expr) -> Expr | None:
    """The quotient where b, which is not constant, divides a as a polynomial; None where it does not."""
    (lead, scale), *more = b.terms()
    if not more and not b.constant():
        terms: dict[Expr, int] = {}
        for term, coeff in a.terms():
            part = _divide_term(term, coeff, lead, scale)
            if part is None:
                return None
            terms[part[0]] = terms.get(part[0], 0) + part[1]
        constant = terms.pop(const(1), 0)
        return None if a.constant() else _sum(constant, terms)
    quotient, rest = const(0), a
    for _ in range(len(a.terms()) + 1):
        parts = (_divide_term(term, coeff, lead, scale) for term, coeff in rest.terms())
        step = next((p[0] * p[1] for p in parts if p is not None), None)
        if step is None:
            return None
        quotient, rest = quotient + step, rest - step * b
        if rest == 0:
            return quotient
    return None


def _split_symbolic(a: Expr, divisor: Expr) -> tuple[Expr, Expr]:
    """a == divisor * quotient + rest: what the divisor divides term by term, and every loop variable whose step it divides."""
    quotient, rest = const(0), a
    for symbol in a.symbols():
        step = rest.coefficient(symbol) if symbol.bounded else None
        part = divide_exactly(step, divisor) if step is not None and step != 0 else None
        if part is not None and step is not None:
            quotient, rest = quotient + symbol * part, rest - symbol * step
    for term, coeff in rest.terms():
        part = divide_exactly(term * coeff, divisor)
        if part is not None:
            quotient, rest = quotient + part, rest - term * coeff
    return quotient, rest


def _divide_symbolic(a: Expr, b: Expr) -> tuple[Expr, Expr] | None:
    """Quotient and remainder of a division by a size, where the bounds show them."""
    whole = divide_exactly(a, b)
    if whole is not None:
        return whole, const(0)
    quotient, rest = _split_symbolic(a, b)
    least, room = rest.lo, (b - rest).lo
    if least is not None and least >= 0 and room is not None and room > 0:
        return quotient, rest
    if rest.is_const and 0 < -rest.value() <= max(b.lo or 1, 1):
        return quotient - 1, rest + b
    return None


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
        split = _divide_symbolic(a, b)
        if split is not None:
            return split[0]
    lo: Bound = None
    hi: Bound = None
    if b.lo is not None and b.lo >= 0 and a.lo is not None:
        least = max(b.lo, 1)
        lo = a.lo // least if a.lo < 0 else (0 if b.hi is None else a.lo // max(b.hi, 1))
        hi = None if a.hi is None else (a.hi // least if a.hi >= 0 else -1)
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
        split = _divide_symbolic(a, b)
        if split is not None:
            return split[1]
    positive = b.lo is not None and b.lo >= 0
    hi = max(b.hi - 1, 0) if positive and b.hi is not None else None
    return _make("mod", (a, b), 0 if positive else None, hi)


def _never_above(a: Expr, b: Expr) -> bool:
    if a is b or (a.hi is not None and b.lo is not None and a.hi <= b.lo):
        return True
    gap = b - a
    if gap.lo is not None and gap.lo >= 0:
        return True
    # As a product: s0*s1 - s1 is s1*(s0 - 1).
    for factor in a.symbols():
        rest = divide_exactly(gap, factor) if factor.lo is not None and factor.lo >= 0 else None
        if rest is not None:
            return rest.lo is not None and rest.lo >= 0
    return False


def _operands(kind: str, e: Expr) -> list[Expr]:
    """Of nested minima (maxima), all of them."""
    if e.kind != kind:
        return [e]
    return [x for a in e.args if isinstance(a, Expr) for x in _operands(kind, a)]


def _extreme(kind: str, a: Expr, b: Expr) -> Expr:
    """Operands that another one makes superfluous are left out; the rest nest in a fixed order."""
    kept: list[Expr] = []
    for e in dict.fromkeys((*_operands(kind, a), *_operands(kind, b))):
        if any(_covers(kind, k, e) for k in kept):
            continue
        kept = [k for k in kept if not _covers(kind, e, k)]
        kept.append(e)
    kept.sort(key=_rank)
    pick = min if kind == "min" else max
    result = kept[-1]
    for e in reversed(kept[:-1]):
        lo = pick(e.lo, result.lo) if e.lo is not None and result.lo is not None else None
        hi = pick(e.hi, result.hi) if e.hi is not None and result.hi is not None else None
        result = _make(kind, (e, result), lo, hi)
    return result


def _covers(kind: str, a: Expr, b: Expr) -> bool:
    """Whether the minimum (maximum) of both is a."""
    return _never_above(a, b) if kind == "min" else _never_above(b, a)


def minimum(a: IntLike, b: IntLike) -> Expr:
    return _extreme("min", as_expr(a), as_expr(b))


def maximum(a: IntLike, b: IntLike) -> Expr:
    return _extreme("max", as_expr(a), as_expr(b))


def wrapped(position: Expr, extent: Expr) -> Expr:
    """A position that is counted from the end where it is negative, counted from the start. Its sign need not be known."""
    if position.lo is not None and position.lo >= 0:
        return position
    is_negative = (
        const(1) if position.hi is not None and position.hi < 0 else maximum(0, minimum(1, -position))
    )
    return position + extent * is_negative


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


def typical(e: Expr) -> int:
    """The value for sizes of a middling kind: for decisions about speed, never about what is right."""
    return e.value() if e.is_const else e.evaluate({s: _middling(s) for s in e.symbols()})


def _middling(symbol: Expr) -> int:
    value = max(TYPICAL_SIZE, symbol.lo or 0)
    return value if symbol.hi is None else min(value, symbol.hi)


def contiguous_strides(size: Sequence[IntLike]) -> tuple[Expr, ...]:
    """Row-major strides, in elements, of a tensor of this size (a dim of size 0 counts as 1, as in PyTorch)."""
    out: list[Expr] = []
    running = const(1)
    for s in reversed(exprs(size)):
        out.append(running)
        running = running * (s if s.lo is None or s.lo > 0 or not s.is_const else const(1))
    return tuple(reversed(out))
