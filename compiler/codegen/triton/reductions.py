"""Reductions of a block kernel, over a whole row at once or tile by tile.

`SpanReductions`    every lane of the row is there: the value is reduced where it is computed
`LoopedReductions`  accumulators are blocks, one element for each lane, combined tile after tile and reduced after the loop

Positions of extremes (argmax, argmin): over a span the extreme first, then the lowest position that holds it (a NaN is its own extreme).
In a loop each lane keeps its own extreme with its position; both are compared with the row's extreme at the end.

Before/after (argmax over a span): m = reduce max x; hit = x == m or x is NaN; p = reduce min (hit ? r : INT32_MAX)
"""

from __future__ import annotations

from collections.abc import Mapping

from compiler.codegen.common.builder import Builder
from compiler.codegen.common.loop_nest import register_type
from compiler.codegen.common.member_values import MemberValues
from compiler.codegen.common.reductions import extreme_kind
from compiler.ir import dtypes
from compiler.ir.dtypes import DType
from compiler.ir.expr import Expr
from compiler.ir.kernel import Accumulate, Accumulator
from compiler.ir.loop import Reduction
from compiler.ir.schedule import Member

__all__ = ["LoopedReductions", "SpanReductions", "register_type"]


class _Shared:
    """`position`: the number of the lane among all reduced points."""

    def __init__(
        self, builder: Builder, values: MemberValues, nodes: Mapping[str, Reduction], position: Expr
    ) -> None:
        self.builder, self.values, self.nodes, self.position = builder, values, nodes, position

    def position_type(self) -> DType:
        highest = self.position.hi
        return dtypes.int32 if highest is not None and highest < (1 << 31) - 1 else dtypes.int64

    def _type(self, m: Member) -> DType:
        return register_type(self.nodes[m.name].acc_dtype)

    def _operand(self, m: Member) -> str:
        return self.values.as_type(self.values.body(m.body)[0], self._type(m))

    def _reduce(self, dtype: DType, kind: str, value: str) -> str:
        return self.builder.compute(dtype, "reduce", (value,), (kind,))

    def _result(self, m: Member, value: str) -> str:
        return self.values.as_type(value, self.values.dtypes[m.name])

    def _first(self, m: Member, value: str, position: str, kind: str) -> str:
        """The lowest of the positions whose value is the extreme of all values."""
        dtype, integer = self._type(m), self.position_type()
        extreme = self._reduce(dtype, kind, value)
        hit = self.builder.compute(dtypes.bool_, "eq", (value, extreme))
        if dtype.is_float:
            nan = self.builder.compute(dtypes.bool_, "isnan", (value,))
            hit = self.builder.compute(dtypes.bool_, "logical_or", (hit, nan))
        nowhere = self.builder.compute(integer, "neutral", (), ("min",))
        return self._reduce(integer, "min", self.builder.compute(integer, "where", (hit, position, nowhere)))

    def whole(self, m: Member) -> str:
        raise NotImplementedError(m.name)


class SpanReductions(_Shared):
    """Reductions of values that are there in every lane."""

    def whole(self, m: Member) -> str:
        """The reduced value."""
        value, kind = self._operand(m), self.nodes[m.name].kind
        extreme = extreme_kind(kind)
        if extreme is None:
            return self._result(m, self._reduce(self._type(m), kind, value))
        here = self.builder.compute(self.position_type(), "index", (), (self.position,))
        return self._result(m, self._first(m, value, here, extreme))


class LoopedReductions(_Shared):
    """`start` before the loop, `step` in it, `finish` after it."""

    def __init__(
        self, builder: Builder, values: MemberValues, nodes: Mapping[str, Reduction], position: Expr
    ) -> None:
        super().__init__(builder, values, nodes, position)
        self.accumulators: dict[str, tuple[str, ...]] = {}

    def start(self, m: Member) -> None:
        kind = self.nodes[m.name].kind
        extreme = extreme_kind(kind)
        if extreme is None:
            self.accumulators[m.name] = (self._new(self._type(m), kind),)
        else:
            self.accumulators[m.name] = (
                self._new(self._type(m), extreme),
                self._new(self.position_type(), "min"),
            )

    def _new(self, dtype: DType, kind: str) -> str:
        name = self.builder.fresh("acc")
        self.builder.declare(name, dtype)
        self.builder.add(Accumulator(name, dtype, kind))
        return name

    def step(self, m: Member) -> None:
        value, kind = self._operand(m), self.nodes[m.name].kind
        extreme, accumulators = extreme_kind(kind), self.accumulators[m.name]
        if extreme is None:
            self.builder.add_late(Accumulate(accumulators[0], kind, value))
            return
        best, position = accumulators
        self._declare(m)  # read in the loop: what is computed of them stays there
        better = self._better(m, value, best, extreme)
        here = self.builder.compute(self.position_type(), "index", (), (self.position,))
        # The lane's first element is taken even where it is no better than the neutral one.
        nowhere = self.builder.compute(self.position_type(), "neutral", (), ("min",))
        fresh = self.builder.compute(dtypes.bool_, "eq", (position, nowhere))
        better = self.builder.compute(dtypes.bool_, "logical_or", (better, fresh))
        kept = self.builder.compute(self.position_type(), "where", (better, here, position))
        extreme_value = self.builder.compute(self._type(m), "where", (better, value, best))
        self.builder.add_late(Accumulate(position, "set", kept))
        self.builder.add_late(Accumulate(best, "set", extreme_value))

    def _better(self, m: Member, value: str, best: str, extreme: str) -> str:
        """Whether the value replaces the lane's extreme: larger (smaller), or the lane's first NaN."""
        better = self.builder.compute(dtypes.bool_, "gt" if extreme == "max" else "lt", (value, best))
        if not self._type(m).is_float:
            return better
        nan = self.builder.compute(dtypes.bool_, "isnan", (value,))
        before = self.builder.compute(dtypes.bool_, "isnan", (best,))
        better = self.builder.compute(dtypes.bool_, "logical_or", (better, nan))
        return self.builder.compute(
            dtypes.bool_,
            "logical_and",
            (better, self.builder.compute(dtypes.bool_, "logical_not", (before,))),
        )

    def _declare(self, m: Member) -> None:
        """Says that the accumulators change in the innermost scope."""
        for name in self.accumulators[m.name]:
            dtype = self.builder.dtype_of(name)
            assert dtype is not None
            self.builder.declare(name, dtype)

    def finish(self, m: Member) -> str:
        kind = self.nodes[m.name].kind
        self._declare(m)
        extreme, accumulators = extreme_kind(kind), self.accumulators[m.name]
        if extreme is None:
            return self._result(m, self._reduce(self._type(m), kind, accumulators[0]))
        return self._result(m, self._first(m, accumulators[0], accumulators[1], extreme))
