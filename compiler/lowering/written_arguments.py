"""Calls of custom operators that write to their arguments: `auto_functionalized_v2`, which export makes of them.

Enters: the operator, its other arguments by name, the tensors that it writes into (`_all_bases`) and which view of which of them each
written argument is. Leaves: one call (`loop.CustomKernel`) whose last results begin as the bases; the scheduler gives such a result the
memory of its base where nobody reads the old value any more, so that a cache that an operator updates is not copied.

    auto_functionalized_v2(mylib.add_.default, x=%x, _sum_base_index=0, _all_bases=[%b_sum])
      ->  custom3 = custom "mylib::add_(Tensor(a!) sum, Tensor x) -> ()": written 0, operand x, base b_sum
          buf4 = result float32 [4, 4] of custom3

Written arguments: `_NAME_base_index` alone or with `_NAME_alias` is the whole base; `_NAME_slice_dim`, `_start`, `_end` are a slice of it;
`_NAME_size`, `_stride`, `_storage_offset` another view of its memory. Of a list `_NAME_length`, and `_NAME_0_base_index`, ... An operator
that is tagged as `out` has no bases: `_NAME_size`, `_stride`, `_dtype` say what its argument is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from compiler.ir.expr import Expr, as_expr, exprs
from compiler.ir.loop import Layout, TensorRef, Written
from compiler.ir.op_schema import OpSchema, OpType, parse
from compiler.lowering import stride_order
from compiler.lowering.builder import Builder, Meta
from compiler.lowering.custom_ops import argument, emit, in_schema_order, why_no_record
from compiler.lowering.registry import Unsupported, lowers
from compiler.lowering.torch_types import to_dtype
from compiler.lowering.values import Value


@lowers("auto_functionalized_v2")
def auto_functionalized(b: Builder, op: torch._ops.OpOverload, /, **kwargs: Any) -> Any:
    """The operator's results, None where it has none, then the new value of each base."""
    schema = parse(str(op._schema))
    bases: Sequence[Value] = kwargs.pop("_all_bases", ())
    given = in_schema_order(op, (), kwargs)
    if reason := why_no_record(schema, given, b.ctx):
        raise Unsupported(f"{schema.name} cannot be called", reason)
    written = _Bases(b, schema, kwargs, bases)
    args = tuple(
        written.argument(name, kind) if name in schema.written else argument(b, schema, name, kind, value)
        for (name, kind), value in zip(schema.arguments, given, strict=True)
    )
    fresh = list(b.outs[: len(schema.results) - len(schema.aliased)])
    made = emit(b, str(op._schema), args, [(m.dtype, m.size) for m in fresh], written.pairs)
    changed = made[len(fresh) :]
    if written.is_out:
        return tuple(changed) if len(changed) > 1 else changed[0]
    aliases = [changed[w.base].with_layout(w.layout) for w in args if isinstance(w, Written)]
    results = iter(made[: len(fresh)])
    returned = [aliases[0] if k in schema.aliased else next(results) for k in range(len(schema.results))]
    return (*returned, *changed) if returned else (None, *changed)


class _Bases:
    """The tensors that a call writes into. `pairs`: the old value (None where it has none) and the new value's layout, of each."""

    def __init__(
        self, b: Builder, schema: OpSchema, kwargs: Mapping[str, Any], bases: Sequence[Value]
    ) -> None:
        self.b, self.schema, self.kwargs = b, schema, kwargs
        self.is_out = any(f"_{name}_dtype" in kwargs for name in schema.written)
        self.pairs: list[tuple[TensorRef | None, Layout]] = []
        for value, meta in zip(bases, b.outs[len(b.outs) - len(bases) :], strict=True):
            layout = _layout(meta)
            self.pairs.append((_old_value(b, value, layout), layout))

    def argument(self, name: str, kind: OpType) -> object:
        """What stands in the place of the written argument `name`."""
        if self.is_out:
            return self._fresh(f"_{name}")
        if kind.leaf != "Tensor":
            raise Unsupported(
                f"argument {name} of {self.schema.name} is of type {kind}, and written to",
                "write to tensors, options and lists of them only",
            )
        inner = kind.item if kind.kind == "optional" else kind
        if inner.kind != "list":
            return self._view(f"_{name}")
        length = self.kwargs[f"_{name}_length"]
        return None if length is None else tuple(self._view(f"_{name}_{k}") for k in range(length))

    def _fresh(self, prefix: str) -> Written:
        size, stride = (exprs(self.kwargs[f"{prefix}_{what}"]) for what in ("size", "stride"))
        layout = Layout(to_dtype(self.kwargs[f"{prefix}_dtype"]), size, stride)
        self.pairs.append((None, layout))
        return Written(len(self.pairs) - 1, layout)

    def _view(self, prefix: str) -> Written | None:
        base = self.kwargs[f"{prefix}_base_index"]
        if base is None:
            return None
        whole = self.pairs[base][1]
        if f"{prefix}_slice_dim" in self.kwargs:
            dim, start, end = (self.kwargs[f"{prefix}_slice_{what}"] for what in ("dim", "start", "end"))
            return Written(base, _sliced(whole, dim, as_expr(start), as_expr(end)))
        if f"{prefix}_storage_offset" in self.kwargs:
            values = [self.kwargs[f"{prefix}_{what}"] for what in ("size", "stride", "storage_offset")]
            return Written(base, self._strided(whole, *values))
        return Written(base, whole)

    def _strided(self, whole: Layout, size: Sequence[Any], stride: Sequence[Any], offset: Any) -> Layout:
        """A view by strides: of dense memory, so that each element of it is one of the base's."""
        seen = replace(whole, size=exprs(size), stride=exprs(stride), offset=as_expr(offset))
        beyond = (seen.storage_numel() - whole.storage_numel()).hi
        dense = self.b.is_packed(whole, stride_order.of_layout(whole))
        if not dense or (beyond is not None and beyond > 0):
            raise Unsupported(
                f"{self.schema.name} writes to a view (sizes {list(map(str, seen.size))}, strides {list(map(str, seen.stride))}, "
                f"offset {seen.offset}) of a tensor that {'does not reach so far' if dense else 'has gaps in its memory'}",
                "give the operator a contiguous tensor, or a slice of one along one dim",
            )
        return seen


def _layout(meta: Meta) -> Layout:
    return Layout(meta.dtype, meta.size, meta.stride)


def _old_value(b: Builder, value: Value, layout: Layout) -> TensorRef:
    """The base in memory, laid out as its new value where that costs nothing."""
    if value.ref is None and b.is_packed(layout, stride_order.of_layout(layout)):
        b.realize(value, stride_order.of_layout(layout))
    return b.in_memory(value)


def _sliced(whole: Layout, dim: int, start: Expr, end: Expr) -> Layout:
    size = (*whole.size[:dim], end - start, *whole.size[dim + 1 :])
    return replace(whole, size=size, offset=whole.offset + start * whole.stride[dim])
