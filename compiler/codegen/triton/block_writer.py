"""Prints the statements of a `Grid` as Triton: blocks, masks, reductions.

Enters: statements, the axes around them. Leaves: indented lines. The writer knows along which axes each value varies, and from that
the mask of every access and the shape that a value must be broadcast to before it is reduced or stored.

Invariants: blocks are [X] for one axis, [Y, X] for two, [X, R] with a reduced axis; a lane outside an axis' extent never touches memory
and never enters a reduction.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from compiler.codegen.triton.index_text import index_text
from compiler.codegen.triton.scalar_text import (
    cast_text,
    combine_text,
    is_half,
    literal,
    memory_type,
    near_text,
    neutral_literal,
    scalar_text,
    value_type,
)
from compiler.ir import dtypes
from compiler.ir.dtypes import DType
from compiler.ir.expr import Expr
from compiler.ir.kernel import (
    Accumulate,
    Accumulator,
    AtomicAdd,
    Compute,
    Define,
    Grid,
    KernelSpec,
    Span,
    Statement,
    Store,
    TemplateCall,
    Tile,
)

REDUCED = "r"
# The finished tile of a template, which its epilogue gets as a block.
TILE = "acc"
# Types in which Triton reads a bare number as it is meant.
_PLAIN = (dtypes.float32, dtypes.int32, dtypes.bool_)
_INFIX = frozenset(("add", "sub", "mul", "eq", "ne", "lt", "le", "gt", "ge"))


class BlockWriter:
    """Lines so far, and what is known of each name."""

    def __init__(self, spec: KernelSpec, axes: Sequence[str], wide: bool) -> None:
        self.lines: list[str] = []
        self.indent = 1
        self.wide = wide
        self.axes = list(axes)  # in the order of a block's dims
        self.masks: dict[str, str] = {}  # axis -> the name of its mask, where it needs one
        self.varies: dict[str, frozenset[str]] = {a: frozenset([a]) for a in self.axes}
        self.dtype: dict[str, DType] = {a.name: a.dtype for a in spec.arguments}
        self.constants: dict[str, Compute] = {}
        self.aliases: dict[str, str] = {}  # values that are another one in registers
        floats = [a.dtype for a in spec.arguments if a.dtype.is_float]
        self.near = bool(floats) and all(is_half(d) for d in floats)
        self.summed = _summed_with_one(spec.body) if self.near else frozenset()
        self.blocks: set[str] = set()  # accumulators whose lanes are not reduced yet

    # Lines and axes.

    def line(self, text: str) -> None:
        self.lines.append("    " * self.indent + text)

    def lanes(self, axis: str, block: str) -> str:
        """`tl.arange` along the axis, shaped to be combined with the others."""
        if len(self.axes) == 1:
            return f"tl.arange(0, {block})"
        return f"tl.arange(0, {block})" + ("[:, None]" if self.axes.index(axis) == 0 else "[None, :]")

    def mask(self, axis: str, extent: Expr, block: int) -> None:
        """The mask of an axis, unless blocks fill it exactly."""
        if extent.is_const and extent.value() % block == 0 and extent.value() > 0:
            self.masks.pop(axis, None)
            return
        self.masks[axis] = f"{axis}mask"
        self.line(f"{axis}mask = {axis} < {index_text(extent)}")

    def _axes_of(self, names: Iterable[str]) -> frozenset[str]:
        return frozenset(a for n in names for a in self.varies.get(n, ()))

    def _axes_of_index(self, e: Expr) -> frozenset[str]:
        return self._axes_of(str(s) for s in e.symbols())

    def _mask_of(self, axes: Iterable[str]) -> list[str]:
        """The masks of these axes, in order."""
        chosen = set(axes)
        return [self.masks[a] for a in self.axes if a in chosen and a in self.masks]

    def _shape(self, axes: Iterable[str]) -> str:
        chosen = set(axes)
        return "[" + ", ".join(f"{a.upper()}BLOCK" if a in chosen else "1" for a in self.axes) + "]"

    # Statements.

    def statements(self, statements: Sequence[Statement]) -> None:
        for s in statements:
            if isinstance(s, Compute):
                self._compute(s)
            elif isinstance(s, (Store, AtomicAdd)):
                self._store(s)
            elif isinstance(s, Define):
                self.varies[str(s.symbol)] = self._axes_of_index(s.value)
                self.line(f"{s.symbol} = {index_text(s.value)}")
            elif isinstance(s, Accumulator):
                self._accumulator(s)
            elif isinstance(s, Accumulate):
                self._accumulate(s)
            elif isinstance(s, Span):
                self.line(
                    f"{s.symbol} = {self.lanes(REDUCED, 'RBLOCK')}{'.to(tl.int64)' if self.wide else ''}"
                )
                self.mask(REDUCED, s.extent, s.block)
            elif isinstance(s, Tile):
                self._tile(s)

    def _tile(self, s: Tile) -> None:
        wide = ".to(tl.int64)" if self.wide else ""
        self.line(f"for start in range(0, {index_text(s.extent)}, RBLOCK):")
        self.indent += 1
        self.line(f"{s.symbol} = start + {self.lanes(REDUCED, 'RBLOCK')}{wide}")
        self.mask(REDUCED, s.extent, s.block)
        self.statements(s.body)
        self.indent -= 1
        self.masks.pop(REDUCED, None)

    def _value(self, name: str, plain: bool = True) -> str:
        """The text of an operand; a constant is typed where Triton would take it for another type."""
        c = self.constants.get(name)
        if c is None:
            return self.aliases.get(name, name)
        text = (
            neutral_literal(str(c.attrs[0]), c.dtype)
            if c.opcode == "neutral"
            else literal(c.attrs[0], c.dtype)
        )
        return text if plain else f"tl.full([], {text}, {value_type(c.dtype)})"

    def _compute(self, s: Compute) -> None:
        self.dtype[s.name] = s.dtype
        if s.opcode in ("constant", "neutral"):
            self.constants[s.name] = s
            return
        if s.opcode == "cast" and s.dtype == dtypes.float32 and is_half(self.dtype[s.args[0]]):
            self.aliases[s.name] = self._value(s.args[0])  # kept as float32 already
            self.varies[s.name] = self._axes_of(s.args)
        elif s.opcode == "load":
            self._load(s)
        elif s.opcode == "indirect":
            self._indirect(s)
        elif s.opcode == "index":
            assert isinstance(s.attrs[0], Expr)
            self._index(s, s.attrs[0])
        elif s.opcode in ("reduce", "scan"):
            self._across(s)
        else:
            self.varies[s.name] = self._axes_of(s.args)
            self.line(f"{s.name} = {self._scalar(s)}")

    def _scalar(self, s: Compute) -> str:
        computed = [self.dtype[a] for a in s.args if a not in self.constants]
        plain = [
            self.dtype[a] in _PLAIN or (s.opcode in _INFIX and self.dtype[a] in computed) for a in s.args
        ]
        if s.opcode == "cast" or not computed:
            plain = [False] * len(s.args)
        args = [self._value(a, p) for a, p in zip(s.args, plain, strict=True)]
        if s.opcode == "combine":
            return combine_text(str(s.attrs[0]), s.dtype, args[0], args[1])
        operand = self.dtype[s.args[1] if s.opcode == "where" else s.args[0]]
        if self.near and s.name in self.summed and operand == dtypes.float32:
            return f"near_erf({args[0]})"
        near = near_text(s.opcode, operand, args) if self.near else None
        return near or scalar_text(s.opcode, s.dtype, operand, args)

    def _index(self, s: Compute, e: Expr) -> None:
        self.varies[s.name] = self._axes_of_index(e)
        text = index_text(e)
        if not self.varies[s.name] and e.is_const:
            text = f"tl.full([], {text}, tl.int64)"
        self.line(f"{s.name} = {text if text.isidentifier() else f'({text})'}.to({value_type(s.dtype)})")

    # Memory.

    def _pointer(
        self, pointer: str, index: Expr, axes: frozenset[str] = frozenset()
    ) -> tuple[str, frozenset[str]]:
        """`pointer + index`, broadcast to vary along `axes` at least, and the axes that it varies along."""
        own, text = self._axes_of_index(index), index_text(index)
        if not axes <= own:
            own |= axes
            wide = "tl.int64" if self.wide else "tl.int32"
            text = (
                f"tl.full({self._shape(own)}, {text}, {wide})"
                if index.is_const
                else f"tl.broadcast_to({text}, {self._shape(own)})"
            )
        bare = text.isidentifier() or text.startswith("tl.")
        return (pointer if text == "0" else f"{pointer} + {text if bare else f'({text})'}"), own

    def _load(self, s: Compute) -> None:
        pointer, index = str(s.attrs[0]), s.attrs[1]
        assert isinstance(index, Expr)
        if pointer == TILE:
            self.varies[s.name] = frozenset(self.axes)
            self.line(f"{s.name} = {TILE}")
            return
        axes = self._axes_of_index(index) | self._axes_of(s.args[:1])
        where, _ = self._pointer(pointer, index, axes)
        masks = self._mask_of(axes) + [self._value(a) for a in s.args[:1]]
        dtype = self.dtype[pointer]
        zero = "0.0" if dtype.is_float else "0"
        text = f"tl.load({where}, {' & '.join(masks)}, other={zero})" if masks else f"tl.load({where})"
        text += ".to(tl.float32)" if is_half(dtype) else ".to(tl.int1)" if dtype.kind == "bool" else ""
        if s.args:
            text = f"tl.where({self._value(s.args[0])}, {text}, {self._value(s.args[1], dtype in _PLAIN)})"
        self.varies[s.name] = axes | self._axes_of(s.args)
        self.line(f"{s.name} = {text}")

    def _store(self, s: Store | AtomicAdd) -> None:
        dtype, value = self.dtype[s.target], self._value(s.value)
        axes = frozenset(a for a in self.axes if a != REDUCED) | self._axes_of([s.value])
        where, axes = self._pointer(s.target, s.index, axes)
        if self.dtype[s.value] != dtype and not (is_half(dtype) and self.dtype[s.value] == dtypes.float32):
            value = cast_text(dtype, self.dtype[s.value], self._value(s.value, plain=False))
        masks = " & ".join(self._mask_of(axes))
        if isinstance(s, Store):
            self.line(f"tl.store({where}, {value}{', ' + masks if masks else ''})")
            return
        value = f"tl.broadcast_to({self._value(s.value, plain=False)}, {self._shape(axes)}).to({memory_type(dtype)})"
        self.line(f'tl.atomic_add({where}, {value}, {masks or "None"}, sem="relaxed")')

    def _indirect(self, s: Compute) -> None:
        symbol, size, message = s.attrs
        assert isinstance(size, Expr)
        value, name, limit = self._value(s.args[0], plain=False), str(symbol), index_text(size)
        self.varies[name] = self.varies[s.name] = self._axes_of(s.args)
        masks = self._mask_of(self.varies[name])
        narrow = "" if self.wide else ".to(tl.int32)"
        self.line(f"# {message}")
        self.line(f"{name} = checked_index({value}, {limit}, {' & '.join(masks) or 'True'}){narrow}")

    # Reductions.

    def _full(self, name: str) -> str:
        """The value in every lane of the block, outside the reduced axis' extent the neutral element of nothing."""
        text = self._value(name, plain=False)
        if self._axes_of([name]) != set(self.axes):
            text = f"tl.broadcast_to({text}, {self._shape(self.axes)})"
        return text

    def _across(self, s: Compute) -> None:
        kind, (value,) = str(s.attrs[0]), s.args
        text = self._full(value)
        if REDUCED in self.masks and value not in self.blocks:
            text = f"tl.where({self.masks[REDUCED]}, {text}, {self._neutral(kind, s.dtype)})"
        axes = frozenset(self.axes)
        self.varies[s.name] = axes - {REDUCED} if s.opcode == "reduce" else axes
        self.line(f"{s.name} = {s.opcode}_{kind}({text}, {self.axes.index(REDUCED)})")

    def _neutral(self, kind: str, dtype: DType) -> str:
        text = neutral_literal(kind, dtype)
        return text if dtype in _PLAIN else f"tl.full([], {text}, {value_type(dtype)})"

    def _accumulator(self, s: Accumulator) -> None:
        self.dtype[s.name] = s.dtype
        self.blocks.add(s.name)
        self.varies[s.name] = frozenset(self.axes)
        self.line(
            f"{s.name} = tl.full({self._shape(self.axes)}, {neutral_literal(s.kind, s.dtype)}, {value_type(s.dtype)})"
        )

    def _accumulate(self, s: Accumulate) -> None:
        name, value = s.accumulator, self._full(s.value)
        text = value if s.kind == "set" else combine_text(s.kind, self.dtype[name], name, value)
        if REDUCED in self.masks:
            text = f"tl.where({self.masks[REDUCED]}, {text}, {name})"
        self.line(f"{name} = {text}")


def _summed_with_one(body: Sequence[Statement]) -> frozenset[str]:
    """The erf values that only enter sums 1 + erf."""
    computes = list(_computes(body))
    ones = {c.name for c in computes if c.opcode == "constant" and c.attrs[0] == 1.0}
    found = {c.name for c in computes if c.opcode == "erf"}
    for c in computes:
        if c.opcode != "add" or not ones.intersection(c.args):
            found.difference_update(c.args)
    return frozenset(found)


def _computes(body: Sequence[Statement]) -> Iterator[Compute]:
    for s in body:
        if isinstance(s, Compute):
            yield s
        elif isinstance(s, (Grid, Tile)):
            yield from _computes(s.body)
        elif isinstance(s, TemplateCall):
            yield from _computes((*s.row, *s.column))
