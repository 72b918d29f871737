"""Builds the KernelSpec of a `loops` group: pointwise chains, row and column reductions with what surrounds them.

Enters: a group. Leaves: a spec whose body is one parallel loop.
Invariants: a group with reductions is computed in passes (`compiler.ir.schedule_passes.levels`): one pass over the row computes all that
is known so far, in one loop; a value that a later pass needs is kept in a row buffer or computed again.

Before/after (softmax of rows, see `compiler.ir.schedule`):
    parallel i0: pass 0: loop r0: m = max(m, x)   pass 1: loop r0: e[r0] = exp(x - m); s += e   pass 2: loop r0: y = e[r0] / s
"""

from __future__ import annotations

from compiler.codegen.common.arguments import Arguments, size_symbols
from compiler.codegen.common.axes import choose
from compiler.codegen.common.builder import Builder
from compiler.codegen.common.grain import grain_of
from compiler.codegen.common.loop_nest import LoopNest, register_type
from compiler.codegen.common.member_values import MemberValues
from compiler.codegen.common.reductions import ColumnReductions, Reductions, RowReductions
from compiler.ir.kernel import KernelSpec, Store
from compiler.ir.loop import Reduction
from compiler.ir.loop_bodies import loaded_buffer
from compiler.ir.schedule import FULL, REDUCE, ROW, KernelGroup, Member, Schedule
from compiler.ir.schedule_passes import kept_rows, levels


class LoopKernel:
    """One group being turned into a spec."""

    def __init__(self, schedule: Schedule, group: KernelGroup, grain_bytes: int) -> None:
        self.group, self.grain_bytes = group, grain_bytes
        self.members = {m.name: m for m in group.members}
        self.builder = Builder()
        self.nest = LoopNest(group, choose(group), self.builder)
        self.arguments = Arguments(schedule, group)
        self.values = MemberValues(
            self.builder, self.arguments, self.members, {n.name: n.layout.dtype for n in group.nodes}
        )
        self.values.provide = self._provide
        self.level = levels(self.members)
        self.kept = kept_rows(self.members)
        self.read_inside = {loaded_buffer(op) for m in group.members for op in m.body.loads()}
        self.now = 0  # the pass being emitted
        self.scalars: dict[str, str] = {}  # values of members known at this point of the loops
        self.arrays: dict[str, str] = {}  # members kept in an array: full ones by row, row ones by column
        shape = RowReductions if self.nest.tiling.shape == "rows" else ColumnReductions
        nodes = {n.name: n for n in group.nodes if isinstance(n, Reduction)}
        self.reductions: Reductions = shape(self.nest, self.values, nodes, group.local)

    def spec(self) -> KernelSpec:
        pointwise = self.nest.tiling.shape == "pointwise"
        parallel = self.nest.parallel(
            lambda tasks: grain_of(self.group, self.members, tasks, self.grain_bytes),
            self._pointwise if pointwise else self._passes,
        )
        return KernelSpec(
            name=self.group.name,
            function=self.group.name,
            arguments=self.arguments.all(),
            sizes=size_symbols([parallel]),
            body=(parallel,),
            origins=self.group.origins,
            can_fail=self.values.can_fail,
            scratch_bytes_per_thread=self.nest.scratch_bytes(),
        )

    def _store(self, m: Member, value: str) -> None:
        """Writes the member's buffer, unless it never leaves the kernel."""
        if m.name not in self.group.local:
            self.builder.add_late(Store(self.arguments.write(m.name), self.builder.index(m.store), value))

    def _pointwise(self) -> None:
        def all_members() -> None:
            for m in self.members.values():
                self.scalars[m.name] = self.values.value(m.name)
                self._store(m, self.scalars[m.name])

        if self.nest.tiling.whole_range:
            all_members()
        else:
            self.nest.vector_loop(all_members)

    # Passes over a row, or over the rows of a tile of columns.

    def _passes(self) -> None:
        for number in range(max(self.level.values()) + 1):
            self.now = number
            current = [m for m in self.members.values() if self.level[m.name] == self.now]
            for m in current:
                if m.role == ROW:
                    self._row_member(m)
            reductions = [m for m in current if m.role == REDUCE]
            written = [
                m
                for m in current
                if m.role == FULL and (m.name not in self.group.local or m.name in self.kept)
            ]
            if reductions:
                self.reductions.run(reductions, lambda written=written: self._write(written), self._store)  # type: ignore[misc]
            elif written:
                self.nest.over_inner(lambda written=written: self._write(written))  # type: ignore[misc]

    def _row_member(self, m: Member) -> None:
        """A pointwise value of the row: a scalar, or an array over the tile's columns."""
        if self.nest.tiling.shape == "rows":
            self.scalars[m.name] = self.values.value(m.name)
            self._store(m, self.scalars[m.name])
            return
        array = (
            self.nest.column_array("row", self.values.dtypes[m.name]) if m.name in self.read_inside else None
        )

        def compute() -> None:
            value = self.values.value(m.name)
            if array is not None:
                self.builder.add_late(Store(array, self.nest.column, value))
            self._store(m, value)

        self.nest.vector_loop(compute)
        if array is not None:
            self.arrays[m.name] = array

    def _write(self, members: list[Member]) -> None:
        """Full members that are stored, or kept for a later pass."""
        for m in members:
            value = self.values.value(m.name)
            self._store(m, value)
            if m.name in self.kept and m.name in self.group.local:
                self.arrays[m.name] = self.nest.row_array(self.values.dtypes[m.name])
                self.builder.add_late(Store(self.arrays[m.name], self.nest.row_position(), value))

    # Where a member's value comes from when another one reads it.

    def _provide(self, name: str) -> str | None:
        m = self.members[name]
        if m.role == REDUCE:
            return self.reductions.value(name)
        if self.nest.tiling.shape == "pointwise":
            return self.scalars[name]
        if m.role == ROW:
            return self.scalars[name] if name in self.scalars else self._from_array(name, self.nest.column)
        if name not in self.kept or self.level[name] == self.now:
            return self.values.value(name)
        if name in self.group.local:
            return self._from_array(name, self.nest.row_position())
        return self.builder.compute(
            self.values.dtypes[name], "load", (), (self.arguments.write(name), m.store)
        )

    def _from_array(self, name: str, position: object) -> str:
        dtype = self.values.dtypes[name]
        value = self.builder.compute(register_type(dtype), "load", (), (self.arrays[name], position))  # type: ignore[arg-type]
        return self.values.as_type(value, dtype)
