"""Makes the Loop IR program while the graph is walked: names buffers, realises lazy values, registers constants.

Every lowering is handed a `Builder`; there is no ambient state. `origin` and `outs` belong to the FX node
that is being lowered.

Invariants
- A realised buffer is contiguous in *memory order*: a channels-last result of size [N, C, H, W] is a buffer
  [N, H, W, C], and the value's layout permutes it back. So the innermost loop always has stride one in what
  it writes.
- A buffer is emitted after everything that it reads.

Before/after (realize(y), y = lazy sin of arg0):
    buf0 = pointwise float32 [64, 64] stride [64, 1]
      %0 = load arg0[64*i0 + i1] : float32
      %1 = sin %0 : float32
      yield %1
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Union

from compiler.ir.dtypes import DType, float32, float64
from compiler.ir.expr import Expr, IntLike, as_expr, exprs, mul_all
from compiler.ir.guard import Guard
from compiler.ir.loop import (
    Layout,
    Node,
    Pointwise,
    Program,
    Reduction,
    Scan,
    Scatter,
    TemplateKernel,
    TensorRef,
    loop_var,
    reduction_var,
)
from compiler.lowering import stride_order
from compiler.lowering.constants import ConstantTable
from compiler.lowering.stride_order import Order
from compiler.lowering.tracer import Scalar, Tracer
from compiler.lowering.values import Cost, Index, MakeElement, Value
from compiler.support.options import Context
from compiler.support.origins import Origin

Parameter = tuple[str, Union[int, float, bool, str, Expr]]
ReduceElement = Callable[[Tracer, Index, Index], Scalar]
ScatterElement = Callable[[Tracer, Index], tuple[Index, Scalar]]


# Sums over more elements than this are kept in float64: one float32 running sum loses about sqrt(n) units in the last place, more
# than eager's blocked sums do. So are shorter ones of everything: they are cheap, and a lone number has all of the error itself.
LONGEST_FLOAT32_SUM = 1024


def _is_short(over: Sequence[Expr]) -> bool:
    count = mul_all(over).hi
    return count is not None and count <= LONGEST_FLOAT32_SUM


@dataclass(frozen=True)
class Meta:
    """What export says of a tensor that the node being lowered makes."""

    dtype: DType
    size: Index
    stride: Index


class Builder:
    """State of one lowering."""

    def __init__(
        self, program: Program, constants: ConstantTable, ctx: Context, outer: Builder | None = None
    ) -> None:
        """`outer`: the builder of the program around this one, where this is the body of a branch or loop."""
        self.program = program
        self.constants = constants
        self.ctx = ctx
        self.origin: Origin = outer.origin if outer else Origin("", "")
        self.outs: tuple[Meta, ...] = ()
        self.number: object = (
            None  # what export says of the current node where that is no tensor: the number of an .item()
        )
        # Every buffer made so far, in all blocks: names are unique over the whole model.
        self.layouts: dict[str, Layout] = outer.layouts if outer else {}
        self.layouts.update((i.name, i.layout) for i in program.inputs)
        # What must hold of sizes: of the whole model, whichever block needs it.
        self.guards: list[Guard] = outer.guards if outer else program.guards
        self.size_names: set[str] = outer.size_names if outer else set()  # taken by the graph
        # Of floats that are read from data, the buffers.
        self.numbers: dict[str, str] = outer.numbers if outer else {}
        self.streams: Iterator[int] = outer.streams if outer else itertools.count()  # of random numbers
        # The graphs that this program is made of, by name, and what each of their nodes became.
        self.lowered: list[tuple[str, dict[Any, Any]]] = []
        self.in_loop: bool = outer.in_loop if outer else False

    @property
    def out(self) -> Meta:
        """What export says of the current node's only (or first) tensor."""
        return self.outs[0]

    @property
    def on_gpu(self) -> bool:
        """Whether the program is for a GPU: templates of kernels/triton, nothing packed."""
        return self.ctx.options.device != "cpu"

    # -- values ------------------------------------------------------------------------------------------------------

    def lazy(self, dtype: DType, size: Sequence[IntLike], make: MakeElement, cost: Cost) -> Value:
        """A value computed where it is used."""
        return Value.lazy(dtype, exprs(size), make, cost, self.origin)

    def realize(self, value: Value, order: Order | None = None) -> Value:
        """Puts the value into memory, dims in `order` (default: as its dominating input lies). A stored value stays as it is unless
        `order` asks for another one."""
        if value.ref is None:
            value.store(self._emit_pointwise(value, value.size, order))
            return value
        if order is None or self.is_packed(value.ref.layout, order):
            return value
        return Value.stored(self._emit_pointwise(value, value.size, order))

    def planned_layout(self, value: Value) -> Layout:
        """How a lazy value will lie in memory when it is realised without an order."""
        t, variables = Tracer(), _loops(value.size)
        value.at(t, variables)
        order = stride_order.of_loads(t.ops, variables, value.size)
        dense = Layout.contiguous(value.dtype, [value.size[d] for d in order])
        return stride_order.permuted_layout(dense, stride_order.inverse(order))

    def owned_layout(self, buffer: str) -> Layout | None:
        """The layout that export saw of a whole input; None of any other buffer."""
        return next((i.layout for i in self.program.inputs if i.name == buffer), None)

    def share(self, value: Value) -> None:
        """Called before several reads of `value`: puts it into memory unless reading it anew is as cheap as one load."""
        if value.cost.ops > 1 or len(value.cost.reads) > 1:
            self.realize(value)

    def is_packed(self, layout: Layout, order: Order) -> bool:
        """Whether the elements lie densely with the dims in this order."""
        return stride_order.permuted_layout(layout, order).is_contiguous()

    def contiguous(self, value: Value) -> TensorRef:
        """The value in memory, row-major and dense."""
        ref = self.realize(value, stride_order.natural(value.rank)).ref
        assert ref is not None
        return ref

    def in_memory(self, value: Value) -> TensorRef:
        """The value in memory, in whatever layout it has."""
        ref = self.realize(value).ref
        assert ref is not None
        return ref

    def store_as(self, value: Value, layout: Layout) -> TensorRef:
        """A new buffer with exactly this layout (an output's promised strides). Broadcast dims (stride 0) are stored once."""
        shown = tuple(
            as_expr(1) if stride == 0 and size != 1 else size
            for size, stride in zip(layout.size, layout.stride, strict=True)
        )
        order = stride_order.of_layout(layout)
        own = stride_order.permuted_layout(Layout(layout.dtype, shown, layout.stride), order)
        return TensorRef(self._emit_pointwise(value, shown, order, own).buffer, layout)

    def _emit_pointwise(
        self, value: Value, size: Index, order: Order | None, layout: Layout | None = None
    ) -> TensorRef:
        variables = _loops(size)
        t = Tracer()
        result = value.at(t, variables)
        if order is None:
            order = stride_order.of_loads(t.ops, variables, size)
        if order != stride_order.natural(len(size)):
            place = stride_order.inverse(order)
            t = Tracer()
            result = value.at(t, _loops(size, place))
        stored = t.cast(result, value.dtype)
        own = layout or Layout.contiguous(value.dtype, [size[d] for d in order])
        name = self.new_name()
        self.add(Pointwise(name, own, t.origins or (self.origin,), t.body(stored)))
        return TensorRef(name, stride_order.permuted_layout(own, stride_order.inverse(order)))

    def require(self, op: str, left: IntLike, right: IntLike) -> None:
        """What the current node needs to hold of the sizes of a run (`ir.guard.Guard`): checked where it is not known, on entry or, of
        sizes that the run reads out of tensors, when they are read."""
        guard = Guard(op, as_expr(left), as_expr(right), self.origin.location)
        if guard.known() is not True and guard not in self.guards:
            self.guards.append(guard)

    # -- nodes -------------------------------------------------------------------------------------------------------

    def new_name(self) -> str:
        """The next free buffer name."""
        return f"buf{self.next_number('buf', len(self.program.nodes))}"

    def new_size_name(self) -> str:
        """A free name for a size that the run reads out of a tensor."""
        number = 0
        while f"u{number}" in self.layouts or f"u{number}" in self.size_names:
            number += 1
        self.size_names.add(f"u{number}")
        return f"u{number}"

    def next_number(self, prefix: str, start: int = 0) -> int:
        """The first number from `start` that makes a free name with the prefix."""
        while f"{prefix}{start}" in self.layouts:
            start += 1
        return start

    def add(self, node: Node) -> None:
        self.layouts[node.name] = node.layout
        self.program.nodes.append(node)

    def reduce(
        self,
        kind: str,
        dtype: DType,
        acc: DType,
        size: Sequence[Expr],
        over: Sequence[Expr],
        make: ReduceElement,
    ) -> Value:
        """A stored value of `size`: for each index, `make` reduced over the ranges `over`."""
        size, over = tuple(size), tuple(over)
        reduced = tuple(reduction_var(k, s) if s != 1 else as_expr(0) for k, s in enumerate(over))
        variables = _loops(size)
        t = Tracer()
        result = make(t, variables, reduced)
        order = stride_order.of_loads(t.ops, variables, size)
        if order != stride_order.natural(len(size)):
            place = stride_order.inverse(order)
            t = Tracer()
            result = make(t, _loops(size, place), reduced)
        # On a GPU a sum is a tree over the lanes of a block, not one long running sum.
        if kind in ("sum", "prod") and acc == float32 and not (size and _is_short(over)) and not self.on_gpu:
            acc = float64
            result = t.cast(result, acc)
        own = Layout.contiguous(dtype, [size[d] for d in order])
        origins = tuple(dict.fromkeys((*t.origins, self.origin)))
        name = self.new_name()
        self.add(Reduction(name, own, origins, over, kind, acc, t.body(result)))
        return Value.stored(TensorRef(name, stride_order.permuted_layout(own, stride_order.inverse(order))))

    def scan(self, kind: str, dtype: DType, acc: DType, value: Value, dim: int) -> Value:
        """The inclusive scan of `value` along `dim`. On the CPU running sums and products are kept in float64, as in PyTorch: every
        element of a scan shows the error of all before it, and one after the other is as fast in either type."""
        if kind in ("sum", "prod") and acc == float32 and not self.on_gpu:
            acc = float64
        t = Tracer()
        result = t.cast(value.at(t, _loops(value.size)), acc)
        own = Layout.contiguous(dtype, value.size)
        name = self.new_name()
        self.add(
            Scan(name, own, tuple(dict.fromkeys((*t.origins, self.origin))), dim, kind, acc, t.body(result))
        )
        return Value.stored(TensorRef(name, own))

    def scatter(
        self, base: TensorRef, layout: Layout, ranges: Index, mode: str, make: ScatterElement
    ) -> Value:
        """A copy of `base` in which `make(i) == (position, value)` is stored or added for every i in `ranges`."""
        t = Tracer()
        position, value = make(t, _loops(ranges))
        body, index = t.body_and_index(t.cast(value, layout.dtype), layout.index(position))
        name = self.new_name()
        self.add(
            Scatter(
                name, layout, tuple(dict.fromkeys((*t.origins, self.origin))), base, ranges, index, mode, body
            )
        )
        return Value.stored(TensorRef(name, layout))

    def template(
        self,
        template: str,
        layout: Layout,
        operands: Sequence[TensorRef],
        params: Sequence[Parameter],
        ranges: Sequence[IntLike],
    ) -> TensorRef:
        """A kernel of `kernels/`; `layout` is its output buffer."""
        name = self.new_name()
        self.add(
            TemplateKernel(
                name, layout, (self.origin,), template, tuple(operands), tuple(params), exprs(ranges)
            )
        )
        return TensorRef(name, layout)


def _loops(size: Sequence[Expr], place: Order | None = None) -> Index:
    """The loop variable of every dim, dim d being loop place[d] (default: d). A loop of one turn is always at 0."""
    return tuple(
        loop_var(d if place is None else place[d], s) if s != 1 else as_expr(0) for d, s in enumerate(size)
    )
