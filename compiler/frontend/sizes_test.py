"""Torch's symbolic expressions as ours: texts of exported programs, guards, and what has no counterpart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from compiler.frontend.guard_text import parse
from compiler.frontend.size_errors import NotASize
from compiler.frontend.sizes import Range, Sizes
from compiler.ir.expr import Expr, as_expr, sym

S, T = "Symbol('s77', positive=True, integer=True)", "Symbol('s27', positive=True, integer=True)"
RANGES: dict[str, Range] = {"s77": (2, 64), "s27": (0, None)}


def sizes() -> Sizes:
    return Sizes(RANGES, ["s0", "x"])


@pytest.mark.parametrize(
    ("text", "ours"),
    [
        (S, "s1"),
        (f"Add(Mul(Integer(2), {S}), Integer(-1))", "2*s1 - 1"),
        (f"FloorDiv(Mul(Integer(6), {S}), Integer(4))", "((2*s1) // 4) + s1"),
        (f"Mod({S}, Integer(3))", "(s1 % 3)"),
        (f"Pow({S}, Integer(2))", "s1*s1"),
        (f"Max(Integer(1), {S})", "s1"),
        (f"Min({S}, {T})", "min(s1, s2)"),
        (f"FloorToInt(IntTrueDiv({S}, Integer(4)))", "(s1 // 4)"),
        (f"CeilToInt(IntTrueDiv({S}, Integer(4)))", "-(-s1 // 4)"),
        (f"TruncToInt(Mul(Float('2.0', precision=53), ToFloat({S})))", "2*s1"),
        (f"FloorToInt(Mul(Float('0.5', precision=53), ToFloat({S})))", "(s1 // 2)"),
    ],
)
def test_integers(text: str, ours: str) -> None:
    found = sizes().expr(text)
    if "-(-" in ours:  # a rounding up prints in one of several equal ways
        assert all(found.evaluate({s: n}) == -(-n // 4) for s in found.symbols() for n in range(2, 20))
    else:
        assert str(found) == ours


def test_ranges_come_with_the_symbols() -> None:
    table = sizes()
    assert [(e.lo, e.hi) for e in (table.expr(S), table.expr(T))] == [(2, 64), (0, None)]


def test_floats_keep_their_operations() -> None:
    number = sizes().number(f"FloatPow(ToFloat(Mul(Integer(2), {S})), Float('0.5', precision=53))")
    assert str(number) == "pow(float(2*s1), 0.5)"
    assert str(sizes().number(f"IntTrueDiv({S}, Integer(3))")) == "div(float(s1), 3.0)"


def test_strides_of_dims_that_may_be_empty_are_those_of_the_others() -> None:
    assert str(sizes().stride(f"Mul(Integer(8), Max(Integer(1), {T}))")) == "8*s1"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("TruncToInt(Symbol('zuf0', real=True))", "an integer cut from a float"),
        ("Symbol('zuf0', real=True)", "is not an integer"),
        (f"Piecewise({S})", "no expression of sizes"),
        (f"FloatPow(ToFloat({S}), Float('0.5', precision=53))", "is not an integer"),
        ("Mul(", "never closed"),
    ],
)
def test_what_has_no_counterpart_is_named(text: str, why: str) -> None:
    with pytest.raises(NotASize, match=why):
        sizes().expr(text)


def test_numbers_from_data_are_unbound_until_an_operator_gives_them() -> None:
    table = sizes()
    assert table.is_new("Symbol('u7', integer=True)") and not table.is_new("Add(Symbol('u7'), Integer(1))")
    number = table.expr("Add(Symbol('u7', integer=True), Integer(1))")
    assert str(number) == "u0 + 1" and number.lo is None
    (symbol,) = table.unbound([number, as_expr(3)])
    table.bind([symbol])
    assert table.unbound([number]) == () and not table.is_new("Symbol('u7', integer=True)")


def test_the_size_of_a_slice_is_an_expression() -> None:
    table = sizes()
    table.define("Symbol('u3', integer=True)", as_expr(5))
    assert table.expr("Mul(Integer(2), Symbol('u3', integer=True))") == 10


def related(build: Callable[[Sizes], list[Expr]], *guards: str) -> Sizes:
    table = sizes()
    inputs = {"L['x']": (build(table), [as_expr(1)])}
    table.relate(inputs, guards)
    return table


def test_divisibility_becomes_part_of_the_size() -> None:
    table = related(lambda t: [t.expr(S)], "(L['x'].size()[0] % 4) == 0")
    size = table.expr(S)
    assert str(size) == "4*s1" and (size.lo, size.hi) == (4, 64)
    assert table.guards == []
    odd = related(lambda t: [t.expr(S)], "((3*L['x'].size()[0] + 1) % 4) == 0")
    assert all(odd.expr(S).evaluate({s: n}) % 4 == 1 for s in odd.expr(S).symbols() for n in range(9))


def test_what_the_ranges_show_is_no_guard() -> None:
    build: Any = lambda t: [t.expr(S), t.expr(T)]  # noqa: E731
    table = related(build, "L['x'].size()[0] >= 2", "L['x'].size()[1] >= 2 and L['x'].size()[0] != 1")
    assert table.guards == []
    assert [(e.lo, e.hi) for e in build(table)] == [(2, 64), (2, None)]


def test_a_bound_narrows_the_range_and_other_relations_stay() -> None:
    build: Any = lambda t: [t.expr(S), t.expr(T)]  # noqa: E731
    table = related(
        build,
        "3*L['x'].size()[0] == 6*(L['x'].size()[0] // 2)",
        "L['x'].size()[0] // 2 != 1",
        "2*L['x'].size()[1] < 11",
        "L['x'].size()[1] != 3",
    )
    assert [(str(e), e.lo, e.hi) for e in build(table)] == [("2*s1", 4, 64), ("s2", 0, 5)]
    assert [str(g) for g in table.guards] == ["s2 != 3"]


def test_of_a_choice_the_possible_condition_stays() -> None:
    s = sym("s0", 2, None)
    inputs = {"L['x']": ([s, as_expr(7)], [as_expr(1)])}
    assert [str(g) for g in parse("L['x'].size()[0] == 1 or L['x'].size()[0] == 4", inputs)] == ["s0 == 4"]
    assert parse("L['x'].size()[1] == 7 or L['x'].size()[0] == 4", inputs) == []
    with pytest.raises(ValueError, match="leaves a choice between 2 conditions"):
        parse("L['x'].size()[0] == 3 or L['x'].size()[0] == 4", inputs)


@pytest.mark.parametrize(
    "text", ["L['y'].size()[0] == 1", "L['x'].dtype == 3", "L['x'].size()[0] or 1", "3 +"]
)
def test_a_guard_that_cannot_be_read_is_named(text: str) -> None:
    with pytest.raises(ValueError):
        parse(text, {"L['x']": ([as_expr(4)], [as_expr(1)])})


@pytest.mark.parametrize(("export_says", "most", "kept"), [(100, 1000, 0), (50, 50, 1)])
def test_a_wrong_bound_is_widened_and_its_assertion_left_out(export_says: int, most: int, kept: int) -> None:
    """Another bound is the model's own and stays."""
    table = Sizes({"u5": (0, export_says)}, [])
    count = "Symbol('u5', integer=True)"
    table.widen(count, 100, 1000)
    assert table.expr(count).hi == most
    for stated in table.conditions(f"LessThan({count}, Integer({min(export_says, 100) - (kept * 10)}))"):
        table.state(stated)
    assert len(table.guards) == kept
