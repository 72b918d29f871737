"""Builds the KernelSpecs of nodes that take no company: scans and scatters, in the node's own loops.

Enters: a `loops` group of one member with role `single`. Leaves: a spec.
Invariants: a scan runs along its dim in order, one accumulator for each line; lines are tasks, and where the scanned dim is not the
last one the last one is vectorised (the accumulators are an array over a tile of it). A scatter first copies its base, unless it
overwrites the base's memory in place, then stores in the order of its loops: of two values for one place the last one stays.

Before/after (cumsum over dim 0 of [128, 384]): tasks are tiles of 64 columns; for i0: for i1 in the tile: acc[i1] += x; y = acc[i1]
"""

from __future__ import annotations

from compiler.codegen.common.arguments import Arguments, size_symbols
from compiler.codegen.common.axes import COLUMN_TILE
from compiler.codegen.common.builder import Builder
from compiler.codegen.common.grain import grain_of
from compiler.codegen.common.loop_nest import register_type
from compiler.codegen.common.member_values import MemberValues, tile_symbol
from compiler.codegen.common.tasks import positions
from compiler.ir.expr import Expr, IntLike, const, minimum, mul_all, typical
from compiler.ir.kernel import Accumulate, Accumulator, KernelSpec, Local, Loop, Parallel, Statement, Store
from compiler.ir.loop import Layout, Scan, Scatter, loop_var
from compiler.ir.schedule import KernelGroup, Schedule
from compiler.support.diagnostics import InternalError


def single_spec(schedule: Schedule, group: KernelGroup, grain_bytes: int) -> KernelSpec:
    """The spec of a scan or scatter."""
    node = group.nodes[0]
    if isinstance(node, Scan):
        return _ScanKernel(schedule, group, grain_bytes).spec(node)
    if isinstance(node, Scatter):
        return _ScatterKernel(schedule, group, grain_bytes).spec(node)
    raise InternalError(f"codegen: {group.name}: no loops for a node of type {type(node).__name__}")


class _Single:
    """What both need: a builder, arguments, and the member's values."""

    def __init__(self, schedule: Schedule, group: KernelGroup, grain_bytes: int) -> None:
        self.schedule, self.group, self.grain_bytes = schedule, group, grain_bytes
        self.member = group.members[0]
        self.builder = Builder()
        self.arguments = Arguments(schedule, group)
        self.values = MemberValues(self.builder, self.arguments, {}, {})

    def finished(self, body: tuple[Statement, ...]) -> KernelSpec:
        name = self.group.name
        return KernelSpec(
            name,
            name,
            self.arguments.all(),
            size_symbols(body),
            body,
            self.group.origins,
            self.values.can_fail,
        )

    def decode(self, symbol: Expr, variables: list[Expr], extents: list[Expr]) -> None:
        """Defines the variables from a task's number, the last one fastest."""
        for variable, value in zip(variables, positions(symbol, extents), strict=True):
            self.builder.define(variable, value)

    def grain(self, tasks: Expr) -> IntLike:
        return grain_of(self.group, {self.member.name: self.member}, tasks, self.grain_bytes)


