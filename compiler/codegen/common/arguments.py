"""The arguments of a kernel: which buffers it touches, under which pointer names, and the size symbols that it needs.

Invariants: a buffer has one pointer; a buffer that takes over the memory of a dying input shares that input's pointer (`in_out_ptr`), so a
compiler sees that reading and writing one element is one address.
"""

from __future__ import annotations

from collections.abc import Iterable

from compiler.ir.expr import Expr, as_expr
from compiler.ir.kernel import (
    Argument,
    AtomicAdd,
    Compute,
    Define,
    Grid,
    Loop,
    Parallel,
    Pointer,
    Span,
    Statement,
    Store,
    TemplateCall,
    Tile,
    UserCall,
)
from compiler.ir.loop import Layout
from compiler.ir.schedule import KernelGroup, Schedule


class Arguments:
    """Hands out pointer names while a kernel is being built."""

    def __init__(self, schedule: Schedule, group: KernelGroup) -> None:
        self._layouts = schedule.layouts
        self._storage = schedule.storage
        self._weights = {c.name for c in schedule.program.constants} - schedule.program.mutated()
        self._shared = {schedule.reuse[n.name]: n.name for n in group.nodes if n.name in schedule.reuse}
        self._names: dict[tuple[str, object], str] = {}
        self._found: dict[str, list[Argument]] = {"in": [], "inout": [], "out": []}
        for node in group.nodes:
            if node.name in schedule.reuse:
                self._make(node.name, "inout", "in_out_ptr", node.layout)

    def _make(self, buffer: str, direction: str, prefix: str, layout: Layout) -> str:
        name = f"{prefix}{len(self._found[direction])}"
        self._found[direction].append(Argument(name, buffer, layout.dtype, direction, layout))
        self._names[buffer, layout.dtype] = name
        return name

    def read(self, buffer: str) -> str:
        """The pointer to load from."""
        layout = self._layouts[buffer]
        buffer = self._shared.get(self._storage(buffer), buffer)
        key = (buffer, layout.dtype)
        return self._names.get(key) or self._make(buffer, "in", "in_ptr", layout)

    def write(self, buffer: str) -> str:
        """The pointer to store to."""
        layout = self._layouts[buffer]
        return self._names.get((buffer, layout.dtype)) or self._make(buffer, "out", "out_ptr", layout)

    def is_weight(self, buffer: str) -> bool:
        """Whether no kernel ever writes this memory."""
        return self._storage(buffer) in self._weights

    def all(self) -> tuple[Argument, ...]:
        """Inputs, then in-place buffers, then outputs."""
        return tuple(a for direction in ("in", "inout", "out") for a in self._found[direction])


def size_symbols(body: Iterable[Statement]) -> tuple[Expr, ...]:
    """Symbols that the statements use and do not define: sizes known at run time, which the caller passes."""
    used: dict[Expr, None] = {}
    made: set[Expr] = set()
    pending = list(body)
    while pending:
        s = pending.pop()
        if isinstance(s, (Loop, Parallel, Define, Span, Tile)):
            made.add(s.symbol)
        if isinstance(s, Grid):
            made.update(a.symbol for a in s.axes)
        if isinstance(s, TemplateCall):
            made.update((s.batch, s.m, s.n))
            pending += [*s.row, *s.column]
        if isinstance(s, (Loop, Parallel, Grid, Tile)):
            pending += s.body
        for e in _expressions(s):
            used.update(dict.fromkeys(e.symbols()))
        if isinstance(s, Compute) and s.opcode == "indirect":
            made.add(s.attrs[0])  # type: ignore[arg-type]
    return tuple(sorted((e for e in used if e not in made), key=str))


def _expressions(s: Statement) -> list[Expr]:
    if isinstance(s, Compute):
        return [a for a in s.attrs if isinstance(a, Expr)]
    if isinstance(s, (Store, AtomicAdd)):
        return [s.index]
    if isinstance(s, Grid):
        return [a.extent for a in s.axes]
    if isinstance(s, Define):
        return [s.value]
    if isinstance(s, Loop):
        return [s.begin, s.end]
    if isinstance(s, Parallel):
        return [s.extent, as_expr(s.grain)]
    if isinstance(s, (Span, Tile)):
        return [s.extent]
    if isinstance(s, UserCall):
        values = [a.value.offset if isinstance(a.value, Pointer) else a.value for a in s.arguments]
        return [x for x in (*values, *s.grid) if isinstance(x, Expr)]
    if isinstance(s, TemplateCall):
        flat = [x for a in s.arguments for x in (a if isinstance(a, tuple) else (a,))]
        launch = (*s.launch.grid, s.launch.rows, s.launch.columns) if s.launch else ()
        maps = [e for m in (s.launch.maps if s.launch else ()) for e in (*m.sizes, *m.strides)]
        return [x for x in (*flat, *launch, *maps) if isinstance(x, Expr)]
    return []
