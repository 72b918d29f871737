"""Which loops of a group run in parallel, which one is vectorised, and in which order.

Enters: a `loops` group. Leaves: a `Tiling`. Three shapes:

    pointwise   tasks over the first loops, the last loop (contiguous in what is written) vectorised
    rows        reductions along contiguous memory: tasks are rows, the last reduced loop is vectorised
    columns     reductions across contiguous memory: tasks are (outer, tile of columns), the reduced loops are serial around a
                vectorised loop over the columns of the tile; accumulators are small arrays

Before/after: mean over dim 1 of [1, 128, 384]: outer [384], inner [128], loads stride 1 in the outer loop -> columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from compiler.ir.expr import Expr, const, mul_all, typical
from compiler.ir.loop import loop_var, reduction_var
from compiler.ir.loop_bodies import load_index
from compiler.ir.schedule import KernelGroup

# Enough chunks for any sensible number of threads; more tasks than that only cost index arithmetic.
ENOUGH_TASKS = 256
# Columns of one tile: several registers wide, and its accumulators stay in the first-level cache.
COLUMN_TILE = 64
POINTWISE_TILE = 4096
# Columns of a tile whose rows are read across: that many cache lines are in use at once, and where the rows are a power of two apart
# they share few sets of the first-level cache.
TRANSPOSE_TILE = 16
# A last loop this short goes inside the vectorised loop: its iterations become interleaved stores.
SHORT = 4


@dataclass(frozen=True)
class Tiling:
    shape: str  # "pointwise", "rows", "columns"
    tasks: tuple[Expr, ...]  # variables of the parallel loop, outermost first
    serial: tuple[Expr, ...]  # outer variables of loops inside a task
    inner: tuple[Expr, ...]  # reduced variables, outermost first
    vector: Expr | None  # the vectorised variable; None where there is only one point
    tile: int  # > 0: the vectorised outer variable is cut in tiles of this size, which are tasks too
    short: Expr | None = None  # a loop of few iterations inside the vectorised one, to be unrolled there

    @property
    def whole_range(self) -> bool:
        """Whether the parallel loop itself is the vectorised one."""
        return (
            self.shape == "pointwise"
            and self.vector is not None
            and not (self.tasks or self.serial or self.tile)
        )


def choose(group: KernelGroup) -> Tiling:
    """The tiling of a loops group."""
    outer = tuple(loop_var(k, e) for k, e in enumerate(group.outer))
    inner = tuple(reduction_var(k, e) for k, e in enumerate(group.inner))
    if not inner:
        if not outer:
            return Tiling("pointwise", (), (), (), None, 0)
        return (
            _short_last(group, outer)
            or _transposing(group, outer)
            or _over_last("pointwise", group.outer, outer, inner, POINTWISE_TILE)
        )
    if outer and _contiguous_votes(group, outer[-1]) > _contiguous_votes(group, inner[-1]):
        return _over_last("columns", group.outer, outer, inner, COLUMN_TILE)
    tasks, serial = _split_tasks(group.outer, outer)
    return Tiling("rows", tasks, serial, inner, inner[-1], 0)


def _short_last(group: KernelGroup, outer: tuple[Expr, ...]) -> Tiling | None:
    """A last loop of a few iterations (the colours of a pixel) is unrolled inside the one around it."""
    last = group.outer[-1]
    if len(outer) < 2 or not last.is_const or last.value() > SHORT or typical(group.outer[-2]) < 8:
        return None
    around = _over_last("pointwise", group.outer[:-1], outer[:-1], (), POINTWISE_TILE)
    return replace(around, short=outer[-1])


def _transposing(group: KernelGroup, outer: tuple[Expr, ...]) -> Tiling | None:
    """Where most loads are contiguous along another loop than the stores: that loop goes just around a tile of columns."""
    loads = [
        load_index(op)
        for m in group.members
        for op in m.body.loads()
        if str(op.attrs[0]) not in {x.name for x in group.members}
    ]
    for across in reversed(outer[:-1]):
        crossing = sum(e.coefficient(across) == 1 and e.coefficient(outer[-1]) not in (0, 1) for e in loads)
        if 2 * crossing > len(loads):
            tile = TRANSPOSE_TILE if _exceeds(group.outer[-1], TRANSPOSE_TILE) else 0
            return Tiling(
                "pointwise", tuple(v for v in outer[:-1] if v is not across), (across,), (), outer[-1], tile
            )
    return None


def _over_last(
    shape: str, extents: Sequence[Expr], outer: tuple[Expr, ...], inner: tuple[Expr, ...], tile: int
) -> Tiling:
    before = mul_all(extents[:-1])
    last = extents[-1]
    needs_tiles = shape == "columns" or (len(outer) > 1 and typical(before) < ENOUGH_TASKS)
    tiled = needs_tiles and _exceeds(last, tile)
    if shape == "columns" or tiled:
        return Tiling(shape, outer[:-1], (), inner, outer[-1], tile if tiled else 0)
    tasks, serial = _split_tasks(extents[:-1], outer[:-1])
    return Tiling(shape, tasks, serial, inner, outer[-1], 0)


def _exceeds(extent: Expr, tile: int) -> bool:
    """Whether the extent is, or may be, larger than a tile."""
    return extent.hi is None or extent.hi > tile


def _split_tasks(
    extents: Sequence[Expr], variables: tuple[Expr, ...]
) -> tuple[tuple[Expr, ...], tuple[Expr, ...]]:
    """The fewest leading loops that give enough tasks, and the rest."""
    count = const(1)
    for k, e in enumerate(extents):
        if typical(count) >= ENOUGH_TASKS:
            return variables[:k], variables[k:]
        count = count * e
    return variables, ()


def _contiguous_votes(group: KernelGroup, variable: Expr) -> int:
    """How many memory accesses move by one element when the variable does."""
    inside = {m.name for m in group.members}
    accesses = [
        load_index(op) for m in group.members for op in m.body.loads() if str(op.attrs[0]) not in inside
    ]
    accesses += [m.store for m in group.members if m.name not in group.local]
    return sum(e.coefficient(variable) == 1 for e in accesses)
