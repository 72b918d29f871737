"""Define-by-run authoring of a loop body, stored as a DAG.

Enters: calls such as `t.op("add", a, b)` made while a value is evaluated at an index. Leaves: a `loop.Body`.

Invariants
- Equal operations are made once (a node that reads `x` twice loads it once).
- Values of 16-bit float types are computed in float32: `load` gives float32 and whoever stores the result
  rounds it.
- Under a mask (`masked`) every load is a masked load and every indirect index is forced to 0, so nothing
  outside the mask touches memory or reports an error.

Before/after:
    t = Tracer(); x = t.load("arg0", layout.index(i), dtypes.float32); body = t.body(t.op("sin", x))
      %0 = load arg0[64*i0 + i1] : float32
      %1 = sin %0 : float32
      yield %1
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple, Union

from compiler.ir import dtypes
from compiler.ir.dtypes import DType
from compiler.ir.expr import Expr, IntLike, as_expr
from compiler.ir.loop import Body, BodyOp, indirect_var
from compiler.ir.scalar_ops import SCALAR_OPS
from compiler.ir.size_float import SizeFloat
from compiler.support.diagnostics import InternalError
from compiler.support.origins import Origin

Number = Union[int, float, bool]


class Scalar(NamedTuple):
    """The result of one op of the body being traced."""

    id: int
    dtype: DType


def compute_dtype(dtype: DType) -> DType:
    """The type in which values of `dtype` are computed: float32 for the 16-bit floats."""
    return dtypes.float32 if dtype in (dtypes.float16, dtypes.bfloat16) else dtype


class Tracer:
    """Collects the ops of one body. `memo` lets a lazy value that is used several times be traced once."""

    def __init__(self) -> None:
        self.memo: dict[tuple[object, ...], tuple[object, Scalar]] = {}
        self._ops: list[BodyOp] = []
        self._known: dict[tuple[object, ...], int] = {}
        self._masks: list[Scalar] = []
        self._origins: dict[Origin, None] = {}

    @property
    def origins(self) -> tuple[Origin, ...]:
        """Where the traced values came from, each once."""
        return tuple(self._origins)

    def note(self, origin: Origin | None) -> None:
        if origin is not None:
            self._origins[origin] = None

    @property
    def ops(self) -> Sequence[BodyOp]:
        """The operations traced so far."""
        return self._ops

    @property
    def mask(self) -> Scalar | None:
        """The condition under which the current operations count, None for always."""
        return self._masks[-1] if self._masks else None

    def load(self, buffer: str, index: Expr, dtype: DType) -> Scalar:
        """buffer[index], in the compute type of the buffer's `dtype`."""
        if self.mask is None:
            return self.cast(self._emit("load", (), dtype, (buffer, index)), compute_dtype(dtype))
        other = self._emit("constant", (), dtype, (_typed(0, dtype),))
        loaded = self._emit("load", (self.mask.id, other.id), dtype, (buffer, index))
        return self.cast(loaded, compute_dtype(dtype))

    def constant(self, value: Number, dtype: DType) -> Scalar:
        return self._emit("constant", (), dtype, (_typed(value, dtype),))

    def index(self, value: IntLike, dtype: DType = dtypes.int64) -> Scalar:
        """An index expression as a value."""
        e = as_expr(value)
        return self.constant(e.value(), dtype) if e.is_const else self._emit("index", (), dtype, (e,))

    def number(self, value: Expr | SizeFloat | float) -> Scalar:
        """A number made of sizes or read from buffers: int64 for an expression, float64 for the rest."""
        if isinstance(value, Expr):
            return self.index(value)
        if not isinstance(value, SizeFloat):
            return self.constant(value, dtypes.float64)
        if value.op == "read":
            return self.load(str(value.args[0]), as_expr(0), dtypes.float64)
        operands = [self.number(arg) for arg in value.args if not isinstance(arg, str)]
        if value.op == "float":
            return self.cast(operands[0], dtypes.float64)
        return self.op(value.op, *operands)

    def indirect(self, value: Scalar, size: IntLike, where: str) -> Expr:
        """`value` as an index into `size` elements: negative ones wrap once, others out of range are reported with `where`."""
        if self.mask is not None:
            value = self.op("where", self.mask, value, self.constant(0, value.dtype))
        made = self._emit("indirect", (value.id,), dtypes.int64, (as_expr(size), where))
        return indirect_var(made.id, size)

    def cast(self, value: Scalar, dtype: DType) -> Scalar:
        if value.dtype == dtype:
            return value
        source = self._ops[value.id]
        if source.opcode == "constant":
            number = source.attrs[0]
            assert isinstance(number, (int, float))
            if _cast_is_exact(number, source.dtype, dtype):
                return self.constant(number, dtype)
        return self._emit("cast", (value.id,), dtype)

    def round_to(self, value: Scalar, dtype: DType) -> Scalar:
        """`value` rounded to `dtype` and back to the type in which it is computed."""
        return self.cast(self.cast(value, dtype), compute_dtype(dtype))

    def op(self, name: str, *args: Scalar) -> Scalar:
        """One operation of SCALAR_OPS; operands of equal type where the operation has one type."""
        rule = SCALAR_OPS[name]
        if len(args) != rule.arity:
            raise InternalError(f"scalar op {name} takes {rule.arity} operands, got {len(args)}")
        if rule.result == "bool":
            dtype = dtypes.bool_
        elif rule.result == "first_value":
            dtype = args[1].dtype
        else:
            dtype = args[0].dtype
        return self._emit(name, tuple(a.id for a in args), dtype)

    def all_of(self, conditions: Sequence[Scalar]) -> Scalar | None:
        """The conjunction; None (always true) of nothing."""
        result: Scalar | None = None
        for c in conditions:
            result = c if result is None else self.op("logical_and", result, c)
        return result

    def in_range(self, value: Expr, lo: IntLike, hi: IntLike) -> list[Scalar]:
        """The conditions of lo <= value < hi that the value's interval does not already show."""
        lo, hi = as_expr(lo), as_expr(hi)
        conditions = []
        above, under = (value - lo).lo, (hi - value).lo
        if above is None or above < 0:
            conditions.append(self.op("ge", self.index(value), self.index(lo)))
        if under is None or under < 1:
            conditions.append(self.op("lt", self.index(value), self.index(hi)))
        return conditions

    def masked(self, mask: Scalar | None, make: Callable[[], Scalar], other: Number) -> Scalar:
        """`make()` where the mask holds, else `other`; memory that `make` reads is untouched where it does not."""
        if mask is None:
            return make()
        outer = self.mask
        self._masks.append(mask if outer is None else self.op("logical_and", outer, mask))
        inner = self._masks[-1]
        value = make()
        self._masks.pop()
        source = self._ops[value.id]
        alternative = self.constant(other, value.dtype)
        if outer is None and source.opcode == "load" and source.args and source.args[0] == inner.id:
            return self._emit("load", (inner.id, alternative.id), source.dtype, source.attrs)
        return self.op("where", mask, value, alternative)

    def body(self, *results: Scalar) -> Body:
        """The stored body, without the ops that no result needs."""
        return _without_dead_ops(tuple(self._ops), tuple(r.id for r in results), ())[0]

    def body_and_index(self, result: Scalar, index: Expr) -> tuple[Body, Expr]:
        """The same, with an index (of a store) whose indirect symbols belong to the body."""
        body, (renamed,) = _without_dead_ops(tuple(self._ops), (result.id,), (index,))
        return body, renamed

    def _emit(
        self,
        opcode: str,
        args: tuple[int, ...],
        dtype: DType,
        attrs: tuple[Union[str, Expr, int, float, bool], ...] = (),
    ) -> Scalar:
        # repr tells 0.0 from -0.0, which are equal as dictionary keys.
        key = (opcode, args, dtype.code, repr(attrs[0]) if opcode == "constant" else attrs)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = len(self._ops)
            self._ops.append(BodyOp(opcode, args, dtype, attrs))
        return Scalar(known, dtype)


