"""What a tensor is while it is being lowered: memory seen through a layout, or a function of its indices.

A `Value` starts lazy (a function that traces its element at an index) or stored (a `TensorRef`). Realising a
lazy value makes it stored *in place*, so everything that was composed from it before or after reads the
memory.

Invariants
- `at` gives a scalar of `compute_dtype(dtype)`.
- Views of stored values are stored values with another layout; only views that strides cannot express are
  lazy.

Before/after (y = sin(x)[1:], x stored):
    y.at(t, (i0, i1))  ->  %0 = load arg0[64*i0 + i1 + 64] : float32;  %1 = sin %0 : float32
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from compiler.ir.dtypes import DType
from compiler.ir.expr import Expr, mul_all
from compiler.ir.loop import Layout, TensorRef
from compiler.lowering.tracer import Scalar, Tracer
from compiler.support.origins import Origin

Index = tuple[Expr, ...]
MakeElement = Callable[[Tracer, Index], Scalar]


@dataclass(frozen=True)
class Cost:
    """What computing one element of a lazy value takes: operations, whether one of them is slow, and the buffers that it reads."""

    ops: int = 0
    heavy: bool = False
    reads: frozenset[str] = frozenset()

    @staticmethod
    def of(values: Sequence[Value], ops: int = 0, heavy: bool = False) -> Cost:
        """The cost of a function of these values that adds `ops` operations."""
        reads: frozenset[str] = frozenset()
        for v in values:
            reads = reads | v.cost.reads
        return Cost(ops + sum(v.cost.ops for v in values), heavy or any(v.cost.heavy for v in values), reads)


class Value:
    """A tensor of `size` and `dtype`. Make with `lazy` or `stored`."""

    def __init__(self, dtype: DType, size: Index, origin: Origin | None) -> None:
        self.dtype = dtype
        self.size = size
        self.origin = origin
        self.repeats = False  # a lazy view with several positions of one element
        self._make: MakeElement | None = None
        self._ref: TensorRef | None = None
        self._cost = Cost()

    @staticmethod
    def lazy(
        dtype: DType, size: Sequence[Expr], make: MakeElement, cost: Cost, origin: Origin | None = None
    ) -> Value:
        value = Value(dtype, tuple(size), origin)
        value._make, value._cost = make, cost
        return value

    @staticmethod
    def stored(ref: TensorRef) -> Value:
        value = Value(ref.layout.dtype, ref.layout.size, None)
        value.store(ref)
        return value

    @property
    def rank(self) -> int:
        return len(self.size)

    @property
    def ref(self) -> TensorRef | None:
        """The memory, None while lazy."""
        return self._ref

    @property
    def cost(self) -> Cost:
        return self._cost

    def numel(self) -> Expr:
        return mul_all(self.size)

    def store(self, ref: TensorRef) -> None:
        """From now on this value is read from memory."""
        self._ref, self._make = ref, None
        self._cost = Cost(reads=frozenset((ref.buffer,)))

    def at(self, t: Tracer, index: Index) -> Scalar:
        """Traces the element at `index`."""
        if self._ref is not None:
            return t.load(self._ref.buffer, self._ref.layout.index(index), self.dtype)
        assert self._make is not None
        key = (id(self), index, t.mask)
        known = t.memo.get(key)
        if known is None:
            t.note(self.origin)
            # The value is kept alive with the key, so that its id stays its own.
            known = t.memo[key] = (self, self._make(t, index))
        return known[1]

    def with_layout(self, layout: Layout) -> Value:
        """The same memory (of a stored value) under another layout."""
        assert self._ref is not None
        return Value.stored(replace(self._ref, layout=layout))
