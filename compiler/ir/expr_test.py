"""Index expressions: simplification keeps the value, intervals hold it, printing and parsing are inverse."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable

import pytest

from compiler.ir.expr import (
    Expr,
    const,
    contiguous_strides,
    data_symbols,
    equal,
    maximum,
    minimum,
    sym,
    wrapped,
)
from compiler.ir.expr_parse import parse_expr

I0, I1, N = sym("i0", 0, 3), sym("i1", 0, 15), sym("n", 2, None)


def _random_expr(rng: random.Random, depth: int) -> Expr:
    if depth == 0:
        return rng.choice([I0, I1, const(rng.randint(-5, 20))])
    a, b = _random_expr(rng, depth - 1), _random_expr(rng, depth - 1)
    makers: list[Callable[[], Expr]] = [
        lambda: a + b,
        lambda: a - b,
        lambda: a * b,
        lambda: a // rng.randint(1, 9),
        lambda: a % rng.randint(1, 9),
        lambda: minimum(a, b),
        lambda: maximum(a, b),
    ]
    return rng.choice(makers)()


def test_extremes_of_products_with_a_common_factor() -> None:
    s0, s1, any_size = sym("s0", 1, None), sym("s1", 1, None), sym("z", 0, None)
    assert minimum(s0 * s1, s1) is s1 and maximum(s1, s0 * s1) == s0 * s1
    assert minimum(any_size * s1, s1).kind == "min"  # any_size may be 0
    assert minimum(s0 * any_size, any_size) is any_size


@pytest.mark.parametrize("seed", range(20))
def test_substitution_evaluation_interval_and_text_agree(seed: int) -> None:
    rng = random.Random(seed)
    symbols = {"i0": I0, "i1": I1}
    for _ in range(100):
        e = _random_expr(rng, 3)
        env = {I0: rng.randint(0, 3), I1: rng.randint(0, 15)}
        value = e.evaluate(env)
        assert e.subst(env) == value
        assert e.lo is None or e.lo <= value
        assert e.hi is None or value <= e.hi
        assert parse_expr(str(e), symbols) is e


def test_splitting_a_flat_index_gives_back_its_parts() -> None:
    flat = I0 * 16 + I1
    assert flat // 16 is I0
    assert flat % 16 is I1
    assert (flat // 4) % 4 is I1 // 4


def test_flattening_after_splitting_gives_back_the_flat_index() -> None:
    flat = I0 * 16 + I1
    assert (flat // 7) * 7 + flat % 7 is flat
    assert (flat // 7) * 21 + (flat % 7) * 3 + N is flat * 3 + N
    assert (flat // 7) * 14 + flat % 7 is not flat


def test_symbolic_sizes_cancel() -> None:
    assert (N * I0 + N * I1) // N is I0 + I1
    assert (N * 4 * I0) % N == 0
    assert (N * I0 + 3).coefficient(I0) is N
    assert (I0 // 2).coefficient(I0) is None


def test_equal_knows_what_it_does_not_know() -> None:
    assert equal(N + 1, N) is False
    assert equal(N, 2) is None
    assert equal(N - N, 0) is True


def test_strides_of_empty_dims_count_them_as_one() -> None:
    assert contiguous_strides([2, 0, 3]) == (const(3), const(3), const(1))


@pytest.mark.parametrize("text", ["i0 +", "q", "i0 ** 2", "foo(i0)"])
def test_unreadable_text_is_refused_with_the_text(text: str) -> None:
    with pytest.raises(ValueError, match="index expression"):
        parse_expr(text, {"i0": I0})


def test_sizes_from_data_are_known_by_their_names_however_deep() -> None:
    u0, s0 = sym("u0", 0, None), sym("s0", 0, 9)
    inside = minimum(u0 * 2 + 1, s0) // 3 + s0
    assert inside.from_data and not (s0 * 2).from_data
    assert data_symbols([inside, s0, 5, "u1"]) == (u0,)
    assert not sym("upper", 0, None).from_data and not sym("i0", 0, None, below=u0).from_data


@pytest.mark.parametrize("position", range(-5, 6))
def test_a_position_of_unknown_sign_counts_from_the_end_where_it_is_negative(position: int) -> None:
    u0, s0 = sym("u0", None, None), sym("s0", 0, 9)
    assert wrapped(u0, s0).evaluate({u0: position, s0: 7}) == (position + 7 if position < 0 else position)
    assert wrapped(const(position), s0).subst({s0: 7}) == (position + 7 if position < 0 else position)


def test_a_copy_of_a_symbol_is_the_symbol() -> None:
    s0 = sym("s0", 0, None)
    assert copy.deepcopy([s0 * 2 + 1])[0] is s0 * 2 + 1
