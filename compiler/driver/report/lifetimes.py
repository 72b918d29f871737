"""Which bytes of the arena hold which buffer between which launches.

Enters: a schedule, its launches in the wrapper's order, values of the dynamic sizes. Leaves: a `Lifetime` for each buffer of the arena,
and the arena's size; buffers of bodies are there too, where the body's part of the arena begins.

Invariants: slots lie behind the bytes of fixed sizes, one after the other, each at a multiple of the alignment, as in a run with these
sizes. What a branch or loop uses of the program around it is alive during all launches in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from compiler.driver.kernel_costs import size_value, touched_buffers
from compiler.driver.provenance import Launch
from compiler.ir.expr import Expr
from compiler.ir.schedule import ALIGNMENT_BYTES, Schedule


@dataclass(frozen=True)
class Lifetime:
    """A buffer of the arena: bytes [offset, offset + size), alive from the launch number `first` to `last`, both inclusive."""

    buffer: str
    offset_bytes: int
    size_bytes: int
    first: int
    last: int
    writer: int  # number of the launch that writes it first


@dataclass(frozen=True)
class Arena:
    """`own`: the buffers whose size is read out of data, which have memory of their own outside the arena."""

    size_bytes: int
    lifetimes: tuple[Lifetime, ...]
    own: tuple[str, ...]


def find(schedule: Schedule, launches: Sequence[Launch], sizes: Mapping[Expr, int]) -> Arena:
    """From what each launch reads and writes; a view keeps alive what it is a view of."""
    writers: dict[str, int] = {}
    last: dict[str, int] = {}
    for number, launch in enumerate(launches):
        for node in launch.group.nodes:
            if node.name not in launch.group.local:
                writers.setdefault(node.name, number)
        for buffer in touched_buffers(launch.group):
            storage = launch.schedule.storage(buffer)
            last[storage] = max(launch.last, last.get(storage, 0))
    slots, end = [], schedule.arena_bytes
    for needed in schedule.slots:
        slots.append(end)
        end += -(-size_value(needed, sizes) // ALIGNMENT_BYTES) * ALIGNMENT_BYTES
    found, own = [], []
    for buffer, number in writers.items():
        launch = launches[number]
        place = launch.schedule.placement[buffer]
        if place.kind == "own":
            own.append(buffer)
        elif place.kind == "arena":
            layout = launch.schedule.layouts[buffer]
            if place.slot >= 0:
                offset = slots[launch.slot_base + place.slot]
                size = size_value(layout.storage_numel() * layout.dtype.size_bytes, sizes)
            else:
                offset, size = launch.arena_base + place.offset_bytes, place.size_bytes
            found.append(Lifetime(buffer, offset, size, launch.first, last.get(buffer, launch.last), number))
    return Arena(end, tuple(found), tuple(own))
