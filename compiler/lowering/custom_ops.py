"""Calls of custom operators: a node with the arguments as the schema orders them, and one result buffer for each tensor that it returns.

The kernel is linked into the library and found by the schema when a container is created (shim/include/aoti/custom_op.h), so every flavour
can call it. Outputs are contiguous buffers of the sizes that export saw; operands are handed over in memory as they lie.

    mylib.scale(x, 0.5)  ->  custom3 = custom "mylib::scale(Tensor x, float factor) -> Tensor": operand x, argument float 0.5
                             buf4 = result float32 [2, 3] of custom3
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.fx

from compiler.ir import dtypes
from compiler.ir.aten_ops import PYTORCH_NAMESPACES
from compiler.ir.expr import Expr
from compiler.ir.loop import CustomKernel, Layout, Result, TensorRef
from compiler.lowering.builder import Builder
from compiler.lowering.torch_types import to_dtype
from compiler.lowering.values import Value
from compiler.support.diagnostics import Problem
from compiler.support.options import Context

_NOTHING = Layout.contiguous(dtypes.bool_, [0])
# Numbers of the C ABI (c10/core/Layout.h, c10/core/MemoryFormat.h).
_LAYOUTS = {torch.strided: 0}
_MEMORY_FORMATS = {
    torch.contiguous_format: 0, torch.preserve_format: 1, torch.channels_last: 2, torch.channels_last_3d: 3
}  # fmt: skip


def is_custom(node: torch.fx.Node) -> bool:
    return isinstance(node.target, torch._ops.OpOverload) and node.target.namespace not in PYTORCH_NAMESPACES


def unsupported(node: torch.fx.Node, ctx: Context) -> Problem | None:
    """Why this call of a custom operator cannot be compiled; None where it can."""
    assert isinstance(node.target, torch._ops.OpOverload)
    schema = node.target._schema
    reason = ""
    if schema.is_mutable:
        reason = "it writes to its arguments: let it return new tensors"
    elif not schema.returns or any(not isinstance(r.type, torch.TensorType) for r in schema.returns):
        reason = "it returns something else than tensors: let it return tensors"
    elif ctx.options.device != "cpu":
        reason = 'kernels of custom operators are called on the CPU only: compile for device = "cpu"'
    return (
        Problem(f"{schema.name} cannot be called", node.meta["origin"].location, reason) if reason else None
    )


def call(b: Builder, node: torch.fx.Node, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """The call's results: a value, or a tuple of them."""
    assert isinstance(node.target, torch._ops.OpOverload)
    schema = node.target._schema
    given = {a.name: value for a, value in zip(schema.arguments, args, strict=False)} | dict(kwargs)
    values = [given.get(a.name, a.default_value) for a in schema.arguments]
    ordered = tuple(_argument(b, value) for value in values)
    name = f"custom{b.next_number('custom')}"
    b.add(CustomKernel(name, _NOTHING, (b.origin,), str(schema), ordered))
    results = []
    for meta in b.outs:
        layout = Layout.contiguous(meta.dtype, meta.size)
        result = b.new_name()
        b.add(Result(result, layout, (b.origin,), name))
        results.append(Value.stored(TensorRef(result, layout)))
    return tuple(results) if isinstance(node.meta.get("val"), (tuple, list)) else results[0]


def _argument(b: Builder, value: Any) -> object:
    if isinstance(value, Value):
        return b.in_memory(value)
    if isinstance(value, (list, tuple)):
        return tuple(_argument(b, v) for v in value)
    if isinstance(value, torch.dtype):
        return to_dtype(value).code
    if isinstance(value, torch.device):
        return str(value)
    if isinstance(value, torch.layout):
        return _LAYOUTS[value]
    if isinstance(value, torch.memory_format):
        return _MEMORY_FORMATS[value]
    assert value is None or isinstance(value, (bool, int, float, str, Expr)), value
    return value
