"""Reductions inside a pass: accumulators, their loops, their results. Two shapes, one interface.

`RowReductions`     the reduced loop is vectorised: one scalar accumulator each
`ColumnReductions`  the reduced loops are serial around the vectorised columns: one array element for each column of the tile

Positions of extremes (argmax, argmin) take two steps over rows: the extreme, then the lowest position that holds it (a NaN is its own
extreme), so that both loops vectorise; over columns, extreme and position are replaced together.

A float32 sum of more than `LONGEST_SERIAL_SUM` values one after the other loses more digits than eager's, which adds blocks of 16: over
columns it is kept in float64; over rows each lane adds its part, and the writer widens it where there are no lanes.

Before/after (argmax of row i0): acc0 = max x;  then  acc1 = min over r0 of (x == acc0 or x is NaN ? r0 : INT32_MAX)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from compiler.codegen.common.loop_nest import LoopNest, register_type
from compiler.codegen.common.member_values import MemberValues
from compiler.ir import dtypes
from compiler.ir.dtypes import DType
from compiler.ir.expr import Expr, mul_all
from compiler.ir.kernel import Accumulate, Accumulator, Store
from compiler.ir.loop import Reduction
from compiler.ir.schedule import Member

StoreMember = Callable[[Member, str], None]


class Reductions(Protocol):
    """What a pass needs. `run` emits the pass: `others` inside the first loop, then all reductions of `members`."""

    def run(self, members: Sequence[Member], others: Callable[[], None], store: StoreMember) -> None: ...

    def value(self, name: str) -> str:
        """The value of a finished reduction here."""


# Float32 sums of at most so many values may be one chain of additions: eager's blocks are as long.
LONGEST_SERIAL_SUM = 16


def is_long_chain(iterations: Expr) -> bool:
    """Whether a float32 sum of so many values would be less exact than eager's if they were added one after the other."""
    return iterations.hi is None or iterations.hi > LONGEST_SERIAL_SUM


def extreme_kind(kind: str) -> str | None:
    """ "max" for argmax, "min" for argmin, None for the kinds that are no position."""
    return {"argmax": "max", "argmin": "min"}.get(kind)


class _Shared:
    def __init__(
        self, nest: LoopNest, values: MemberValues, nodes: Mapping[str, Reduction], local: set[str]
    ) -> None:
        self.nest, self.values, self.nodes, self.local, self.builder = (
            nest,
            values,
            nodes,
            local,
            nest.builder,
        )
        self.results: dict[str, str] = {}

    def _accumulated_type(self, m: Member) -> DType:
        return register_type(self.nodes[m.name].acc_dtype)

    def _operand(self, m: Member) -> str:
        """The value to reduce at this iteration."""
        return self.values.as_type(self.values.body(m.body)[0], self._accumulated_type(m))

    def _position_type(self) -> DType:
        highest = self.nest.inner_position().hi
        return dtypes.int32 if highest is not None and highest < (1 << 31) - 1 else dtypes.int64

    def _is_nan(self, value: str, dtype: DType) -> str | None:
        return self.builder.compute(dtypes.bool_, "isnan", (value,)) if dtype.is_float else None


class RowReductions(_Shared):
    """Scalar accumulators around a vectorised loop."""

    def run(self, members: Sequence[Member], others: Callable[[], None], store: StoreMember) -> None:
        accumulators = {m.name: self._start(self._accumulated_type(m), self._kind(m)) for m in members}

        positions = [m for m in members if extreme_kind(self.nodes[m.name].kind)]
        kept = {
            m.name: self.nest.row_array(self._accumulated_type(m))
            for m in positions
            if not self._read_from_memory(m)
        }

        def first() -> None:
            others()
            for m in members:
                value = self._operand(m)
                self.builder.add_late(Accumulate(accumulators[m.name], self._kind(m), value))
                if m.name in kept:
                    self.builder.add_late(Store(kept[m.name], self.nest.row_position(), value))

        self.nest.over_inner(first)
        if positions:
            self._positions(positions, accumulators, kept)
        for m in members:
            value = self.values.as_type(accumulators[m.name], self.values.dtypes[m.name])
            self.results[m.name] = value
            store(m, value)

    def _read_from_memory(self, m: Member) -> bool:
        return all(op.opcode == "load" and op.buffer not in self.values.members for op in m.body.ops)

    def _kind(self, m: Member) -> str:
        kind = self.nodes[m.name].kind
        return extreme_kind(kind) or kind

    def _start(self, dtype: DType, kind: str) -> str:
        name = self.builder.fresh("acc")
        self.builder.declare(name, dtype)
        self.builder.add(Accumulator(name, dtype, kind))
        return name

    def _positions(
        self, members: Sequence[Member], accumulators: dict[str, str], kept: Mapping[str, str]
    ) -> None:
        """The second loop; replaces each member's accumulator by that of the position. A computed operand is read back from its
        row: computing it again in another loop may round differently."""
        integer = self._position_type()
        found = {m.name: self._start(integer, "min") for m in members}

        def second() -> None:
            here = self.builder.compute(integer, "index", (), (self.nest.inner_position(),))
            nowhere = self.builder.compute(integer, "neutral", (), ("min",))
            for m in members:
                row = (kept.get(m.name, ""), self.nest.row_position())
                value = (
                    self.builder.compute(self._accumulated_type(m), "load", (), row)
                    if m.name in kept
                    else self._operand(m)
                )
                hit = self.builder.compute(dtypes.bool_, "eq", (value, accumulators[m.name]))
                nan = self._is_nan(value, self._accumulated_type(m))
                hit = hit if nan is None else self.builder.compute(dtypes.bool_, "logical_or", (hit, nan))
                self.builder.add_late(
                    Accumulate(
                        found[m.name], "min", self.builder.compute(integer, "where", (hit, here, nowhere))
                    )
                )

        self.nest.over_inner(second)
        accumulators.update(found)

    def value(self, name: str) -> str:
        return self.results[name]


