"""Schedules as text: round trip of a hand-written one, and errors that name the line."""

from __future__ import annotations

import pytest

from compiler.ir.schedule import FULL, REDUCE
from compiler.ir.schedule_text import parse_schedule, print_schedule

TEXT = """program row_sums
input x float32 [4, 8] stride [8, 1]
buf0 = pointwise float32 [4, 8] stride [8, 1]
  from "exp" "aten.exp.default" "models/m.py:3 in forward"
  %0 = load x[8*i0 + i1] : float32
  %1 = exp %0 : float32
  yield %1
buf1 = reduction.sum float32 [4] stride [1] over [8] acc float32
  from "sum_1" "aten.sum.dim_IntList" "models/m.py:4 in forward"
  %0 = load buf0[8*i0 + r0] : float32
  yield %0
buf2 = view float32 [2, 2] stride [2, 1] of buf1 float32 [2, 2] stride [2, 1]
buf3 = pointwise float32 [4] stride [1]
  %0 = load buf1[i0] : float32
  %1 = neg %0 : float32
  yield %1
output out = buf3 float32 [4] stride [1]
schedule arena 64
group cpp_fused_exp_sum_0 loops outer [4] inner [8] local buf0
  member buf0 full at [8*i0 + r0]
    %0 = load x[8*i0 + r0] : float32
    %1 = exp %0 : float32
    yield %1
  member buf1 reduce at [i0]
    %0 = load buf0[8*i0 + r0] : float32
    yield %0
group buf2 view
  node buf2
group cpp_fused_neg_1 loops outer [4] inner []
  member buf3 full at [i0]
    %0 = load buf1[i0] : float32
    %1 = neg %0 : float32
    yield %1
place x input
place buf0 local
place buf1 arena 0 size 64
place buf2 view of buf1
place buf3 output
reuse buf3 = buf1
explain "fused: buf0 + buf1: VERTICAL: reads what the other writes, in the same loops"
"""


def test_round_trip() -> None:
    assert print_schedule(parse_schedule(TEXT)) == TEXT


def test_what_is_read() -> None:
    schedule = parse_schedule(TEXT)
    first = schedule.groups[0]
    assert [m.role for m in first.members] == [FULL, REDUCE]
    assert first.local == {"buf0"} and first.nodes[1] is schedule.program.nodes[1]
    assert schedule.storage("buf2") == "buf1" and schedule.arena_bytes == 64
    assert first.members[1].body.ops[0].attrs[1] is first.members[0].store


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("schedule arena 64", "arena 64", "no line 'schedule arena <bytes>'"),
        ("schedule arena 64", "schedule arena many", "expected a number of bytes"),
        ("member buf1 reduce at [i0]", "member buf9 reduce at [i0]", "buf9"),
        ("member buf1 reduce at [i0]", "member buf1 reduce at [i7]", "unknown symbol 'i7'"),
        ("size 64", "size x", "place buf1 arena 0 size x"),
        ("reuse buf3 = buf1", "reuse buf3 is buf1", "expected '=', got 'is'"),
        ("place x input", "put x input", "put x input"),
    ],
)
def test_errors_name_the_line(old: str, new: str, message: str) -> None:
    assert old in TEXT
    with pytest.raises(ValueError, match="schedule") as error:
        parse_schedule(TEXT.replace(old, new, 1))
    assert message in str(error.value)
