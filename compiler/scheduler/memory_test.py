"""The arena, and what may be overwritten in place."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from compiler.ir import dtypes
from compiler.ir.expr import Expr, maximum, sym
from compiler.ir.loop import Layout, Program
from compiler.ir.schedule import ALIGNMENT_BYTES, Schedule
from compiler.scheduler import pipeline
from compiler.scheduler.example_programs import BodyBuilder, ProgramBuilder
from compiler.scheduler.memory import Arena, Slots, storage_bytes
from compiler.scheduler.verify import verify
from compiler.support.diagnostics import InternalError
from compiler.support.options import CompileOptions, Context


def scheduled(program: Program, fuse_limit: int = -1) -> Schedule:
    return pipeline.run(program, Context(CompileOptions("test", fuse_limit=fuse_limit)))


@pytest.mark.parametrize("seed", range(20))
def test_live_blocks_never_overlap_and_freed_space_is_found_again(seed: int) -> None:
    rng, arena = random.Random(seed), Arena()
    live: list[tuple[int, int]] = []
    peak = 0
    for _ in range(300):
        if live and rng.random() < 0.5:
            arena.free(*live.pop(rng.randrange(len(live))))
        else:
            size = ALIGNMENT_BYTES * rng.randint(1, 20)
            offset = arena.allocate(size)
            assert offset % ALIGNMENT_BYTES == 0 and offset + size <= arena.size_bytes
            assert all(offset + size <= o or o + s <= offset for o, s in live)
            live.append((offset, size))
        peak = max(peak, sum(s for _, s in live))
    for block in live:
        arena.free(*block)
    assert arena.allocate(arena.size_bytes) == 0
    assert arena.size_bytes <= 2 * peak


def test_the_smallest_block_that_fits_is_taken() -> None:
    arena = Arena()
    blocks = [(arena.allocate(size), size) for size in (256, 64, 128, 64)]
    arena.free(*blocks[0])
    arena.free(*blocks[2])
    assert arena.allocate(128) == blocks[2][0]
    assert arena.allocate(64) == blocks[0][0]


def test_sizes_are_rounded_to_the_alignment() -> None:
    assert storage_bytes(Layout.contiguous(dtypes.float32, [3])) == 64
    assert storage_bytes(Layout.contiguous(dtypes.float64, [9])) == 128
    assert storage_bytes(Layout.contiguous(dtypes.float32, [0, 5])) == 0


def test_slots_hold_one_buffer_at_a_time_and_grow_to_the_largest() -> None:
    s0, s1 = sym("s0", 0, None), sym("s1", 0, None)
    slots = Slots()
    first, second = slots.allocate(s0 * 64), slots.allocate(s1 * 4)
    assert (first, second) == (0, 1)
    slots.free(first)
    slots.free(second)
    assert slots.allocate(s1 * 4) == second, "the slot of the very same size"
    assert slots.allocate(s0 * 256) == first
    assert slots.sizes == [s0 * 256, s1 * 4]
    slots.free(first)
    assert slots.allocate(s1 * 8) == first
    assert slots.sizes[first] is maximum(s0 * 256, s1 * 8)


def test_dynamic_buffers_take_slots_and_fixed_ones_lie_as_without_them() -> None:
    s0 = sym("s0", 0, None)
    b = ProgramBuilder("p")
    x, w = b.input("x", [s0, 16]), b.input("w", [16])
    fixed = b.pointwise("exp", [16], lambda o, i: o.op("exp", o.load(w, i)))
    rows = b.pointwise("neg", [s0, 16], lambda o, i: o.op("neg", o.load(x, i)))
    both = b.pointwise("add", [s0, 16], lambda o, i: o.op("add", o.load(rows, i), o.load(fixed, i[1:])))
    schedule = scheduled(b.build(both), fuse_limit=0)
    assert schedule.arena_bytes == 64 and schedule.placement[fixed].slot < 0
    assert schedule.slots == [s0 * 64] and schedule.placement[rows].slot == 0
    schedule.slots[0] = s0 * 32
    with pytest.raises(InternalError, match=f"{rows} takes 64\\*s0 bytes in slot 0"):
        verify(schedule)


def chain(transposed: bool) -> Program:
    b = ProgramBuilder("p")
    x = b.input("x", [16, 16])
    a = b.pointwise("exp", [16, 16], lambda o, i: o.op("exp", o.load(x, i)))
    c = b.pointwise("neg", [16, 16], lambda o, i: o.op("neg", o.load(a, i[::-1] if transposed else i)))
    return b.build(b.pointwise("abs", [16, 16], lambda o, i: o.op("abs", o.load(c, i))))


def test_in_place_where_each_element_is_read_before_it_is_written() -> None:
    assert scheduled(chain(transposed=False), fuse_limit=0).reuse == {"buf1": "buf0"}


def test_not_in_place_where_only_the_blocks_are_of_one_size() -> None:
    """6 and 8 floats both take a block of 64 bytes; the second kernel reads the first's buffer where it has elements, as `cat` does."""
    b = ProgramBuilder("p")
    x = b.input("x", [6])
    first = b.pointwise("exp", [6], lambda o, i: o.op("exp", o.load(x, i)))

    def padded(o: BodyBuilder, i: Sequence[Expr]) -> int:
        inside = o.op("lt", o.index(i[0]), o.index(6))
        return o.load(first, i, mask=inside, other=o.constant(0.0))

    joined = b.pointwise("cat", [8], padded)
    last = b.pointwise("abs", [8], lambda o, i: o.op("abs", o.load(joined, i)))
    assert scheduled(b.build(last), fuse_limit=0).reuse == {}


