"""Calls of operators by their schema in a JIT: `rt.op(SCHEMA, [arguments], [outputs])` of a printed plan.

Enters: a schema, the arguments as a plan has them, the memory of the outputs. Leaves: the outputs filled; what the schema marks as written
is written where it lies. The operator is PyTorch's: the one that is registered under the schema's name in this process.

    rt.op("mylib::scale(Tensor x, ScalarType dtype) -> Tensor", [x, 7], [buf0])
      ->  buf0.copy_(torch.ops.mylib.scale.default(x, torch.float64))

Invariant: as in a library (runtime/model), an operator that has another schema than when the plan was made, or gives another number,
type or size of results, is an error that names it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch

from compiler.ir import dtypes
from compiler.ir.op_schema import ALIAS, OpSchema, OpType, parse
from compiler.support.diagnostics import UserError

Call = Callable[[Sequence[Any], Sequence[torch.Tensor]], None]
# Numbers of the C ABI (c10/core/MemoryFormat.h).
_MEMORY_FORMATS = (
    torch.contiguous_format,
    torch.preserve_format,
    torch.channels_last,
    torch.channels_last_3d,
)


def find(text: str) -> Call:
    """The call of the operator with this schema. Raises UserError where none is registered, another one under its name, or one that has
    no kernel for the CPU."""
    schema = parse(text)
    overload = _overload(schema)
    if overload is None:
        raise UserError(f"{text}: no operator of this name is registered; import what registers it")
    if str(overload._schema) != text:
        raise UserError(f"{text}: the operator that is registered now is {overload._schema}; compile again")
    if not torch._C._dispatch_has_computed_kernel_for_dispatch_key(overload.name(), "CPU"):
        raise UserError(
            f"{text}: the operator has no kernel for the CPU in this process; import what gives it one"
        )
    keywords = [a.name if a.kwarg_only else "" for a in overload._schema.arguments]

    def call(args: Sequence[Any], outputs: Sequence[torch.Tensor]) -> None:
        values = [_value(kind, arg) for (_, kind), arg in zip(schema.arguments, args, strict=True)]
        positional = [v for v, name in zip(values, keywords, strict=True) if not name]
        named = {name: v for v, name in zip(values, keywords, strict=True) if name}
        results = list(_fresh(schema, overload(*positional, **named), len(outputs)))
        if len(results) != len(outputs):
            raise ValueError(f"{schema.name} gave {len(results)} tensors; expected {len(outputs)}")
        for number, (result, output) in enumerate(zip(results, outputs, strict=True)):
            if result.dtype != output.dtype or result.shape != output.shape:
                raise ValueError(
                    f"{schema.name}: result {number} is {result.dtype} {list(result.shape)}; "
                    f"expected {output.dtype} {list(output.shape)}, as its fake implementation said"
                )
            output.copy_(result)

    return call


def _overload(schema: OpSchema) -> Any:
    namespace, _, name = schema.name.partition("::")
    packet = getattr(getattr(torch.ops, namespace), name, None)
    return getattr(packet, schema.overload or "default", None)


def _fresh(schema: OpSchema, result: Any, outputs: int) -> Iterator[torch.Tensor]:
    """The tensors that the call made, those of lists too; not those that it was given to write to."""
    results = result if len(schema.results) > 1 else (result,)
    for length, part in zip(schema.result_lengths(outputs), results, strict=False):
        if length != ALIAS:
            yield from part if length >= 0 else (part,)


def _value(kind: OpType, arg: Any) -> Any:
    """An argument as PyTorch has it."""
    if arg is None:
        return None
    match kind.kind:
        case "optional":
            return _value(kind.item, arg)
        case "list":
            return [_value(kind.item, a) for a in arg]
        case "ScalarType":
            return getattr(torch, dtypes.BY_CODE[arg].name)
        case "Device":
            return torch.device(arg)
        case "Layout":
            return torch.strided
        case "MemoryFormat":
            return _MEMORY_FORMATS[arg]
    return arg
