"""Builds the KernelSpec of a `loops` group for a GPU: pointwise chains, and reductions with what surrounds them.

Enters: a group. Leaves: a spec whose body is one `Grid`.
Invariants: a row that fits one program is computed in one go, every value of it once (`Span`). A longer row is computed in passes
(`compiler.ir.schedule_passes.levels`), a `Tile` loop for each; what a later pass needs of a row is computed again, never kept in memory, so
no element is read after the program that owns it has overwritten it (the memory plan counts on it).

Before/after (softmax over rows of 384):
    grid per; span r < 384: m = reduce max x; e = exp(x - m); s = reduce sum e; store e / s
"""

from __future__ import annotations

from collections.abc import Sequence

from compiler.codegen.common.arguments import Arguments, size_symbols
from compiler.codegen.common.builder import Builder
from compiler.codegen.common.member_values import MemberValues
from compiler.codegen.common.tasks import positions
from compiler.codegen.triton.blocks import Blocks, choose
from compiler.codegen.triton.reductions import LoopedReductions, SpanReductions, register_type
from compiler.ir.expr import Expr, mul_all, sym
from compiler.ir.kernel import Grid, GridAxis, KernelSpec, Span, Store, Tile
from compiler.ir.loop import Reduction, loop_var, reduction_var
from compiler.ir.schedule import FULL, REDUCE, KernelGroup, Member, Schedule
from compiler.ir.schedule_passes import levels

__all__ = ["BlockKernel", "register_type"]


class BlockKernel:
    """One group being turned into a spec."""

    def __init__(self, schedule: Schedule, group: KernelGroup) -> None:
        self.group, self.blocks = group, choose(group)
        self.members = {m.name: m for m in group.members}
        self.builder = Builder()
        self.arguments = Arguments(schedule, group)
        self.values = MemberValues(
            self.builder, self.arguments, self.members, {n.name: n.layout.dtype for n in group.nodes}
        )
        self.values.provide = self._provide
        self.extent = {loop_var(k, e): e for k, e in enumerate(group.outer)}
        self.extent.update((reduction_var(k, e), e) for k, e in enumerate(group.inner))
        self.position = axis_symbol("r", mul_all(group.inner))
        self.results: dict[str, str] = {}
        shape = SpanReductions if self.blocks.persistent else LoopedReductions
        nodes = {n.name: n for n in group.nodes if isinstance(n, Reduction)}
        self.reductions = shape(self.builder, self.values, nodes, self.position)

    def spec(self) -> KernelSpec:
        axes = grid_axes(self.blocks, self.extent)
        self.builder.open([a.symbol for a in axes])
        for axis, variables in zip(axes, self.blocks.axes, strict=True):
            self._decode(axis.symbol, variables)
        if not self.blocks.reduced:
            self._members(list(self.members.values()))
        elif self.blocks.persistent:
            self._span()
        else:
            self._passes()
        kind = ("per" if self.blocks.persistent else "red") if self.blocks.reduced else "poi"
        grid = Grid(kind, axes, self.blocks.num_warps, self.builder.close())
        return finished(self.group, self.arguments, self.values, grid)

    def _decode(self, symbol: Expr, variables: Sequence[Expr]) -> None:
        """Defines the variables from a position among all their points."""
        for variable, value in zip(
            variables, positions(symbol, [self.extent[v] for v in variables]), strict=True
        ):
            self.builder.define(variable, value)

    def _store(self, m: Member, value: str) -> None:
        if m.name not in self.group.local:
            self.builder.add_late(Store(self.arguments.write(m.name), self.builder.index(m.store), value))

    def _members(self, members: Sequence[Member]) -> None:
        """All values at this point, in order."""
        for m in members:
            self.results[m.name] = self.reductions.whole(m) if m.role == REDUCE else self.values.value(m.name)
            self._store(m, self.results[m.name])

    def _span(self) -> None:
        self.builder.declare(str(self.position), self.reductions.position_type())
        self.builder.add(Span(self.position, mul_all(self.group.inner), self.blocks.reduced_size))
        self._decode(self.position, self.blocks.reduced)
        self._members(list(self.members.values()))

    def _passes(self) -> None:
        level = levels(self.members)
        for now in range(max(level.values()) + 1):
            current = [m for m in self.members.values() if level[m.name] == now]
            self._members([m for m in current if m.role not in (FULL, REDUCE)])
            reductions = [m for m in current if m.role == REDUCE]
            written = [m for m in current if m.role == FULL and m.name not in self.group.local]
            if reductions or written:
                self._pass(reductions, written)

    def _pass(self, reductions: Sequence[Member], written: Sequence[Member]) -> None:
        """One loop over the row."""
        assert isinstance(self.reductions, LoopedReductions)
        for m in reductions:
            self.reductions.start(m)
        self.builder.open([self.position])
        self._decode(self.position, self.blocks.reduced)
        for m in written:
            self._store(m, self.values.value(m.name))
        for m in reductions:
            self.reductions.step(m)
        body = self.builder.close()
        self.builder.add(Tile(self.position, mul_all(self.group.inner), self.blocks.reduced_size, body))
        for m in reductions:
            self.results[m.name] = self.reductions.finish(m)
            self._store(m, self.results[m.name])

    def _provide(self, name: str) -> str:
        """A member's value where another one reads it."""
        if name in self.results:
            return self.results[name]
        return self.values.value(name)


def axis_symbol(name: str, extent: Expr) -> Expr:
    """The position along an axis."""
    return sym(name, 0, None if extent.hi is None else max(extent.hi - 1, 0))


def grid_axes(blocks: Blocks, extent: dict[Expr, Expr]) -> tuple[GridAxis, ...]:
    """The axes of the launch: x alone, or y around x."""
    names = ("x",) if len(blocks.axes) == 1 else ("y", "x")
    axes = []
    for name, variables, size in zip(names, blocks.axes, blocks.sizes, strict=True):
        total = mul_all(extent[v] for v in variables)
        axes.append(GridAxis(axis_symbol(name, total), total, size))
    return tuple(axes)


def finished(group: KernelGroup, arguments: Arguments, values: MemberValues, grid: Grid) -> KernelSpec:
    """The spec around a grid."""
    return KernelSpec(
        name=group.name,
        function=function_name(group, grid.kind),
        arguments=arguments.all(),
        sizes=size_symbols([grid]),
        body=(grid,),
        origins=group.origins,
        can_fail=values.can_fail,
    )


def function_name(group: KernelGroup, kind: str) -> str:
    """`triton_poi_fused_sin_0` of group triton_fused_sin_0."""
    return group.name.replace("triton_", f"triton_{kind}_", 1)
