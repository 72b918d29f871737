"""Sizes that are known at run time only: torch's symbolic expressions, converted once into ours.

Enters: expressions as torch writes them (sympy's `srepr`, in a `.pt2` and for a program in memory alike), the ranges of their symbols,
and the guards that export found (Python text over `L['x'].size()[0]`). Leaves: `Expr` for integers, `SizeFloat` for floats, `Guard` for
conditions. What has no counterpart raises `NotASize`, which names the text.

Invariants
- Symbols are renamed s0, s1, ... in the order of the inputs' dims: hashed names do not reach messages and generated code.
- Torch's u0, u1, ..., numbers that a run reads out of tensors, become u0, u1, ... here, in the order in which they are met. The operator
  that gives one its value is the first in whose result it stands (`bind`); until then nothing may use it.
- A symbol that a guard says is divisible by c, or leaves the rest r, becomes `c*s + r` with a symbol of its own everywhere: `s0 // 2`
  is then a size like any other, and the check is the one of every derived size. A guard that only bounds a symbol narrows its range.

    "Mul(Integer(2), Symbol('s60', positive=True, integer=True))"   ->   2*s1
    "(L['y'].size()[0] % 2) == 0"   with y [s0]                      ->   y [2*s0]
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any, Union

from compiler.frontend import guard_text
from compiler.frontend.size_errors import LeavesAChoice, NotASize
from compiler.ir.expr import (
    Expr,
    const,
    data_symbols,
    floordiv,
    is_data_name,
    maximum,
    minimum,
    mod,
    mul_all,
    sym,
)
from compiler.ir.guard import Guard
from compiler.ir.size_float import SizeFloat

Range = tuple[Union[int, None], Union[int, None]]

# A bound beyond this is none: torch writes "any size" as the largest number of its own.
_UNBOUNDED = 1 << 62
# Torch's prefix of the symbols of floats that it read out of a tensor.
_FLOAT_FROM_DATA = "zuf"
# A number that is read out of a tensor can be any, until export says more.
_ANY: Range = (None, None)


class Sizes:
    """Converts expressions of one program. `guards` is what has to be checked on entry, once `relate` has run."""

    def __init__(self, ranges: Mapping[str, Range], taken: Iterable[str]) -> None:
        self.guards: list[Guard] = []
        self._ranges = ranges
        self._taken = set(taken)
        self._symbols: dict[str, Expr] = {}
        self._floats: dict[str, str] = {}
        self._replaced: dict[Expr, Expr] = {}
        self._known: dict[str, Any] = {}
        self._bound: set[Expr] = set()
        self._overruled: set[Guard] = set()

    def unbound(self, values: Iterable[object]) -> tuple[Expr, ...]:
        """The numbers in these expressions that no operator so far has given a value."""
        return tuple(s for s in data_symbols(values) if s not in self._bound)

    def bind(self, symbols: Iterable[Expr]) -> None:
        """From now on these have values: an operator's result has them."""
        self._bound.update(symbols)

    def define(self, text: str, value: Expr) -> None:
        """A number that has not been met so far is this expression: the size of a slice."""
        node = ast.parse(text, mode="eval").body
        assert isinstance(node, ast.Call)
        self._symbols[ast.literal_eval(node.args[0])] = value

    def widen(self, text: str, wrong: int, most: int | None) -> None:
        """A number that has not been met so far is at most `most`, where export says that it is at most `wrong`, in its range and in an
        assertion of the graph."""
        name = ast.literal_eval(ast.parse(text, mode="eval").body.args[0])  # type: ignore[attr-defined]
        lo, hi = self._ranges.get(name, _ANY)
        if hi == wrong:
            self._ranges = {**self._ranges, name: (lo, most)}
            self._overruled.add(Guard("le", self.expr(text), const(wrong)))

    def is_new(self, text: str) -> bool:
        """Whether the text is nothing but a number from data that has not been met so far."""
        node = ast.parse(text, mode="eval").body
        if not isinstance(node, ast.Call) or ast.unparse(node.func) != "Symbol":
            return False
        name = ast.literal_eval(node.args[0])
        return is_data_name(name) and name not in self._symbols

    @property
    def has_data(self) -> bool:
        """Whether any number from data was met."""
        return any(is_data_name(name) for name in self._symbols)

    def expr(self, text: str) -> Expr:
        """An integer. Raises NotASize."""
        value = self._value(text)
        if not isinstance(value, Expr):
            raise NotASize(f"{text} is not an integer")
        return value.subst(self._replaced)

    def stride(self, text: str) -> Expr:
        """A stride: where torch counts an empty dim as 1, the size is meant. An empty tensor's strides say nothing."""
        return _plain_sizes(self.expr(text))

    def number(self, text: str) -> SizeFloat | float:
        """A float. Raises NotASize."""
        found = _as_number(self._value(text))
        return _subst_number(found, self._replaced) if isinstance(found, SizeFloat) else found

    def conditions(self, text: str) -> list[Guard]:
        """A condition as the comparisons that must all hold. Raises NotASize."""
        value = self._value(text)
        if not isinstance(value, list):
            raise NotASize(f"{text} is not a condition")
        return [g.subst(self._replaced) for g in value]

    def state(self, guard: Guard) -> None:
        """Takes in what an assertion of the graph says of sizes."""
        overruled = replace(guard, origin="") in self._overruled
        if guard.known() is not True and guard not in self.guards and not overruled:
            self.guards.append(guard)

    def relate(self, inputs: Mapping[str, Sequence[Sequence[Expr]]], texts: Sequence[str]) -> None:
        """Takes in the guards of the program. `inputs`: sizes and strides of each input by its path, as guards name it."""
        found = [guard for text in texts for guard in self._guards(text, inputs)]
        for learn in (self._divide, self._narrow):
            for guard in found:
                learn(guard.subst(self._replaced))
        kept = (guard.subst(self._replaced) for guard in found)
        self.guards = [g for g in dict.fromkeys(kept) if g.known() is not True]

    def _guards(self, text: str, inputs: Mapping[str, Sequence[Sequence[Expr]]]) -> list[Guard]:
        try:
            return guard_text.parse(text, inputs)
        except guard_text.Choice as error:
            raise LeavesAChoice(f"{text}: {error}") from None
        except ValueError as error:
            raise NotASize(f"{text}: {error}") from None

    def _divide(self, guard: Guard) -> None:
        """Learns the remainder of a symbol from `(a*s + b) % c == 0`."""
        value, c = _divided(guard) or (const(0), 0)
        if len(value.terms()) != 1 or value.terms()[0][0].kind != "sym":
            return
        ((symbol, step),) = value.terms()
        if math.gcd(step, c) != 1:
            return
        rest = (-value.constant() * pow(step, -1, c)) % c
        lo = None if symbol.lo is None else -((rest - symbol.lo) // c)
        hi = None if symbol.hi is None else (symbol.hi - rest) // c
        self._replace(symbol, sym(str(symbol), lo, hi) * c + rest)

    def _narrow(self, guard: Guard) -> None:
        """Learns a bound of a symbol from a comparison of nothing but it with a number."""
        gap = guard.right - guard.left
        if len(gap.terms()) != 1 or gap.terms()[0][0].kind != "sym" or guard.op == "eq":
            return
        ((symbol, step),), rest = gap.terms(), gap.constant()
        lo, hi = symbol.lo, symbol.hi
        if guard.op == "ne":
            lo = lo + 1 if lo is not None and step * lo + rest == 0 else lo
            hi = hi - 1 if hi is not None and step * hi + rest == 0 else hi
        elif step > 0:
            least = -((rest - (guard.op == "lt")) // step)
            lo = least if lo is None else max(lo, least)
        else:
            most = (rest - (guard.op == "lt")) // -step
            hi = most if hi is None else min(hi, most)
        if (lo, hi) != (symbol.lo, symbol.hi) and (lo is None or hi is None or lo <= hi):
            self._replace(symbol, sym(str(symbol), lo, hi))

    def _replace(self, symbol: Expr, by: Expr) -> None:
        new = {symbol: by}
        self._replaced = {old: e.subst(new) for old, e in self._replaced.items()} | new

    # -- reading -----------------------------------------------------------------------------------------------------

    def _value(self, text: str) -> Any:
        if text not in self._known:
            try:
                self._known[text] = self._build(ast.parse(text, mode="eval").body)
            except SyntaxError as error:
                raise NotASize(f"{text}: {error}") from None
            except NotASize as error:
                raise type(error)(f"{text}: {error}") from None
        return self._known[text]

    def _build(self, node: ast.AST) -> Any:
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            raise NotASize(f"{ast.unparse(node)} is no expression of sizes")
        name = node.func.id
        if name == "Symbol":
            return self._symbol(ast.literal_eval(node.args[0]))
        if name in ("Integer", "Float"):
            number = ast.literal_eval(node.args[0])
            return const(int(number)) if name == "Integer" else Fraction(float(number))
        if name == "Rational":
            return Fraction(*(int(ast.literal_eval(a)) for a in node.args))
        args = [self._build(a) for a in node.args]
        if name in _COMPARISONS and all(isinstance(a, Expr) for a in args):
            return [_COMPARISONS[name](*args)]
        if name == "And" and all(isinstance(a, list) for a in args):
            return [guard for a in args for guard in a]
        if name in _INTEGERS and all(isinstance(a, Expr) for a in args):
            return _INTEGERS[name](*args)
        if name in _ARITHMETIC:
            return _ARITHMETIC[name](*args)
        raise NotASize(f"{ast.unparse(node)} is no expression of sizes")

    def _symbol(self, name: str) -> Expr | SizeFloat:
        if name.startswith(_FLOAT_FROM_DATA):
            return SizeFloat("read", (self._floats.setdefault(name, f"f{len(self._floats)}"),))
        if name not in self._symbols:
            of_data = is_data_name(name)
            lo, hi = self._ranges.get(name, _ANY if of_data else (0, None))
            new = self._free_name("u" if of_data else "s")
            self._taken.add(new)
            self._symbols[name] = sym(
                new,
                None if lo is not None and lo < -_UNBOUNDED else lo,
                None if hi is None or hi >= _UNBOUNDED else hi,
            )
        return self._symbols[name]

    def _free_name(self, prefix: str) -> str:
        n = sum(is_data_name(name) is (prefix == "u") for name in self._symbols)
        while f"{prefix}{n}" in self._taken:
            n += 1
        return f"{prefix}{n}"


def _divided(guard: Guard) -> tuple[Expr, int] | None:
    """(e, c) where the guard says that c divides e: `e % c == 0`, or `k*e == k*c*(e // c)`."""
    gap = guard.left - guard.right
    if guard.op != "eq":
        return None
    for part, factor in gap.terms():
        if part.kind not in ("mod", "floordiv"):
            continue
        value, divisor = part.args
        assert isinstance(value, Expr) and isinstance(divisor, Expr)
        if not divisor.is_const:
            continue
        whole = part if part.kind == "mod" else part * divisor - value
        scale = factor if part.kind == "mod" else factor // divisor.value()
        if gap is whole * scale:
            return value, divisor.value()
    return None


def _plain_sizes(e: Expr) -> Expr:
    """`max(1, s0)` as s0."""
    if e.kind == "max" and e.args[0] == 1 or e.kind == "max" and e.args[1] == 1:
        other = e.args[1] if e.args[0] == 1 else e.args[0]
        assert isinstance(other, Expr)
        return _plain_sizes(other) if other.lo is not None and other.lo >= 0 else e
    if e.kind == "prod":
        return mul_all(_plain_sizes(a) for a in e.args if isinstance(a, Expr))
    return sum((_plain_sizes(t) * c for t, c in e.terms()), const(e.constant())) if e.kind == "sum" else e


# A float that is an integer expression over a whole number is kept as such, so that its floor is an integer expression again.
_Ratio = tuple[Expr, int]


def _ratio(value: Any) -> _Ratio | None:
    if isinstance(value, Expr):
        return value, 1
    if isinstance(value, Fraction):
        return const(value.numerator), value.denominator
    return value if isinstance(value, tuple) else None


def _float(value: Any) -> Any:
    return (value, 1) if isinstance(value, Expr) else value


def _as_number(value: Any) -> SizeFloat | float:
    if isinstance(value, (SizeFloat, float)):
        return value
    ratio = _ratio(value)
    if ratio is None:
        raise NotASize(f"{value} is not a number")
    numerator, denominator = ratio
    if numerator.is_const:
        return numerator.value() / denominator
    whole = SizeFloat("float", (numerator,))
    return whole if denominator == 1 else SizeFloat("div", (whole, float(denominator)))


def _subst_number(number: SizeFloat, mapping: Mapping[Expr, Expr]) -> SizeFloat:
    def new(arg: Any) -> Any:
        if isinstance(arg, SizeFloat):
            return _subst_number(arg, mapping)
        return arg.subst(mapping) if isinstance(arg, Expr) else arg

    return SizeFloat(number.op, tuple(new(a) for a in number.args))


def _add(*args: Any) -> Any:
    if all(isinstance(a, Expr) for a in args):
        return sum(args, const(0))
    ratios = [_ratio(a) for a in args]
    if any(r is None for r in ratios):
        return _fold("add", args)
    total, below = const(0), 1
    for r in ratios:
        assert r is not None
        total, below = total * r[1] + r[0] * below, below * r[1]
    return total, below


def _mul(*args: Any) -> Any:
    if all(isinstance(a, Expr) for a in args):
        return mul_all(args)
    ratios = [_ratio(a) for a in args]
    if any(r is None for r in ratios):
        return _fold("mul", args)
    known = [r for r in ratios if r is not None]
    return mul_all(r[0] for r in known), math.prod(r[1] for r in known)


def _fold(op: str, args: Sequence[Any]) -> SizeFloat | float:
    result = _as_number(args[0])
    for a in args[1:]:
        result = SizeFloat(op, (result, _as_number(a)))
    return result


def _true_div(a: Any, b: Any) -> Any:
    over, under = _ratio(a), _ratio(b)
    if over is not None and under is not None and under[0].is_const and under[0].value() > 0:
        return over[0] * under[1], over[1] * under[0].value()
    return SizeFloat("div", (_as_number(a), _as_number(b)))


def _power(a: Any, b: Any) -> Any:
    if isinstance(a, Expr) and isinstance(b, Expr) and b.is_const and b.value() >= 0:
        return mul_all([a] * b.value())
    return SizeFloat("pow", (_as_number(a), _as_number(b)))


def _floor(value: Any) -> Expr:
    ratio = _ratio(value)
    if ratio is None:
        raise NotASize("an integer made from a float that is not a ratio of sizes")
    return floordiv(ratio[0], const(ratio[1]))


def _trunc(value: Any) -> Expr:
    ratio = _ratio(value)
    if ratio is None or ratio[0].lo is None or ratio[0].lo < 0:
        raise NotASize("an integer cut from a float that may be negative")
    return _floor(value)


def _ceiling(value: Any) -> Expr:
    ratio = _ratio(value)
    if ratio is None:
        raise NotASize("an integer made from a float that is not a ratio of sizes")
    return -floordiv(-ratio[0], const(ratio[1]))


_INTEGERS: dict[str, Callable[[Expr, Expr], Expr]] = {
    "FloorDiv": floordiv, "CleanDiv": floordiv, "Mod": mod, "PythonMod": mod, "Min": minimum, "Max": maximum,
    "CeilDiv": lambda a, b: -floordiv(-a, b),
}  # fmt: skip
# Of integers or floats.
_ARITHMETIC: dict[str, Callable[..., Any]] = {
    "Add": _add, "Mul": _mul, "Pow": _power, "PowByNatural": _power, "FloatPow": _power, "FloatTrueDiv": _true_div,
    "IntTrueDiv": _true_div, "ToFloat": _float, "FloorToInt": _floor, "TruncToInt": _trunc, "CeilToInt": _ceiling, "floor": _floor,
    "ceiling": _ceiling, "OpaqueUnaryFn_sqrt": lambda a: SizeFloat("sqrt", (_as_number(a),)),
}  # fmt: skip
_COMPARISONS: dict[str, Callable[[Expr, Expr], Guard]] = {
    "Equality": lambda a, b: Guard("eq", a, b),
    "Unequality": lambda a, b: Guard("ne", a, b),
    "StrictLessThan": lambda a, b: Guard("lt", a, b),
    "LessThan": lambda a, b: Guard("le", a, b),
    "StrictGreaterThan": lambda a, b: Guard("lt", b, a),
    "GreaterThan": lambda a, b: Guard("le", b, a),
}
