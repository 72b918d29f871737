"""What a device makes of fusion's trade-offs: how many tasks keep it busy, what one task may keep, when a long reduction is cut.

Enters: the name of a device. Leaves: its `DeviceCost`, which fusion, the cutting of reductions and the memory plan read.

A CPU's task is a chunk of rows on one thread, which keeps rows of intermediate results in its cache. A GPU's task is a program of a few
warps, which keeps what fits its registers and computes the rest again.
"""

from __future__ import annotations

from dataclasses import dataclass

from compiler.support.diagnostics import InternalError


@dataclass(frozen=True)
class DeviceCost:
    keeps_rows: bool  # a task keeps rows of intermediate results from one pass over a row to the next
    min_tasks: int  # fewer leave part of the device idle
    # A reduction is cut where it has fewer tasks than `enough_tasks`, at least `split_points` points in all and `task_points` in each
    # task; into at most `max_parts` parts, or not at all where `min_parts` do not divide it.
    enough_tasks: int
    split_points: int
    task_points: int
    max_parts: int
    min_parts: int
    # Pointwise kernels over the same loops that read one buffer become one kernel even where they load different elements of it: what a
    # launch costs is more than what the cache would gain from two passes.
    launches_cost: bool = False
    # What follows a large product stays a kernel of its own where that is faster than an epilogue (`long_epilogues.py`).
    epilogues_wait: bool = False


CPU = DeviceCost(
    keeps_rows=True,
    min_tasks=8,
    enough_tasks=8,
    split_points=1 << 18,
    task_points=0,
    max_parts=64,
    min_parts=8,
)
GPU = DeviceCost(
    keeps_rows=False,
    min_tasks=132,
    enough_tasks=132,
    split_points=1 << 15,
    task_points=1 << 14,
    max_parts=1024,
    min_parts=4,
    launches_cost=True,
    epilogues_wait=True,
)


def cost_of(device: str) -> DeviceCost:
    """Raises InternalError for a device that nobody compiles for."""
    known = {"cpu": CPU, "cuda": GPU}
    if device not in known:
        raise InternalError(f"scheduler: no costs for device {device!r}; known: {', '.join(known)}")
    return known[device]
