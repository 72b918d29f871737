"""The scheduler: Loop IR to Schedule.

Enters: a verified `loop.Program`. Leaves: a verified `schedule.Schedule` of a program whose bodies load from storages, never through
views, and whose long reductions are cut in two.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

from compiler.ir import loop_verify
from compiler.ir.loop import Cond, CustomKernel, Program, While
from compiler.ir.schedule import KernelGroup, Schedule
from compiler.ir.schedule_passes import kept_rows
from compiler.ir.triton_call import call_of, is_triton
from compiler.scheduler import loops, mutations
from compiler.scheduler.cost import buffer_bytes, rows_in_memory
from compiler.scheduler.dependencies import Dependencies, analyse, load_from_storage
from compiler.scheduler.device_cost import cost_of
from compiler.scheduler.fuse import fuse
from compiler.scheduler.group import FusionGroup, single
from compiler.scheduler.memory import plan_memory
from compiler.scheduler.names import kernel_name
from compiler.scheduler.order import order
from compiler.scheduler.split_reductions import split_reductions
from compiler.scheduler.verify import verify
from compiler.support.options import Context


def run(program: Program, ctx: Context) -> Schedule:
    """Fuses, orders and places. Raises InternalError when the result breaks an invariant of `compiler.ir.schedule`."""
    schedule = _run(program, ctx, _Counters())
    verify(schedule)
    loop_verify.verify(schedule.program)
    return schedule


@dataclass
class _Counters:
    """What is counted over a program and all its blocks: kernels, for their names, and fusions."""

    kernels: Iterator[int] = field(default_factory=itertools.count)
    fusions: int = 0


def _run(program: Program, ctx: Context, counters: _Counters) -> Schedule:
    """The same for a program or a block."""
    device = cost_of(ctx.options.device)
    program = split_reductions(load_from_storage(program), device)
    dependencies = analyse(program)
    groups, explain, counters.fusions = fuse(
        program, dependencies, ctx.options.fuse_limit, device, counters.fusions
    )
    sizes = {name: buffer_bytes(layout) for name, layout in program.layouts().items()}
    ordered = order(groups, dependencies, sizes)
    finished = [_finish(group, dependencies, ctx, counters) for group in ordered]
    mutated = mutations.in_place(program, finished, dependencies, device.keeps_rows)
    program, copies = mutations.with_copies(program, mutated)
    if copies:
        dependencies = analyse(program)
        singles = [single(dependencies.position[copy.name], copy) for copy in copies]
        finished += [_finish(group, dependencies, ctx, counters) for group in singles]
        mutated.update((m.value.buffer, m.target) for m in program.mutations)
    plan = plan_memory(program, finished, dependencies, mutated, device.keeps_rows)
    return Schedule(program, finished, plan.placement, plan.reuse, plan.arena_bytes, plan.slots, explain)


def _finish(group: FusionGroup, dependencies: Dependencies, ctx: Context, counters: _Counters) -> KernelGroup:
    """Names the group, merges its loops and finds the buffers that stay inside; schedules the blocks of a branch or loop."""
    nodes = list(group.nodes.values())
    if group.kind in ("extern", "view", "size"):
        return KernelGroup(str(getattr(nodes[0], "function", nodes[0].name)), group.kind, nodes)
    if is_triton(nodes[0]):
        name = f"triton_{call_of(nodes).kernel.function}_{next(counters.kernels)}"
        return KernelGroup(name, "triton", nodes, {nodes[0].name})
    if isinstance(nodes[0], CustomKernel):
        return KernelGroup(nodes[0].name, "custom", nodes, {nodes[0].name})
    if isinstance(nodes[0], (Cond, While)):
        blocks = tuple(_run(block, ctx, counters) for block in nodes[0].blocks)
        local = {nodes[0].name} if isinstance(nodes[0], Cond) else set()
        return KernelGroup(nodes[0].name, "control", nodes, local, blocks=blocks)
    outer, inner, members = group.outer, group.inner, list(group.members.values())
    if group.fusible:
        outer, inner, members = loops.merge(outer, inner, members)
    local = {n.name for n in nodes if _is_local(n.name, group, dependencies)}
    finished = KernelGroup("", group.kind, nodes, local, outer, inner, tuple(members))
    finished.name = kernel_name(finished.origins, next(counters.kernels), ctx.options.device)
    return finished


def _is_local(name: str, group: FusionGroup, dependencies: Dependencies) -> bool:
    if rows_in_memory(group.inner) and name in kept_rows(group.members):
        return False
    users = dependencies.users.get(name, [])
    return bool(users) and name not in dependencies.kept and all(u in group.nodes for u in users)
