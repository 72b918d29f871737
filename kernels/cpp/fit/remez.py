"""Minimax fits by Remez's exchange algorithm, in 40-digit arithmetic, with coefficients rounded one after the other.

What enters: a function, a weight and an interval. What leaves: coefficients of sum(c[i] * x**i) that make the largest
value of |weight(x) * (p(x) - f(x))| as small as they can, after each was rounded to the float type asked for.

Reference: E. Remez (1934); the rounding refits the remaining coefficients after each one is fixed.

    fit(lambda x: mp.exp(x), lambda x: mp.exp(-x), 0, 1, degree=3, bits=24).coefficients
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mpmath import mp, mpf  # type: ignore[import-untyped]

Function = Callable[[mpf], mpf]

mp.dps = 40
_GRID = 1500


@dataclass(frozen=True)
class Fit:
    coefficients: list[mpf]
    error: mpf  # largest weighted error on the grid, with rounded coefficients


def fit(function: Function, weight: Function, low: float, high: float, degree: int, bits: int) -> Fit:
    """`bits` is 24 for float, 53 for double. Neither function may be singular on the interval's grid."""
    middle, half = (mpf(high) + mpf(low)) / 2, (mpf(high) - mpf(low)) / 2
    xs = [middle - half * mp.cos(mp.pi * (i + mpf("0.5")) / _GRID) for i in range(_GRID)]
    ws = [weight(x) for x in xs]
    targets = [function(x) for x in xs]
    fixed: list[mpf] = []
    rest = targets
    for first in range(degree + 1):
        solution = _exchange(xs, ws, rest, first, degree)
        fixed.append(_round(solution[0], bits))
        rest = [r - fixed[-1] * x**first for r, x in zip(rest, xs, strict=True)]
    return Fit(fixed, max(abs(w * r) for w, r in zip(ws, rest, strict=True)))


def _round(value: mpf, bits: int) -> mpf:
    with mp.workprec(bits):
        return +value


def _exchange(xs: list[mpf], ws: list[mpf], targets: list[mpf], first: int, degree: int) -> list[mpf]:
    """Best c for sum(c[i] * x**i, i = first..degree) on the grid."""
    count = degree - first + 2
    picked = [round(i * (len(xs) - 1) / (count - 1)) for i in range(count)]
    coefficients: list[mpf] = []
    for _ in range(30):
        rows = [
            [xs[p] ** e for e in range(first, degree + 1)] + [(-1) ** i / ws[p]] for i, p in enumerate(picked)
        ]
        solved = mp.lu_solve(mp.matrix(rows), mp.matrix([targets[p] for p in picked]))
        coefficients, level = [solved[i] for i in range(count - 1)], abs(solved[count - 1])
        errors = [
            w * (_evaluate(coefficients, x, first) - t) for x, w, t in zip(xs, ws, targets, strict=True)
        ]
        picked = _extremes(errors, count)
        if max(abs(e) for e in errors) <= level * mpf("1.0005"):
            break
    return coefficients


def _evaluate(coefficients: list[mpf], x: mpf, first: int) -> mpf:
    total = mpf(0)
    for c in reversed(coefficients):
        total = total * x + c
    return total * x**first


def _extremes(errors: list[mpf], count: int) -> list[int]:
    """Indices of `count` alternating extremes: the largest of each run of one sign, outer ones dropped first."""
    runs: list[int] = []
    for i, error in enumerate(errors):
        if runs and (errors[runs[-1]] > 0) == (error > 0):
            if abs(error) > abs(errors[runs[-1]]):
                runs[-1] = i
        else:
            runs.append(i)
    while len(runs) > count:
        if len(runs) == count + 1:
            runs.pop(0 if abs(errors[runs[0]]) < abs(errors[runs[-1]]) else -1)
        else:
            _drop_smallest_pair(errors, runs)
    if len(runs) < count:
        raise ValueError(f"the error alternates {len(runs)} times, {count} needed: lower the degree")
    return runs


def _drop_smallest_pair(errors: list[mpf], runs: list[int]) -> None:
    smallest = min(range(len(runs)), key=lambda i: abs(errors[runs[i]]))
    if smallest in (0, len(runs) - 1):
        runs.pop(smallest)
        return
    neighbour = (
        smallest - 1 if abs(errors[runs[smallest - 1]]) < abs(errors[runs[smallest + 1]]) else smallest + 1
    )
    for i in sorted((smallest, neighbour), reverse=True):
        runs.pop(i)
