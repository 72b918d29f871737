"""Runs a schedule in numpy, group by group, from its members' loops and store indices: what the kernels mean, without any code.

For tests: a schedule must give what `compiler.ir.loop_interpreter` gives for the program. Memory is as planned (one arena of bytes,
in-place reuse), so a wrong plan shows. Templates are run by their meaning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from compiler.ir.expr import const
from compiler.ir.loop import Cond, Layout, Node, Pointwise, Reduction, TensorRef, loop_var, reduction_var
from compiler.ir.loop_bodies import substitute
from compiler.ir.loop_interpreter import constant_array, positions, run_node, write
from compiler.ir.scalar_numpy import NUMPY_TYPES, Array
from compiler.ir.schedule import REDUCE, ROW, SINGLE, TEMPLATE, KernelGroup, Member, Schedule


class ScheduleInterpreter:
    """Buffers as flat arrays; those of the arena are views of it."""

    def __init__(self, schedule: Schedule, arena: Array | None = None) -> None:
        self.schedule, self.program = schedule, schedule.program
        self.layouts = self.program.layouts()
        self.arena = np.full(schedule.arena_bytes, 0xCB, np.uint8) if arena is None else arena
        self.buffers: dict[str, Array] = {}
        self.packed = {c.name: c for c in self.program.constants if c.packing}

    def run(self, inputs: Sequence[Array]) -> list[Array]:
        for described, value in zip(self.program.inputs, inputs, strict=True):
            write(self.buffers, described.name, described.layout, value)
        self.run_groups()
        return [self._read(o.value) for o in self.program.outputs if isinstance(o.value, TensorRef)]

    def run_groups(self) -> None:
        """Runs everything; inputs are in `buffers`."""
        for c in self.program.constants:
            if not c.packing:
                write(self.buffers, c.name, c.layout, constant_array(c, self.program))
        for group in self.schedule.groups:
            self._group(group)

    def _read(self, ref: TensorRef) -> Array:
        return np.asarray(self.buffers[self.schedule.storage(ref.buffer)][positions(ref.layout)])

    def _group(self, group: KernelGroup) -> None:
        """Computes all members from what was in memory before, then stores, as a kernel does within one iteration."""
        if group.kind == "control":
            return self._control(group)
        members = {m.name: m for m in group.members}
        view: dict[str, Array] = dict(self.buffers)
        for node in group.nodes:
            m = members.get(node.name)
            moved = _as_node(node, m, group) if m is not None and m.role not in (SINGLE, TEMPLATE) else node
            run_node(moved, view, self.packed, self.program)
        for node in group.nodes:
            if node.name not in group.local:
                self.buffers[node.name] = self._placed(node.name, view[node.name])

    def _control(self, group: KernelGroup) -> None:
        """Gives the results their memory; then the blocks run in it."""
        for node in group.nodes:
            size = node.layout.storage_numel().value()
            self.buffers[node.name] = self._placed(node.name, np.zeros(size, NUMPY_TYPES[node.layout.dtype]))
        control = group.nodes[0]
        if isinstance(control, Cond):
            self._block(group, 0 if self._read(control.predicate).item() else 1)
            return
        self._block(group, 0)
        self._block(group, 1)
        while self.buffers[control.name].item():
            self._block(group, 2)
            self._block(group, 1)

    def _block(self, group: KernelGroup, number: int) -> None:
        inner = ScheduleInterpreter(group.blocks[number], self.arena[group.blocks_offset :])
        inner.buffers = {i.name: self.buffers[self.schedule.storage(i.name)] for i in inner.program.inputs}
        inner.run_groups()

    def _placed(self, name: str, value: Array) -> Array:
        """The buffer's value in the memory that the plan gives it."""
        place = self.schedule.placement[name]
        if place.kind == "mutated":
            self.buffers[place.base][...] = value
            return self.buffers[place.base]
        if place.kind != "arena":
            return value
        dtype = np.dtype(NUMPY_TYPES[self.layouts[name].dtype])
        memory = self.arena[place.offset_bytes : place.offset_bytes + value.size * dtype.itemsize].view(dtype)
        memory[...] = value
        return memory


def _as_node(node: Node, m: Member, group: KernelGroup) -> Node:
    """The member as a node over the group's loops: a layout whose index is the member's store."""
    inner = () if m.role in (REDUCE, ROW) else group.inner
    offset = len(group.outer)
    mapping = {reduction_var(k, e): loop_var(offset + k, e) for k, e in enumerate(inner)}
    variables = [loop_var(k, e) for k, e in enumerate((*group.outer, *inner))]
    store = m.store.subst(mapping)
    strides = tuple(store.coefficient(v) or const(0) for v in variables)
    layout = Layout(node.layout.dtype, (*group.outer, *inner), strides, const(store.constant()))
    assert layout.index(variables) is store, f"{m.name} does not store at an affine index: {store}"
    body = substitute(m.body, mapping)
    if isinstance(node, Reduction):
        return replace(node, layout=layout, reduction_ranges=group.inner, body=m.body)
    assert isinstance(node, Pointwise)
    return replace(node, layout=layout, body=body)


def run_schedule(schedule: Schedule, inputs: Mapping[str, Array]) -> list[Array]:
    """The outputs for inputs by name."""
    return ScheduleInterpreter(schedule).run([inputs[i.name] for i in schedule.program.inputs])
