"""The loops of one `loops` kernel: the parallel loop, the loops inside a task, the vectorised loop, and the arrays of a thread.

Enters: a group and its tiling. Leaves: statements, once the kernel's code has been emitted inside the nest.
Invariant: between `open` and `close` of the vectorised loop the builder's innermost scope is that loop's body.

    with tasks (i0, tile of i1):   task in [0, 12): i0 = task / 6; start = 64 * (task % 6); .. for i1 in [start, start + 64) ..
"""

from __future__ import annotations

from collections.abc import Callable

from compiler.codegen.common.axes import Tiling
from compiler.codegen.common.builder import Builder
from compiler.codegen.common.member_values import tile_symbol
from compiler.codegen.common.tasks import positions
from compiler.ir import dtypes
from compiler.ir.dtypes import DType
from compiler.ir.expr import Expr, IntLike, const, minimum, mul_all
from compiler.ir.kernel import Local, Loop, Parallel, Statement
from compiler.ir.loop import loop_var, reduction_var
from compiler.ir.schedule import KernelGroup

# Arrays of one kernel up to this size live on the stack, larger ones in the thread's scratch.
STACK_BYTES = 16 << 10


def register_type(dtype: DType) -> DType:
    """The type in which values are kept between loops: 16-bit floats are computed and kept as float32."""
    return dtypes.float32 if dtype.is_float and dtype.size_bytes == 2 else dtype


class LoopNest:
    """The nest of one kernel around its builder."""

    def __init__(self, group: KernelGroup, tiling: Tiling, builder: Builder) -> None:
        self.tiling, self.builder = tiling, builder
        self.extent = {loop_var(k, e): e for k, e in enumerate(group.outer)}
        self.extent.update((reduction_var(k, e), e) for k, e in enumerate(group.inner))
        self.start: Expr = const(0)  # first column of the tile
        self.locals: list[Local] = []

    def parallel(self, grain: Callable[[Expr], IntLike], body: Callable[[], None]) -> Parallel:
        """The whole kernel; `body` emits one task."""
        t = self.tiling
        if t.whole_range:
            assert t.vector is not None
            self.builder.open([t.vector])
            self._innermost(body)
            extent = self.extent[t.vector]
            return Parallel(t.vector, extent, grain(extent), True, self.builder.close())
        extents = [self.extent[v] for v in t.tasks]
        if t.tile:
            assert t.vector is not None
            extents.append((self.extent[t.vector] + (t.tile - 1)) // t.tile)
        tasks = mul_all(extents)
        symbol = t.tasks[0] if len(extents) == 1 and t.tasks else tile_symbol("task", tasks)
        self.builder.open([symbol])
        self._decode(symbol, extents)
        self.nest(t.serial, body)
        statements = self.builder.close()
        return Parallel(symbol, tasks, grain(tasks), False, (*self.place_arrays(), *statements))

    def _decode(self, symbol: Expr, extents: list[Expr]) -> None:
        """Defines the task's variables from its number."""
        values = positions(symbol, extents)
        if self.tiling.tile:
            assert self.tiling.vector is not None
            self.start = tile_symbol("start", self.extent[self.tiling.vector])
            self.builder.define(self.start, values.pop() * self.tiling.tile)
        for variable, value in zip(self.tiling.tasks, values, strict=True):
            self.builder.define(variable, value)

    def nest(self, variables: tuple[Expr, ...], body: Callable[[], None]) -> None:
        """Serial loops over the variables, `body` in the innermost one."""
        for v in variables:
            self.builder.open([v])
        body()
        for v in reversed(variables):
            statements = self.builder.close()
            self.builder.add(Loop(v, const(0), self.extent[v], "serial", statements))

    def vector_loop(self, body: Callable[[], None]) -> None:
        """The vectorised loop, over the tile's columns or all iterations."""
        t = self.tiling
        if t.vector is None:
            body()
            return
        self.builder.open([t.vector])
        self._innermost(body)
        statements = self.builder.close()
        begin, end = const(0), self.extent[t.vector]
        if t.tile:
            begin, stop = self.start, self.start + t.tile
            exact = end.is_const and end.value() % t.tile == 0
            end = stop if exact else minimum(stop, end)
        self.builder.add(Loop(t.vector, begin, end, "vector", statements))

    def _innermost(self, body: Callable[[], None]) -> None:
        """`body`, within the short loop where there is one."""
        short = self.tiling.short
        if short is None:
            body()
            return
        self.builder.open([short])
        body()
        statements = self.builder.close()
        self.builder.add(Loop(short, const(0), self.extent[short], "unrolled", statements))

    def over_inner(self, body: Callable[[], None]) -> None:
        """The reduced loops, and the vectorised one inside them."""
        inner = self.tiling.inner[:-1] if self.tiling.shape == "rows" else self.tiling.inner
        self.nest(inner, lambda: self.vector_loop(body))

    # Arrays of the thread.

    @property
    def column(self) -> Expr:
        """The position within the tile."""
        assert self.tiling.vector is not None
        return self.tiling.vector - self.start

    @property
    def columns(self) -> int:
        """Columns of one tile."""
        assert self.tiling.vector is not None
        return self.tiling.tile or int(self.extent[self.tiling.vector].hi or 0)

    def inner_position(self) -> Expr:
        """The number of the iteration among all reduced iterations."""
        position, stride = const(0), const(1)
        for v in reversed(self.tiling.inner):
            position, stride = position + v * stride, stride * self.extent[v]
        return position

    def row_position(self) -> Expr:
        """Where a point of the row (of the tile's rows) lies in a row buffer."""
        if self.tiling.shape == "rows":
            return self.inner_position()
        return self.inner_position() * self.columns + self.column

    def row_array(self, dtype: DType) -> str:
        """An array for one value at each point of a row (of each row of the tile)."""
        points = mul_all(self.extent[v] for v in self.tiling.inner).hi or 0
        return self.array("row", dtype, points * (self.columns if self.tiling.shape == "columns" else 1))

    def column_array(self, prefix: str, dtype: DType) -> str:
        return self.array(prefix, dtype, self.columns)

    def array(self, prefix: str, dtype: DType, numel: int) -> str:
        name = self.builder.fresh(prefix)
        self.locals.append(Local(name, register_type(dtype), numel))
        return name

    def place_arrays(self) -> list[Statement]:
        """Small arrays go to the stack, the others to scratch."""
        used = offset = 0
        for k, array in enumerate(self.locals):
            size = _aligned(array)
            if used + size <= STACK_BYTES:
                used += size
            else:
                self.locals[k] = Local(array.name, array.dtype, array.numel, offset)
                offset += size
        return list(self.locals)

    def scratch_bytes(self) -> int:
        return sum(_aligned(a) for a in self.locals if a.scratch_offset_bytes >= 0)


def _aligned(array: Local) -> int:
    return -(-array.numel * array.dtype.size_bytes // 64) * 64
