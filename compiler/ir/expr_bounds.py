"""The largest and the least value of an expression over its loop variables, as expressions in sizes.

Enters: an expression over loop variables with symbolic bounds (`expr.sym(..., below=...)`) and sizes. Leaves: an expression without
such variables that it never exceeds (never falls below), or None where there is none to be had. Sizes stay symbolic, so that
"s0 - 1 - i0 is at least 0" is shown for every s0. In an empty loop nothing is computed, so nothing is claimed about it.

    i0 below s0, i1 below 64:   upper(64*i0 + i1)  ->  64*s0 - 1          lower(s0 - i0 - 1)  ->  0
"""

from __future__ import annotations

from compiler.ir.expr import Expr, as_expr, const, floordiv, maximum, minimum, mul_all


def upper(e: Expr) -> Expr | None:
    """Never less than e."""
    return _bound(e, up=True)


def lower(e: Expr) -> Expr | None:
    """Never more than e."""
    return _bound(e, up=False)


def _bound(e: Expr, up: bool) -> Expr | None:
    if not e.bounded:
        return e
    if e.kind == "sym":
        return _below(e) - 1 if up else (None if e.lo is None else as_expr(e.lo))
    if e.kind == "sum":
        return _of_sum(e, up)
    if e.kind == "prod":
        return _of_product(e, up)
    a, b = e.args
    assert isinstance(a, Expr) and isinstance(b, Expr)
    if e.kind == "mod":
        return _of_remainder(a, b, up)
    left = _bound(a, up)
    if e.kind == "floordiv":
        return None if left is None or b.bounded or b.lo is None or b.lo < 0 else floordiv(left, b)
    right = _bound(b, up)
    if left is None or right is None:
        # One operand alone bounds a minimum from above and a maximum from below.
        return (left if right is None else right) if up == (e.kind == "min") else None
    return minimum(left, right) if e.kind == "min" else maximum(left, right)


def _below(symbol: Expr) -> Expr:
    below = symbol.args[3]
    assert isinstance(below, Expr)
    return below


def _of_sum(e: Expr, up: bool) -> Expr | None:
    total = const(e.constant())
    for term, coeff in e.terms():
        bound = _bound(term, up if coeff > 0 else not up)
        if bound is None:
            return None
        total = total + bound * coeff
    return total


def _of_product(e: Expr, up: bool) -> Expr | None:
    """Of factors that are not negative."""
    factors = []
    for factor in e.args:
        assert isinstance(factor, Expr)
        bound = _bound(factor, up)
        if factor.lo is None or factor.lo < 0 or bound is None:
            return None
        factors.append(bound)
    return mul_all(factors)


def _of_remainder(a: Expr, b: Expr, up: bool) -> Expr | None:
    if b.bounded or b.lo is None or b.lo < 0:
        return None
    return b - 1 if up else const(0)