class _ScanKernel(_Single):
    def spec(self, node: Scan) -> KernelSpec:
        variables = [loop_var(k, e) for k, e in enumerate(node.ranges)]
        last = len(variables) - 1
        along = variables[node.dim]
        column = variables[last] if node.dim != last else None
        lines = [v for v in variables if v is not along and v is not column]
        extent = dict(zip(variables, node.ranges, strict=True))
        extents = [extent[v] for v in lines]
        start = const(0)
        decoded = list(lines)
        if column is not None:
            start = tile_symbol("start", extent[column])
            extents.append((extent[column] + (COLUMN_TILE - 1)) // COLUMN_TILE)
            decoded.append(tile_symbol("tile", extents[-1]))
        tasks = mul_all(extents)
        symbol = tile_symbol("task", tasks)
        self.builder.open([symbol])
        self.decode(symbol, decoded, extents)
        if column is None:
            self._line(node, along, extent[along])
            return self.finished((Parallel(symbol, tasks, self.grain(tasks), False, self.builder.close()),))
        self.builder.define(start, decoded[-1] * COLUMN_TILE)
        array = Local("acc0", register_type(node.acc_dtype), COLUMN_TILE)
        self._columns(node, array, along, column, extent, start)
        body = (array, *self.builder.close())
        return self.finished((Parallel(symbol, tasks, self.grain(tasks), False, body),))

    def _value(self, node: Scan) -> str:
        value = self.values.body(node.body)[0]
        return self.values.as_type(value, register_type(node.acc_dtype))

    def _store(self, node: Scan, value: str) -> None:
        target = self.arguments.write(node.name)
        value = self.values.as_type(value, node.layout.dtype)
        self.builder.add(Store(target, self.builder.index(self.member.store), value))

    def _line(self, node: Scan, along: Expr, extent: Expr) -> None:
        dtype = register_type(node.acc_dtype)
        self.builder.add(Accumulator("acc0", dtype, node.kind))
        self.builder.open([along])
        self.builder.add(Accumulate("acc0", node.kind, self._value(node)))
        self.builder.declare("acc0", dtype)
        self._store(node, "acc0")
        statements = self.builder.close()
        self.builder.add(Loop(along, const(0), extent, "serial", statements))

    def _columns(
        self, node: Scan, array: Local, along: Expr, column: Expr, extent: dict[Expr, Expr], start: Expr
    ) -> None:
        end = minimum(start + COLUMN_TILE, extent[column])
        self.builder.open([column])
        neutral = self.builder.compute(array.dtype, "neutral", (), (node.kind,))
        self.builder.add(Store(array.name, column - start, neutral))
        statements = self.builder.close()
        self.builder.add(Loop(column, start, end, "vector", statements))
        self.builder.open([along])
        self.builder.open([column])
        before = self.builder.compute(array.dtype, "load", (), (array.name, column - start))
        after = self.builder.compute(array.dtype, "combine", (before, self._value(node)), (node.kind,))
        self.builder.add(Store(array.name, column - start, after))
        self._store(node, after)
        statements = self.builder.close()
        self.builder.add(Loop(column, start, end, "vector", statements))
        statements = self.builder.close()
        self.builder.add(Loop(along, const(0), extent[along], "serial", statements))


class _ScatterKernel(_Single):
    def spec(self, node: Scatter) -> KernelSpec:
        parts: list[Statement] = []
        if self.schedule.reuse.get(node.name) != self.schedule.storage(node.base.buffer):
            parts.append(self._copy(node))
        parts.append(self._scatter(node))
        return self.finished(tuple(parts))

    def _copy(self, node: Scatter) -> Parallel:
        """The base, in the memory order of the new buffer."""
        source, target = node.base.layout, node.layout
        flat = _flat_copy(source, target)
        extents = [flat] if flat is not None else list(target.size)
        variables = [loop_var(k, e) for k, e in enumerate(extents)] or [tile_symbol("task", const(1))]
        total = mul_all(extents)
        if len(variables) == 1:
            self.builder.open(variables)
        else:
            symbol = tile_symbol("task", mul_all(extents[:-1]))
            self.builder.open([symbol])
            self.decode(symbol, variables[:-1], extents[:-1])
            self.builder.open(variables[-1:])
        read = (
            variables[0] + source.offset if flat is not None else source.index(variables[: len(target.size)])
        )
        write = (
            variables[0] + target.offset if flat is not None else target.index(variables[: len(target.size)])
        )
        value = self.builder.compute(
            target.dtype, "load", (), (self.arguments.read(node.base.buffer), self.builder.index(read))
        )
        self.builder.add(Store(self.arguments.write(node.name), self.builder.index(write), value))
        body = self.builder.close()
        grain = max(1, self.grain_bytes // (2 * target.dtype.size_bytes))
        if len(variables) == 1:
            return Parallel(variables[0], total, grain, True, body)
        self.builder.add(Loop(variables[-1], const(0), extents[-1], "vector", body))
        return Parallel(
            symbol,
            mul_all(extents[:-1]),
            max(1, grain // max(1, typical(extents[-1]))),
            False,
            self.builder.close(),
        )

    def _scatter(self, node: Scatter) -> Parallel:
        """All loops in order within one task: two iterations may name the same place."""
        variables = [loop_var(k, e) for k, e in enumerate(node.ranges)]
        self.builder.open([tile_symbol("task", const(1))])
        for v in variables:
            self.builder.open([v])
        value = self.values.as_type(self.values.body(node.body)[0], node.layout.dtype)
        index = self.builder.index(node.index.subst(self.values.indirect_symbols))
        target = self.arguments.write(node.name)
        if node.mode != "store":
            before = self.builder.compute(node.layout.dtype, "load", (), (target, index))
            value = self.builder.compute(node.layout.dtype, node.mode, (before, value))
        self.builder.add(Store(target, index, value))
        distinct = bool(variables) and node.index.coefficient(variables[-1]) == 1
        for v, e in zip(reversed(variables), reversed(node.ranges), strict=True):
            statements = self.builder.close()
            kind = "vector" if distinct and v is variables[-1] else "serial"
            self.builder.add(Loop(v, const(0), e, kind, statements))
        return Parallel(tile_symbol("task", const(1)), const(1), 1, False, self.builder.close())


def _flat_copy(source: Layout, target: Layout) -> Expr | None:
    """The number of elements where both are contiguous, so that one loop copies everything."""
    return target.numel() if source.is_contiguous() and target.is_contiguous() else None
