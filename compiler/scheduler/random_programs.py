"""Random Loop IR programs for property tests: chains of pointwise nodes, reductions, broadcasts, transposed and flattened reads.

Enters: a seed. Leaves: a program of some ten nodes over small sizes, the same for the same seed.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence

from compiler.ir import dtypes
from compiler.ir.expr import Expr, as_expr
from compiler.ir.loop import Program
from compiler.scheduler.example_programs import BodyBuilder, ProgramBuilder

Reader = Callable[[Sequence[Expr]], "Sequence[Expr | int]"]

_UNARY = ("exp", "neg", "abs", "sigmoid", "floor", "", "")
_BINARY = ("add", "sub", "mul", "maximum", "minimum")
_KINDS = ("sum", "max", "min", "sum", "argmax", "argmin")


def random_program(seed: int) -> Program:
    """At least one node and one output."""
    maker = _Maker(seed)
    while not maker.b.nodes:
        maker.add_nodes()
    read = {op.buffer for node in maker.b.nodes for op in node.body.loads()}  # type: ignore[attr-defined]
    made = [n for n, _ in maker.buffers if n.startswith("buf")]
    return maker.b.build(*(n for n in made if n not in read or maker.random.random() < 0.15))


class _Maker:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.b = ProgramBuilder(f"random{seed}")
        self.size = [
            self.random.choice([1, 2, 3, 4, 5, 8, 16, 20]) for _ in range(self.random.choice([1, 2, 3, 3, 4]))
        ]
        if self.random.random() < 0.2:
            self.size[-1] = self.random.choice([33, 64, 70, 130])
        self.buffers: list[tuple[str, list[int]]] = []
        for k in range(self.random.randint(1, 3)):
            size = [s if self.random.random() < 0.8 else 1 for s in self.size]
            self.buffers.append((self.b.input(f"in{k}", size, strides=self._strides(size)), size))

    def add_nodes(self) -> None:
        for _ in range(self.random.randint(2, 9)):
            name, size = self.random.choice(self.buffers[-4:])
            draw = self.random.random()
            if draw < 0.6 or not size:
                self._pointwise(self.random.choice([size, self.size]))
            elif draw < 0.72 and len(size) >= 2:
                self._flatten(name, size)
            else:
                self._reduce(name, size)

    def _strides(self, size: Sequence[int]) -> list[int]:
        """Dense strides, row-major or of a random order of dims."""
        order = list(range(len(size)))
        if self.random.random() < 0.35:
            self.random.shuffle(order)
        strides, running = [0] * len(size), 1
        for d in reversed(order):
            strides[d] = running
            running *= size[d]
        return strides

    def _readers(self, size: list[int]) -> list[tuple[str, Reader]]:
        """Buffers that can be read at each position of `size`, and how."""
        found: list[tuple[str, Reader]] = []
        for name, own in self.buffers:
            if len(own) == len(size) and all(a in (c, 1) for a, c in zip(own, size, strict=True)):
                found.append((name, _broadcast(own)))
            elif len(size) > 1 and own == size[::-1]:
                found.append((name, lambda i: list(i)[::-1]))
            elif own == size[:-1]:
                found.append((name, lambda i: list(i)[:-1]))
            elif own == size[1:]:
                found.append((name, lambda i: list(i)[1:]))
            elif len(size) > 1 and own == [math.prod(size)]:
                found.append((name, lambda i: [_flat(i, size)]))
        return found

    def _pointwise(self, size: list[int]) -> None:
        readers = self._readers(size)
        if not readers:
            return
        chosen = [self.random.choice(readers) for _ in range(self.random.choice([1, 2, 2, 3]))]
        unary, binary = self.random.choice(_UNARY), [self.random.choice(_BINARY) for _ in chosen]

        def recipe(o: BodyBuilder, i: list[Expr]) -> int:
            value = o.load(chosen[0][0], chosen[0][1](i))
            if unary:
                value = o.op(
                    unary, o.op("maximum", o.op("minimum", value, o.constant(3.0)), o.constant(-3.0))
                )
            for (name, at), op in zip(chosen[1:], binary, strict=False):
                value = o.op(op, value, o.load(name, at(i)))
            return value

        name = self.b.pointwise("add", size, recipe, strides=self._strides(size))
        self.buffers.append((name, list(size)))

    def _flatten(self, name: str, size: list[int]) -> None:
        def recipe(o: BodyBuilder, i: list[Expr]) -> int:
            rest, position = i[0], []
            for s in reversed(size):
                position.append(rest % s)
                rest = rest // s
            return o.load(name, position[::-1])

        total = math.prod(size)
        self.buffers.append((self.b.pointwise("clone", [total], recipe), [total]))

    def _reduce(self, name: str, size: list[int]) -> None:
        dims = [d for d in range(len(size)) if self.random.random() < 0.4] or [len(size) - 1]
        kept = [d for d in range(len(size)) if d not in dims]
        kind = self.random.choice(_KINDS)
        outer, inner = [size[d] for d in kept], [size[d] for d in dims]

        def recipe(o: BodyBuilder, i: list[Expr], r: list[Expr]) -> int:
            position = dict(zip([*kept, *dims], [*i, *r], strict=True))
            return o.load(name, [position[d] for d in range(len(size))])

        if kind.startswith("arg"):
            found = self.b.reduce(kind, outer, inner, recipe, dtypes.int64, dtypes.float32)
            result = self.b.pointwise("to", outer, lambda o, i: o.cast(o.load(found, i), dtypes.float32))
        else:
            result = self.b.reduce(kind, outer, inner, recipe)
        self.buffers.append((result, outer))
        if self.random.random() < 0.5:
            back = self.b.pointwise(
                "sub", size, lambda o, i: o.op("sub", o.load(name, i), o.load(result, [i[d] for d in kept]))
            )
            self.buffers.append((back, size))


def _broadcast(size: Sequence[int]) -> Reader:
    """Positions of a buffer of this size, whose dims of one element are repeated."""
    return lambda i: [as_expr(0) if s == 1 else x for s, x in zip(size, i, strict=True)]


def _flat(position: Sequence[Expr], size: Sequence[int]) -> Expr:
    total = as_expr(0)
    for p, s in zip(position, size, strict=True):
        total = total * s + p
    return total