def _typed(value: Number, dtype: DType) -> Number:
    if dtype.is_float:
        return float(value)
    return bool(value) if dtype == dtypes.bool_ else int(value)


def _cast_is_exact(number: Number, written: DType, dtype: DType) -> bool:
    """Whether writing a constant of type `written` in `dtype` means the same as converting it at run time."""
    if dtype == dtypes.bool_:
        return not isinstance(number, float)
    if dtype not in (dtypes.float32, dtypes.float64):
        return False
    if isinstance(number, float):
        return written == dtypes.float64 or math.isinf(number)
    return abs(number) <= 1 << 24


def _without_dead_ops(
    ops: tuple[BodyOp, ...], yields: tuple[int, ...], indices: tuple[Expr, ...]
) -> tuple[Body, tuple[Expr, ...]]:
    """Keeps what the yields and indices need and renumbers it; the symbols of indirect ops are renamed with their ids."""
    definer: dict[Expr, int] = {
        indirect_var(i, op.expr): i for i, op in enumerate(ops) if op.opcode == "indirect"
    }
    live = set(yields) | {definer[s] for e in indices for s in e.symbols() if s in definer}
    for i in range(len(ops) - 1, -1, -1):
        if i in live:
            live.update(ops[i].args)
            if definer:
                live.update(definer[s] for s in _symbols(ops[i]) if s in definer)
    if len(live) == len(ops):
        return Body(ops, yields), indices
    new_id: dict[int, int] = {}
    rename: dict[Expr, IntLike] = {}
    kept: list[BodyOp] = []
    for i in sorted(live):
        op = ops[i]
        new_id[i] = len(kept)
        if op.opcode == "indirect":
            rename[indirect_var(i, op.expr)] = indirect_var(len(kept), op.expr)
        attrs = tuple(a.subst(rename) if isinstance(a, Expr) and definer else a for a in op.attrs)
        kept.append(BodyOp(op.opcode, tuple(new_id[a] for a in op.args), op.dtype, attrs))
    return Body(tuple(kept), tuple(new_id[y] for y in yields)), tuple(e.subst(rename) for e in indices)


def _symbols(op: BodyOp) -> list[Expr]:
    return [s for a in op.attrs if isinstance(a, Expr) for s in a.symbols()]
