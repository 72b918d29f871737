"""Decides how each mutated input or constant gets its new value: written in place by the kernel that computes it, or copied at the end.

Enters: a program and its groups in execution order. Leaves: the same, with a copy kernel appended for each mutation that cannot be
done in place, and the buffers that are computed in their target's memory. So a cache that one position is written to is neither read
nor copied as a whole.

In place: every group that reads the target's old value comes before the one that writes the new value, or is the same and reads just
the element that the same iteration overwrites; and the new value goes nowhere else (it is no output, and the value of no other target).

    buf7 = scatter ... base b_cache        ->  in place: buf7 takes the memory of b_cache
    mutate b_cache = buf7
    mutate b_last = buf7                   ->  a copy kernel after all others: b_last <- buf7
"""

from __future__ import annotations

from dataclasses import replace

from compiler.ir.loop import (
    Body,
    BodyOp,
    ExternKernel,
    Layout,
    Mutation,
    Pointwise,
    Program,
    TensorRef,
    View,
    loop_var,
)
from compiler.ir.loop_reads import buffers_read
from compiler.ir.schedule import KernelGroup
from compiler.scheduler.dependencies import Dependencies
from compiler.scheduler.in_place import can_take_over


def in_place(
    program: Program, groups: list[KernelGroup], dependencies: Dependencies, keeps_rows: bool
) -> dict[str, str]:
    """The buffers that are computed in the memory of a mutation's target -> that target."""
    found: dict[str, str] = {}
    owner = {n.name: k for k, group in enumerate(groups) for n in group.nodes}
    readers: dict[str, list[int]] = {}
    for k, group in enumerate(groups):
        for name in {dependencies.storage[b] for node in group.nodes for b in buffers_read(node)}:
            readers.setdefault(name, []).append(k)
    for m in program.mutations:
        k = owner[m.value.buffer]
        if m.value.buffer not in found and _is_possible(
            m, groups[k], k, readers.get(m.target, []), dependencies, keeps_rows
        ):
            found[m.value.buffer] = m.target
    return found


def _is_possible(
    m: Mutation, group: KernelGroup, k: int, readers: list[int], dependencies: Dependencies, keeps_rows: bool
) -> bool:
    name = m.value.buffer
    node = next(n for n in group.nodes if n.name == name)
    if isinstance(node, (View, ExternKernel)) or name in dependencies.outputs:
        return False
    if node.layout.storage_numel() is not m.value.layout.storage_numel() or any(r > k for r in readers):
        return False
    return (
        k not in readers
        or can_take_over(name, group, [m.target], dependencies.storage, keeps_rows) is not None
    )


def with_copies(program: Program, in_place: dict[str, str]) -> tuple[Program, list[Pointwise]]:
    """The program with a copy for each mutation that is not in `in_place`, and these copies."""
    layouts = program.layouts()
    origins = {n.name: n.origins for n in program.nodes}
    copies: list[Pointwise] = []
    mutations: list[Mutation] = []
    for m in program.mutations:
        if in_place.get(m.value.buffer) == m.target:
            mutations.append(m)
            continue
        name = f"{m.target}_next"
        while name in layouts:
            name += "_"
        copies.append(Pointwise(name, layouts[m.target], origins[m.value.buffer], _copy(m.value)))
        mutations.append(Mutation(m.target, TensorRef(name, layouts[m.target])))
    if not copies:
        return program, []
    return replace(program, nodes=[*program.nodes, *copies], mutations=mutations), copies


def _copy(value: TensorRef) -> Body:
    layout: Layout = value.layout
    index = layout.index([loop_var(d, extent) for d, extent in enumerate(layout.size)])
    return Body((BodyOp("load", (), layout.dtype, (value.buffer, index)),), (0,))
