"""Iteration spaces: lists of loop extents, and how one is expressed by another.

Enters: extents in loop order, outermost first. Leaves: a common refinement of two spaces, and each old variable as a sum over the new
ones. Both spaces enumerate the same flat, row-major range, so a refinement only cuts loops into nested loops and never reorders.

Before/after:
    refine([49152], [128, 384])              -> [128, 384]
    refine([4, 30], [12, 10])                -> [4, 3, 10]
    refine([4, 30], [120, 2])                -> None            (240 points against 120)
    express([49152], [128, 384], (i0, i1))   -> [384*i0 + i1]
"""

from __future__ import annotations

from collections.abc import Sequence

from compiler.ir.expr import Expr, const, mul_all

Extents = tuple[Expr, ...]


def refine(a: Sequence[Expr], b: Sequence[Expr]) -> Extents | None:
    """The coarsest space that both `a` and `b` can be cut into, or None where there is none."""
    left, right = [e for e in a if e != 1], [e for e in b if e != 1]
    out: list[Expr] = []
    while left and right:
        x, y = left.pop(), right.pop()
        if x is y:
            out.append(x)
            continue
        small, rest_of, rest = (
            (y, left, _divide(x, y)) if _divide(x, y) is not None else (x, right, _divide(y, x))
        )
        if rest is None:
            return None
        out.append(small)
        rest_of.append(rest)
    return tuple(reversed(out)) if not left and not right else None


def _divide(a: Expr, b: Expr) -> Expr | None:
    """a / b where it is an integer for all values of the symbols; None otherwise."""
    if a is b:
        return const(1)
    if b == 0:
        return None
    quotient = a // b
    return quotient if quotient * b is a else None


def express(old: Sequence[Expr], new: Sequence[Expr], new_vars: Sequence[Expr]) -> list[Expr] | None:
    """Each variable of space `old` over the variables of its refinement `new`; None where `new` does not refine `old`."""
    values: list[Expr] = []
    position = len(new)
    for extent in reversed(old):
        value, covered = const(0), const(1)
        while covered is not extent:
            if position == 0:
                return None
            position -= 1
            if new[position] != 1:
                value = value + new_vars[position] * covered
                covered = covered * new[position]
        values.append(value)
    return list(reversed(values)) if all(e == 1 for e in new[:position]) else None


def split_at(space: Sequence[Expr], inner: Sequence[Expr]) -> int | None:
    """Where to cut `space` so that its tail enumerates as many points as `inner`; None where no cut does."""
    wanted, covered = mul_all(inner), const(1)
    position = len(space)
    while covered is not wanted:
        if position == 0:
            return None
        position -= 1
        covered = covered * space[position]
    return position