def test_not_in_place_where_another_element_is_read() -> None:
    schedule = scheduled(chain(transposed=True), fuse_limit=0)
    assert schedule.reuse == {}
    assert schedule.arena_bytes == 2 * 16 * 16 * 4


def test_not_in_place_while_someone_still_reads() -> None:
    b = ProgramBuilder("p")
    x = b.input("x", [16])
    a = b.pointwise("exp", [16], lambda o, i: o.op("exp", o.load(x, i)))
    c = b.pointwise("neg", [16], lambda o, i: o.op("neg", o.load(a, i)))
    d = b.pointwise("abs", [16], lambda o, i: o.op("add", o.load(c, i), o.load(a, i)))
    assert scheduled(
        b.build(b.pointwise("sin", [16], lambda o, i: o.op("sin", o.load(d, i)))), fuse_limit=0
    ).reuse == {"buf2": "buf0"}


def test_not_in_place_of_what_the_same_kernel_made() -> None:
    """A softmax over columns of unknown length goes through memory twice: each pass's rows are an argument of the kernel."""
    s0 = sym("s0", 2, None)
    b = ProgramBuilder("p")
    x = b.input("x", [s0, 8])
    a = b.pointwise("exp", [s0, 8], lambda o, i: o.op("exp", o.load(x, i)))
    total = b.reduce("sum", [8], [s0], lambda o, i, r: o.load(a, [r[0], i[0]]))
    d = b.pointwise("div", [s0, 8], lambda o, i: o.op("div", o.load(a, i), o.load(total, i[1:])))
    last = b.pointwise(
        "add", [s0, 8], lambda o, i: o.op("add", o.load(d, i), o.load(d, [s0 - 1 - i[0], i[1]]))
    )
    schedule = scheduled(b.build(last))
    made = {n.name: k for k, group in enumerate(schedule.groups) for n in group.nodes}
    assert made[a] == made[d]
    assert {schedule.placement[n].kind for n in (a, d)} == {"arena"} and schedule.reuse.get(d) != a
    schedule.reuse[d], schedule.placement[d] = a, schedule.placement[a]
    with pytest.raises(InternalError, match=f"{d} takes the memory of {a}, which the same kernel writes"):
        verify(schedule)


def test_not_in_place_with_another_element_size() -> None:
    b = ProgramBuilder("p")
    x = b.input("x", [16])
    a = b.pointwise("exp", [16], lambda o, i: o.op("exp", o.load(x, i)))
    c = b.pointwise("to", [16], lambda o, i: o.cast(o.load(a, i), dtypes.int64), dtypes.int64)
    d = b.pointwise("to", [16], lambda o, i: o.cast(o.load(c, i), dtypes.float32))
    assert (
        scheduled(
            b.build(b.pointwise("sin", [16], lambda o, i: o.op("sin", o.load(d, i)))), fuse_limit=0
        ).reuse
        == {}
    )


def test_inputs_are_never_overwritten() -> None:
    schedule = scheduled(chain(transposed=False))
    assert schedule.placement["x"].kind == "input" and schedule.arena_bytes == 0
