"""Calls of operators by their schema: custom ones, and those of PyTorch that only its dispatcher can call (`fallback`).

A node with the arguments as the schema orders them, defaults filled in and converted to the types that it names, and one result
buffer for each tensor that the call returns, those of lists too. The kernel is found by the schema when a container is created
(shim/include/aoti/custom_op.h): one that is linked in, or in the flavour "torch" what libtorch's dispatcher has. Outputs are contiguous
buffers of the sizes that export saw; operands are handed over in memory as they lie.

    mylib.scale(x, 2)  ->  custom3 = custom "mylib::scale(Tensor x, float factor) -> Tensor": operand x, argument float 2.0
                           buf4 = result float32 [2, 3] of custom3
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
import torch.fx

from compiler.ir import dtypes
from compiler.ir.aten_ops import PYTORCH_NAMESPACES
from compiler.ir.dtypes import DType
from compiler.ir.expr import Expr
from compiler.ir.loop import CustomKernel, Layout, Result, TensorRef
from compiler.ir.op_schema import OpSchema, OpType, parse
from compiler.lowering.builder import Builder
from compiler.lowering.registry import Unsupported
from compiler.lowering.torch_types import to_dtype, to_sizes
from compiler.lowering.values import Value
from compiler.support.diagnostics import Problem
from compiler.support.options import Context

_NOTHING = Layout.contiguous(dtypes.bool_, [0])
# Numbers of the C ABI (c10/core/Layout.h, c10/core/MemoryFormat.h).
_LAYOUTS = {torch.strided: 0}
_MEMORY_FORMATS = {
    torch.contiguous_format: 0, torch.preserve_format: 1, torch.channels_last: 2, torch.channels_last_3d: 3
}  # fmt: skip
# Kinds of arguments that a record of a call can hold (compiler/wrapper/op_record.py).
_KINDS = frozenset(
    ("Tensor", "int", "SymInt", "float", "bool", "SymBool", "Scalar", "str", "ScalarType", "Layout", "MemoryFormat", "Device")
)  # fmt: skip


def is_custom(node: torch.fx.Node) -> bool:
    return isinstance(node.target, torch._ops.OpOverload) and node.target.namespace not in PYTORCH_NAMESPACES


def unsupported(node: torch.fx.Node, ctx: Context) -> Problem | None:
    """Why this call of a custom operator cannot be compiled; None where it can."""
    assert isinstance(node.target, torch._ops.OpOverload)
    reason = why_not(node, ctx)
    name = node.target._schema.name
    return Problem(f"{name} cannot be called", node.meta["origin"].location, reason) if reason else None


def why_not(node: torch.fx.Node, ctx: Context) -> str:
    """Why no record of this call can be made, and what to do; empty where one can."""
    assert isinstance(node.target, torch._ops.OpOverload)
    schema = parse(str(node.target._schema))
    if schema.written:
        return "it writes to its arguments, and export has not made that a result: export the model again"
    return why_no_record(schema, in_schema_order(node.target, node.args, node.kwargs), ctx)


def why_no_record(schema: OpSchema, given: Sequence[Any], ctx: Context) -> str:
    """The same of an operator and its arguments (what it writes to is not among them: None)."""
    if not (schema.results or schema.written) or any(
        str(r) not in ("Tensor", "Tensor[]") for r in schema.results
    ):
        return "it returns something else than tensors and lists of tensors: let it return tensors"
    if sum(r.kind == "list" for r in schema.results) > 1:
        return "it returns several lists of tensors: let it return one list"
    if ctx.options.device != "cpu":
        return 'kernels of custom operators are called on the CPU only: compile for device = "cpu"'
    for (name, kind), value in zip(schema.arguments, given, strict=True):
        if value is not None and kind.leaf not in _KINDS:
            return f"its argument {name} is of type {kind}, which cannot be handed over: leave it None"
    return ""


def in_schema_order(op: torch._ops.OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
    """All arguments with defaults filled in."""
    arguments = op._schema.arguments
    given = {a.name: value for a, value in zip(arguments, args, strict=False)} | dict(kwargs)
    return [
        given[a.name] if a.name in given else a.default_value if a.has_default_value() else None
        for a in arguments
    ]


def call(b: Builder, node: torch.fx.Node, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """The call's results: a value, or as many, in lists as the operator returns them."""
    assert isinstance(node.target, torch._ops.OpOverload)
    schema = parse(str(node.target._schema))
    values = zip(schema.arguments, in_schema_order(node.target, args, kwargs), strict=True)
    ordered = tuple(argument(b, schema, name, kind, value) for (name, kind), value in values)
    made = node.meta["val"]
    outputs = [(to_dtype(t.dtype), to_sizes(t.shape)) for t in _tensors(made)]
    return _shaped(made, iter(emit(b, str(node.target._schema), ordered, outputs)))


def emit(
    b: Builder,
    schema: str,
    args: tuple[object, ...],
    outputs: Sequence[tuple[DType, Sequence[Expr]]],
    written: Sequence[tuple[TensorRef | None, Layout]] = (),
) -> list[Value]:
    """A call whose arguments are ready, and its results: the outputs, contiguous, then the new value of each that is `written`."""
    name = f"custom{b.next_number('custom')}"
    b.add(CustomKernel(name, _NOTHING, (b.origin,), schema, args, tuple(base for base, _ in written)))
    results = []
    layouts = [Layout.contiguous(dtype, size) for dtype, size in outputs]
    for layout in (*layouts, *(layout for _, layout in written)):
        result = b.new_name()
        b.add(Result(result, layout, (b.origin,), name))
        results.append(Value.stored(TensorRef(result, layout)))
    return results


def _tensors(made: Any) -> Iterator[torch.Tensor]:
    if isinstance(made, torch.Tensor):
        yield made
    else:
        for part in made:
            yield from _tensors(part)


def _shaped(made: Any, results: Iterator[Value]) -> Any:
    return next(results) if isinstance(made, torch.Tensor) else tuple(_shaped(part, results) for part in made)


def argument(b: Builder, schema: OpSchema, name: str, kind: OpType, value: Any) -> object:
    """The value as the schema's type has it: a kernel is told of no conversions."""
    if value is None:
        return None
    if kind.kind == "optional":
        return argument(b, schema, name, kind.item, value)
    if kind.kind == "list":
        items = value if isinstance(value, (list, tuple)) else [value] * kind.length
        return tuple(argument(b, schema, name, kind.item, v) for v in items)
    if isinstance(value, Value):
        return b.in_memory(value)
    made = _plain(kind.kind, value)
    if made is None:
        raise Unsupported(
            f"argument {name} of {schema.name} is {value!r}, which is no {kind}",
            "call the operator with a value of the type that its schema names",
        )
    return made


def _plain(kind: str, value: Any) -> object:
    """A value that is no tensor; None where it is not of this kind."""
    match kind, value:
        case "ScalarType", torch.dtype():
            return to_dtype(value).code
        case "Device", torch.device() | str():
            return str(value)
        case "Layout", torch.layout():
            return _LAYOUTS.get(value)
        case "MemoryFormat", torch.memory_format():
            return _MEMORY_FORMATS[value]
        case "float", bool() | int() | float():
            return float(value)
        case "float", Expr():
            return float(value.value())
        case (("int" | "SymInt"), bool() | int()):
            return int(value)
        case (("int" | "SymInt" | "Scalar"), Expr()):
            return value
        case (("bool" | "SymBool"), bool() | int()):
            return bool(value)
        case "Scalar", bool() | int() | float():
            return value
        case "str", str():
            return value
    return None
