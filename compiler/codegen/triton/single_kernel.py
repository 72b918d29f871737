"""Builds the KernelSpecs of nodes that take no company, for a GPU: scans and scatters.

Enters: a `loops` group of one member with role `single`. Leaves: its specs, launched one after the other.
Invariants: a scan's lines are spread over programs and the scanned dim is the reduced axis; a line too long for one program is scanned
in tiles with a carry. A scatter first copies its base in a launch of its own, unless it overwrites the base's memory in place; additions
are atomic; where two values are stored to one place, either may stay, as in eager PyTorch on a GPU.
"""

from __future__ import annotations

from compiler.codegen.common.arguments import Arguments
from compiler.codegen.common.builder import Builder
from compiler.codegen.common.loop_nest import register_type
from compiler.codegen.common.member_values import MemberValues
from compiler.codegen.common.tasks import positions
from compiler.codegen.triton.block_kernel import axis_symbol, finished, grid_axes
from compiler.codegen.triton.blocks import Blocks, across_columns, along_rows, pointwise
from compiler.ir.expr import Expr, mul_all
from compiler.ir.kernel import Accumulate, Accumulator, AtomicAdd, Grid, KernelSpec, Span, Store, Tile
from compiler.ir.loop import Node, Scan, Scatter, TensorRef, loop_var
from compiler.ir.schedule import KernelGroup, Schedule
from compiler.support.diagnostics import InternalError, UserError

# Types that a GPU adds to atomically.
ATOMIC_TYPES = ("float32", "float64", "float16", "bfloat16", "int32", "int64")


def single_specs(schedule: Schedule, group: KernelGroup) -> list[KernelSpec]:
    """The launches of a scan or scatter."""
    node = group.nodes[0]
    if isinstance(node, Scan):
        return [_Single(schedule, group, node.ranges).scan(node)]
    if isinstance(node, Scatter):
        scatter = _Single(schedule, group, node.ranges).scatter(node)
        if node.name in schedule.reuse:
            return [scatter]
        return [copy_spec(schedule, group, node.base, node), scatter]
    raise InternalError(f"codegen: {group.name}: no kernel for a node of type {type(node).__name__}")


def copy_spec(schedule: Schedule, group: KernelGroup, base: TensorRef, node: Node) -> KernelSpec:
    """The launch that puts `base` into the new buffer of `node`, before the one that changes parts of it."""
    return _Single(schedule, group, node.layout.size).copy(base, node)


class _Single:
    """What all need: loops over `extents`, a builder, arguments, values."""

    def __init__(self, schedule: Schedule, group: KernelGroup, extents: tuple[Expr, ...]) -> None:
        self.group = group
        self.variables = tuple(loop_var(k, e) for k, e in enumerate(extents))
        self.extent = dict(zip(self.variables, extents, strict=True))
        self.builder = Builder()
        self.arguments = Arguments(schedule, group)
        self.values = MemberValues(self.builder, self.arguments, {}, {})

    def _open(self, blocks: Blocks) -> Grid:
        """Enters the launch; its grid, without a body."""
        axes = grid_axes(blocks, self.extent)
        self.builder.open([a.symbol for a in axes])
        for axis, variables in zip(axes, blocks.axes, strict=True):
            extents = [self.extent[v] for v in variables]
            for variable, value in zip(variables, positions(axis.symbol, extents), strict=True):
                self.builder.define(variable, value)
        return Grid("poi", axes, blocks.num_warps, ())

    def _finish(self, grid: Grid, kind: str) -> KernelSpec:
        grid = Grid(kind, grid.axes, grid.num_warps, self.builder.close())
        return finished(self.group, self.arguments, self.values, grid)

    def copy(self, base: TensorRef, node: Node) -> KernelSpec:
        """The base, in the memory order of the new buffer."""
        grid = self._open(pointwise((self.variables,), mul_all(self.extent.values())))
        read = self.builder.index(base.layout.index(self.variables))
        source = self.arguments.read(base.buffer)
        value = self.builder.compute(node.layout.dtype, "load", (), (source, read))
        index = self.builder.index(node.layout.index(self.variables))
        self.builder.add_late(Store(self.arguments.write(node.name), index, value))
        return self._finish(grid, "copy")

    def scatter(self, node: Scatter) -> KernelSpec:
        dtype = node.layout.dtype
        if node.mode == "add" and dtype.name not in ATOMIC_TYPES:
            raise UserError(
                f"{node.origins[0]}: adding to indexed places of {dtype} has no atomic form on a GPU; "
                f"supported: {', '.join(ATOMIC_TYPES)}"
            )
        if node.mode not in ("store", "add"):
            raise UserError(
                f"{node.origins[0]}: combining indexed places by {node.mode} has no form on a GPU yet; compile the model for the CPU"
            )
        grid = self._open(pointwise((self.variables,), mul_all(self.extent.values())))
        value = self.values.as_type(self.values.body(node.body)[0], register_type(dtype))
        index = self.builder.index(node.index.subst(self.values.indirect_symbols))
        statement = AtomicAdd if node.mode == "add" else Store
        self.builder.add_late(statement(self.arguments.write(node.name), index, value))
        return self._finish(grid, "poi")

    def scan(self, node: Scan) -> KernelSpec:
        along = self.variables[node.dim]
        lines = tuple(v for v in self.variables if v is not along)
        rows = mul_all(self.extent[v] for v in lines)
        choose = along_rows if node.dim == len(self.variables) - 1 else across_columns
        blocks = choose(lines, (along,), rows, self.extent[along])
        position = axis_symbol("r", self.extent[along])
        grid = self._open(blocks)
        if blocks.persistent:
            self.builder.add(Span(position, self.extent[along], blocks.reduced_size))
            self.builder.define(along, position)
            self._scan(node, None)
            return self._finish(grid, "per")
        dtype = register_type(node.acc_dtype)
        carry = self.builder.fresh("acc")
        self.builder.add(Accumulator(carry, dtype, node.kind))
        self.builder.open([position])
        self.builder.declare(carry, dtype)
        self.builder.define(along, position)
        self._scan(node, carry)
        tile = Tile(position, self.extent[along], blocks.reduced_size, self.builder.close())
        self.builder.add(tile)
        return self._finish(grid, "red")

    def _scan(self, node: Scan, carry: str | None) -> None:
        """One block of the line, continued from the blocks before it."""
        dtype, kind = register_type(node.acc_dtype), node.kind
        value = self.values.as_type(self.values.body(node.body)[0], dtype)
        scanned = self.builder.compute(dtype, "scan", (value,), (kind,))
        if carry is not None:
            scanned = self.builder.compute(dtype, "combine", (carry, scanned), (kind,))
            total = self.builder.compute(dtype, "reduce", (value,), (kind,))
            after = self.builder.compute(dtype, "combine", (carry, total), (kind,))
            self.builder.add_late(Accumulate(carry, "set", after))
        result = self.values.as_type(scanned, node.layout.dtype)
        index = self.builder.index(self.group.members[0].store)
        self.builder.add(Store(self.arguments.write(node.name), index, result))
