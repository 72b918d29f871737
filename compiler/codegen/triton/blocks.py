"""Which loops of a group make up the axes of a launch, how large blocks are, and how many warps a program has.

Enters: a `loops` group. Leaves: `Blocks`. Sizes are powers of two. The choices, in numbers of one H100-class GPU:
- enough programs for all multiprocessors twice over before blocks grow;
- 16 bytes per thread and access where memory is contiguous: the last axis is the one in which most accesses move by one element;
- a row that fits the registers of one program is read once (`persistent`); a longer one is read in tiles.

Before/after: transposed copy of [1024, 768] (loads contiguous along i1, stores along i0 of out [768, 1024]):
    axes ((i0,), (i1,))  sizes (32, 32)  warps 4     the block turns in shared memory, both sides coalesced
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from compiler.ir.expr import Expr, mul_all
from compiler.ir.loop import loop_var, reduction_var
from compiler.ir.loop_bodies import load_index
from compiler.ir.schedule import KernelGroup

# Programs that fill the largest GPU twice over.
ENOUGH_PROGRAMS = 2 * 132
POINTWISE_BLOCK = 1024
TRANSPOSE_BLOCK = 32
# Elements of a row that one program keeps in registers, over all its values.
PERSISTENT_ROW = 8192
LOOPED_ROW = 4096
LONG_ROW = 2048
# Elements of one program's block in a reduction of short rows, and in one across contiguous memory.
ROWS_BLOCK = 2048
COLUMNS_BLOCK = 2048
LARGEST_COLUMNS, FEWEST_COLUMNS = 64, 16
ELEMENTS_PER_THREAD = 8
MAX_WARPS = 16


@dataclass(frozen=True)
class Blocks:
    axes: tuple[tuple[Expr, ...], ...]  # loop variables of each axis, outermost first
    sizes: tuple[int, ...]  # of each axis' block
    num_warps: int
    reduced: tuple[Expr, ...] = ()  # reduced variables
    reduced_size: int = 0  # of the block along them; at least their extent when persistent
    persistent: bool = False


def choose(group: KernelGroup) -> Blocks:
    """The blocks of a loops group."""
    outer = tuple(loop_var(k, e) for k, e in enumerate(group.outer))
    inner = tuple(reduction_var(k, e) for k, e in enumerate(group.inner))
    if not inner:
        return _transposing(group, outer) or pointwise((outer,), mul_all(group.outer))
    columns = bool(outer) and _contiguous(group, outer[-1]) > _contiguous(group, inner[-1])
    shape = across_columns if columns else along_rows
    return shape(outer, inner, mul_all(group.outer), mul_all(group.inner))


def pointwise(axes: tuple[tuple[Expr, ...], ...], points: Expr) -> Blocks:
    """One axis over all points."""
    wanted = _upper(points) // ENOUGH_PROGRAMS
    size = min(POINTWISE_BLOCK, max(128, power_of_two(wanted)))
    return Blocks(axes, (size,), warps(size))


def _transposing(group: KernelGroup, outer: tuple[Expr, ...]) -> Blocks | None:
    """Two axes where loads are contiguous along another loop than the stores."""
    inside = {m.name for m in group.members}
    loads = [load_index(op) for m in group.members for op in m.body.loads() if op.buffer not in inside]
    for across in reversed(outer[:-1]):
        crossing = [e for e in loads if e.coefficient(across) == 1 and e.coefficient(outer[-1]) not in (0, 1)]
        if crossing:
            rest = tuple(v for v in outer if v is not across)
            extents = [_upper(across + 1), _upper(mul_all(v + 1 for v in rest))]
            sizes = [min(TRANSPOSE_BLOCK, power_of_two(e)) for e in extents]
            return Blocks(((across,), rest), (sizes[0], sizes[1]), warps(sizes[0] * sizes[1]))
    return None


def along_rows(outer: tuple[Expr, ...], inner: tuple[Expr, ...], results: Expr, reduced: Expr) -> Blocks:
    """Blocks for reductions whose rows are contiguous."""
    rows, points = _upper(results), reduced.hi
    if points is None or power_of_two(points) > PERSISTENT_ROW:
        return Blocks((outer,), (1,), warps(LOOPED_ROW), inner, LOOPED_ROW)
    width = power_of_two(max(points, 2))
    few = max(1, rows // ENOUGH_PROGRAMS)
    count = max(1, min(ROWS_BLOCK // width, 1 << (few.bit_length() - 1)))
    # Of a long row each thread takes twice as many elements: there are fewer lanes to reduce across.
    size = count * width if width < LONG_ROW else width // 2
    return Blocks((outer,), (count,), warps(size), inner, width, persistent=True)


def across_columns(outer: tuple[Expr, ...], inner: tuple[Expr, ...], results: Expr, reduced: Expr) -> Blocks:
    """Blocks for reductions across contiguous memory."""
    rows, points = _upper(results), reduced.hi
    size = min(LARGEST_COLUMNS, power_of_two(rows))
    while size > FEWEST_COLUMNS and -(-rows // size) < ENOUGH_PROGRAMS // 2:
        size //= 2
    height = COLUMNS_BLOCK // size
    if points is not None and power_of_two(points) <= height:
        height = power_of_two(max(points, 2))
        return Blocks((outer,), (size,), warps(size * height), inner, height, persistent=True)
    return Blocks((outer,), (size,), warps(size * height), inner, height)


def warps(elements: int) -> int:
    """Warps for a block of this many elements."""
    return max(1, min(MAX_WARPS, power_of_two(elements // (32 * ELEMENTS_PER_THREAD))))


def power_of_two(value: int) -> int:
    """The smallest one that is not below `value`."""
    return 1 << max(0, value - 1).bit_length()


def _upper(e: Expr) -> int:
    """The largest value, or a large one where there is no bound."""
    return e.hi if e.hi is not None else 1 << 30


def _contiguous(group: KernelGroup, variable: Expr) -> int:
    """How many memory accesses move by one element when the variable does."""
    inside = {m.name for m in group.members}
    accesses: Sequence[Expr] = [
        *(load_index(op) for m in group.members for op in m.body.loads() if op.buffer not in inside),
        *(m.store for m in group.members if m.name not in group.local),
    ]
    return sum(e.coefficient(variable) == 1 for e in accesses)