class ColumnReductions(_Shared):
    """Arrays of accumulators, one element for each column of the tile."""

    def _accumulated_type(self, m: Member) -> DType:
        kept = super()._accumulated_type(m)
        added = self.nodes[m.name].kind in ("sum", "prod") and kept == dtypes.float32
        count = mul_all(self.nest.extent[v] for v in self.nest.tiling.inner)
        return dtypes.float64 if added and is_long_chain(count) else kept

    def run(self, members: Sequence[Member], others: Callable[[], None], store: StoreMember) -> None:
        best: dict[str, str] = {}
        for m in members:
            kind = self.nodes[m.name].kind
            self.results[m.name] = self.nest.column_array(
                "acc", self._position_type() if extreme_kind(kind) else self._accumulated_type(m)
            )
            if extreme_kind(kind):
                best[m.name] = self.nest.column_array("best", self._accumulated_type(m))
        if members:
            self.nest.vector_loop(lambda: self._initialise(members, best))

        def step() -> None:
            others()
            for m in members:
                self._step(m, best)

        self.nest.over_inner(step)
        for m in members:
            if m.name not in self.local:
                self._store(m, store)

    def _put(self, array: str, value: str) -> None:
        self.builder.add_late(Store(array, self.nest.column, value))

    def _get(self, array: str, dtype: DType) -> str:
        return self.builder.compute(dtype, "load", (), (array, self.nest.column))

    def _initialise(self, members: Sequence[Member], best: Mapping[str, str]) -> None:
        for m in members:
            kind, dtype = self.nodes[m.name].kind, self._accumulated_type(m)
            extreme = extreme_kind(kind)
            if extreme:
                self._put(best[m.name], self.builder.compute(dtype, "neutral", (), (extreme,)))
                self._put(
                    self.results[m.name], self.builder.compute(self._position_type(), "constant", (), (0,))
                )
            else:
                self._put(self.results[m.name], self.builder.compute(dtype, "neutral", (), (kind,)))

    def _step(self, m: Member, best: Mapping[str, str]) -> None:
        kind, dtype, value = self.nodes[m.name].kind, self._accumulated_type(m), self._operand(m)
        extreme = extreme_kind(kind)
        if not extreme:
            before = self._get(self.results[m.name], dtype)
            self._put(self.results[m.name], self.builder.compute(dtype, "combine", (before, value), (kind,)))
            return
        before, position = (
            self._get(best[m.name], dtype),
            self._get(self.results[m.name], self._position_type()),
        )
        better = self.builder.compute(dtypes.bool_, "gt" if extreme == "max" else "lt", (value, before))
        nan = self._is_nan(value, dtype)
        if nan is not None:
            first_nan = self.builder.compute(
                dtypes.bool_, "logical_not", (self._is_nan(before, dtype) or nan,)
            )
            nan = self.builder.compute(dtypes.bool_, "logical_and", (nan, first_nan))
            better = self.builder.compute(dtypes.bool_, "logical_and", (better, first_nan))
            better = self.builder.compute(dtypes.bool_, "logical_or", (better, nan))
        here = self.builder.compute(self._position_type(), "index", (), (self.nest.inner_position(),))
        self._put(best[m.name], self.builder.compute(dtype, "where", (better, value, before)))
        self._put(
            self.results[m.name],
            self.builder.compute(self._position_type(), "where", (better, here, position)),
        )

    def _store(self, m: Member, store: StoreMember) -> None:
        self.nest.vector_loop(lambda: store(m, self.value(m.name)))

    def value(self, name: str) -> str:
        kind = self.nodes[name].kind
        kept = (
            self._position_type() if extreme_kind(kind) else self._accumulated_type(self.values.members[name])
        )
        return self.values.as_type(self._get(self.results[name], kept), self.values.dtypes[name])
