"""The schedule's verifier finds each kind of damage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from compiler.ir.loop import View
from compiler.ir.schedule import Placement, Schedule
from compiler.scheduler import pipeline
from compiler.scheduler.example_families import FAMILIES
from compiler.scheduler.verify import verify
from compiler.support.diagnostics import InternalError
from compiler.support.options import CompileOptions, Context


def scheduled(name: str, fuse_limit: int = -1) -> Schedule:
    return pipeline.run(FAMILIES[name](), Context(CompileOptions("test", fuse_limit=fuse_limit)))


def drop_node(s: Schedule) -> None:
    s.groups.pop()


def repeat_node(s: Schedule) -> None:
    s.groups.append(s.groups[0])


def swap_groups(s: Schedule) -> None:
    s.groups.reverse()


def forget_place(s: Schedule) -> None:
    del s.placement[s.program.nodes[0].name]


def place_output_in_arena(s: Schedule) -> None:
    s.placement[s.program.nodes[-1].name] = Placement("arena", 0, 1 << 20)


def misalign(s: Schedule) -> None:
    name = next(n for n, p in s.placement.items() if p.kind == "arena")
    s.placement[name] = replace(s.placement[name], offset_bytes=s.placement[name].offset_bytes + 4)


def shrink(s: Schedule) -> None:
    name = next(n for n, p in s.placement.items() if p.kind == "arena")
    s.placement[name] = replace(s.placement[name], size_bytes=64)


def overlap(s: Schedule) -> None:
    for name, place in s.placement.items():
        if place.kind == "arena":
            s.placement[name] = replace(place, offset_bytes=0)


def small_arena(s: Schedule) -> None:
    s.arena_bytes = 64


def foreign_local(s: Schedule) -> None:
    s.groups[0].local.add(s.groups[0].nodes[0].name)
    s.placement[s.groups[0].nodes[0].name] = Placement("local")


DAMAGE: list[tuple[Callable[[Schedule], None], str]] = [
    (drop_node, "nodes in no group"),
    (repeat_node, "is also in"),
    (swap_groups, "which no earlier group or node makes"),
    (forget_place, "has no place"),
    (place_output_in_arena, "leaves the program but is placed as arena"),
    (misalign, "lies at"),
    (shrink, "too few for its layout"),
    (overlap, "overlaps"),
    (small_arena, "lies at"),
    (foreign_local, "which is local to another group"),
]


@pytest.mark.parametrize(("damage", "message"), DAMAGE, ids=[d.__name__ for d, _ in DAMAGE])
def test_damage_is_found(damage: Callable[[Schedule], None], message: str) -> None:
    schedule = scheduled("layer_norm", fuse_limit=2)
    verify(schedule)
    damage(schedule)
    with pytest.raises(InternalError, match=message):
        verify(schedule)


def test_a_member_read_at_another_index_is_found() -> None:
    schedule = scheduled("softmax")
    group = schedule.groups[0]
    group.members = tuple(replace(m, store=m.store + 1) if m.name == "buf2" else m for m in group.members)
    with pytest.raises(InternalError, match=r"buf\d reads buf2 at .* but it is made at"):
        verify(schedule)


def test_a_reduced_variable_outside_its_loop_is_found() -> None:
    schedule = scheduled("softmax")
    group = schedule.groups[0]
    full = next(m for m in group.members if m.role == "full")
    group.members = tuple(replace(m, store=full.store) if m.name == "buf0" else m for m in group.members)
    with pytest.raises(InternalError, match="buf0 uses r0"):
        verify(schedule)


def test_overwriting_what_is_still_read_is_found() -> None:
    schedule = scheduled("in_place_chain")
    schedule.reuse["buf1"] = "buf0"
    with pytest.raises(InternalError, match="buf1 takes the memory of buf0"):
        verify(schedule)


def test_views_are_placed_as_views() -> None:
    assert all(not isinstance(n, View) for n in FAMILIES["softmax"]().nodes)
