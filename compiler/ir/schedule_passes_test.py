"""Passes of a row group, and which rows are kept between them."""

from __future__ import annotations

from compiler.ir import dtypes
from compiler.ir.expr import Expr
from compiler.ir.loop import Body, BodyOp, loop_var, reduction_var
from compiler.ir.schedule import FULL, REDUCE, ROW, Member
from compiler.ir.schedule_passes import kept_rows, last_passes, levels

LINE = loop_var(0, 4)
POINT = LINE * 8 + reduction_var(0, 8)


def member(name: str, role: str, ops: list[tuple[str, ...]]) -> Member:
    """ops: ("x",) loads buffer x at this member's point or line; ("exp",) and the like apply to the values so far."""
    stored: list[BodyOp] = []
    for op in ops:
        if op[0] == "load":
            index: Expr = LINE if op[1].startswith("line") else POINT
            stored.append(BodyOp("load", (), dtypes.float32, (op[1], index)))
        else:
            stored.append(BodyOp(op[0], (len(stored) - 1,), dtypes.float32))
    return Member(name, role, Body(tuple(stored), (len(stored) - 1,)), POINT if role == FULL else LINE)


def table(*members: Member) -> dict[str, Member]:
    return {m.name: m for m in members}


def test_softmax() -> None:
    members = table(
        member("line_max", REDUCE, [("load", "x")]),
        member("e", FULL, [("load", "line_max"), ("load", "x"), ("exp",)]),
        member("line_sum", REDUCE, [("load", "e")]),
        member("line_scale", ROW, [("load", "line_sum"), ("reciprocal",)]),
        member("y", FULL, [("load", "e"), ("load", "line_scale")]),
    )
    assert levels(members) == {"line_max": 0, "e": 1, "line_sum": 1, "line_scale": 2, "y": 2}
    assert kept_rows(members) == {"e"}
    assert last_passes(members)["e"] == 1


def test_cheap_values_are_computed_again() -> None:
    members = table(
        member("d", FULL, [("load", "x"), ("neg",)]),
        member("line_sum", REDUCE, [("load", "d")]),
        member("y", FULL, [("load", "d"), ("load", "line_sum")]),
    )
    assert kept_rows(members) == set()
    assert last_passes(members)["d"] == 1


def test_a_chain_of_cheap_values_is_kept_where_it_grows_too_long() -> None:
    chain = [member("c0", FULL, [("load", "x"), *([("neg",)] * 3)])]
    chain += [member(f"c{k}", FULL, [("load", f"c{k - 1}"), *([("neg",)] * 3)]) for k in range(1, 5)]
    members = table(
        *chain,
        member("line_sum", REDUCE, [("load", "c4")]),
        member("y", FULL, [("load", "c4"), ("load", "line_sum")]),
    )
    kept = kept_rows(members)
    assert kept and "c0" not in kept


def test_what_is_the_same_for_the_whole_row_costs_nothing() -> None:
    members = table(
        member("d", FULL, [("load", "line_a"), ("exp",), ("tanh",), ("load", "x")]),
        member("line_sum", REDUCE, [("load", "d")]),
        member("y", FULL, [("load", "d"), ("load", "line_sum")]),
    )
    assert kept_rows(members) == set()


def test_many_loads_are_worth_keeping() -> None:
    members = table(
        member("d", FULL, [("load", "x"), ("load", "z"), ("load", "w")]),
        member("line_sum", REDUCE, [("load", "d")]),
        member("y", FULL, [("load", "d"), ("load", "line_sum")]),
    )
    # only the yielded value's own operands matter to the kernel, but all three loads belong to the body
    assert kept_rows(members) == {"d"}
