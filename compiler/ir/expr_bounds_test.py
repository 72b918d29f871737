"""Bounds of index expressions over loops whose extents are known at run time only: by hand, and against plain evaluation."""

from __future__ import annotations

import random

import pytest

from compiler.ir.expr import Expr, const, floordiv, maximum, minimum, mod, sym
from compiler.ir.expr_bounds import lower, upper
from compiler.ir.loop import loop_var

S, T = sym("s0", 0, None), sym("s1", 1, 40)
I, J, K = loop_var(0, S), loop_var(1, T), loop_var(2, 8)  # noqa: E741


def test_loop_variables_stay_below_their_extents() -> None:
    assert upper(I) is S - 1
    assert lower(I) == 0
    assert (S - 1 - I).lo == 0
    assert (S * T - (I * T + J)).lo == 1


def test_a_flat_index_splits_into_its_loops() -> None:
    flat = (I * T + J) * 8 + K
    assert flat // 8 is I * T + J
    assert flat // (T * 8) is I
    assert flat % (T * 8) is J * 8 + K
    assert (flat // 8) % T is J
    assert (I * (T + 1) + J) // (T + 1) is I
    assert (I * (T + 1) + J) % (T + 1) is J


def test_whole_multiples_cancel() -> None:
    assert (S * T + S) // S is T + 1
    assert (S * T * 2 + T) % T == 0
    assert (S * T - 1) // T is S - 1
    assert (S * S + S * 2 + 1) // (S + 1) is S + 1


def test_minima_know_the_symbolic_order() -> None:
    assert minimum(S, S + 3) is S
    assert minimum(I, S) is I
    assert maximum(I + 1, S) is S
    assert minimum(S, T).kind == "min"
    several = maximum(maximum(S * 2, T), S * T)
    assert maximum(several, T) is several
    assert maximum(several, S) is several
    assert maximum(T, maximum(S * T, S * 2)) is several


def _random_expr(rng: random.Random, depth: int) -> Expr:
    if depth == 0:
        return rng.choice([I, J, K, S, T, I * T + J, const(rng.randint(-4, 9))])
    a, b = _random_expr(rng, depth - 1), _random_expr(rng, depth - 1)
    divisor = rng.choice([const(rng.randint(1, 6)), S, T, S * 2, T + 1, S * T])
    makers = [
        lambda: a + b,
        lambda: a - b,
        lambda: a * b,
        lambda: floordiv(a, divisor),
        lambda: mod(a, divisor),
        lambda: minimum(a, b),
        lambda: maximum(a, b),
    ]
    return rng.choice(makers)()


@pytest.mark.parametrize("seed", range(10))
def test_intervals_and_bounds_hold_inside_the_loops(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(60):
        pieces = [_random_expr(rng, 2) for _ in range(2)]
        divisor = rng.choice([S, T, T + 1, S * T, const(3)])
        e = pieces[0] // divisor * divisor + pieces[0] % divisor + pieces[1]
        for _ in range(4):
            s, t = rng.randint(1, 9), rng.randint(1, 9)
            env = {S: s, T: t, I: rng.randrange(s), J: rng.randrange(t), K: rng.randrange(8)}
            value = pieces[0].evaluate(env) + pieces[1].evaluate(env)
            assert e.evaluate(env) == value, str(e)
            assert e.lo is None or e.lo <= value, str(e)
            assert e.hi is None or value <= e.hi, str(e)
            for bound, sign in ((upper(e), 1), (lower(e), -1)):
                assert bound is None or sign * (bound.evaluate(env) - value) >= 0, (str(e), str(bound))
