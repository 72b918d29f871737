"""Which loop is vectorised and what the tasks are, for the example families."""

from __future__ import annotations

import pytest

from compiler.codegen.common.axes import COLUMN_TILE, TRANSPOSE_TILE, Tiling, choose
from compiler.ir import dtypes
from compiler.scheduler import pipeline
from compiler.scheduler.example_families import FAMILIES
from compiler.scheduler.example_programs import ProgramBuilder
from compiler.support.options import CompileOptions, Context


def tiling(name: str, kernel: int = 0) -> Tiling:
    schedule = pipeline.run(FAMILIES[name](), Context(CompileOptions("test")))
    return choose(schedule.groups[kernel])


def spelled(t: Tiling) -> str:
    loops = [",".join(map(str, v)) for v in (t.tasks, t.serial, t.inner)]
    return f"{t.shape} tasks {loops[0]} serial {loops[1]} inner {loops[2]} vector {t.vector} tile {t.tile}"


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("scalar", "pointwise tasks  serial  inner  vector None tile 0"),
        ("pointwise_chain", "pointwise tasks  serial  inner  vector i0 tile 0"),
        ("broadcast", "pointwise tasks i0,i1 serial  inner  vector i2 tile 0"),
        ("softmax", "rows tasks i0 serial  inner r0 vector r0 tile 0"),
        ("softmax_over_rows", "columns tasks i0 serial  inner r0 vector i1 tile 0"),
        ("column_passes", f"columns tasks  serial  inner r0 vector i0 tile {COLUMN_TILE}"),
        ("group_norm", "rows tasks i0,i1 serial  inner r0,r1 vector r1 tile 0"),
        ("transpose", f"pointwise tasks  serial i0 inner  vector i1 tile {TRANSPOSE_TILE}"),
    ],
)
def test_shapes(name: str, wanted: str) -> None:
    assert spelled(tiling(name)) == wanted


def test_a_short_last_loop_goes_inside_the_vectorised_one() -> None:
    t = tiling("to_channels_last")
    assert (str(t.vector), str(t.short)) == ("i1", "i2")


def test_many_rows_leave_serial_loops_inside_a_task() -> None:
    b = ProgramBuilder("p")
    x, y = b.input("x", [300, 7, 9]), b.input("y", [300, 1, 9], dtypes.float32)
    z = b.pointwise("add", [300, 7, 9], lambda o, i: o.op("add", o.load(x, i), o.load(y, [i[0], 0, i[2]])))
    (group,) = pipeline.run(b.build(z), Context(CompileOptions("test"))).groups
    assert spelled(choose(group)) == "pointwise tasks i0 serial i1 inner  vector i2 tile 0"


def test_one_long_row_is_cut_into_tasks() -> None:
    b = ProgramBuilder("p")
    x, y = b.input("x", [2, 100000]), b.input("y", [2, 1])
    z = b.pointwise("add", [2, 100000], lambda o, i: o.op("add", o.load(x, i), o.load(y, [i[0], 0])))
    (group,) = pipeline.run(b.build(z), Context(CompileOptions("test"))).groups
    t = choose(group)
    assert spelled(t).startswith("pointwise tasks i0 serial  inner  vector i1 tile ") and 0 < t.tile < 100000
