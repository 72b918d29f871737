"""Operators without a lowering of our own: a call of PyTorch's C shim in the flavour shim = "torch", a refusal
in the others.

What PyTorch's shim has is read from the pinned wheel's own header (generated/c_shim_cpu.h), so that nothing
is promised that does not link. A call is possible where the function returns one tensor and every argument is
a tensor, a number, a string, a list of integers or an absent option.

    logcumsumexp(x, 1), shim = "torch"  ->  buf0 = extern aoti_torch_cpu_logcumsumexp ... operand x, argument int 1
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.fx

from compiler.ir.expr import Expr
from compiler.ir.loop import ExternKernel, Layout, TensorRef
from compiler.lowering.builder import Builder
from compiler.lowering.values import Value
from compiler.support.diagnostics import Problem
from compiler.support.options import Context

_HEADER = "include/torch/csrc/inductor/aoti_torch/generated/c_shim_cpu.h"
_DECLARATION = re.compile(r"AOTITorchError (aoti_torch_cpu_\w+)\((.*)\);")


def unsupported(node: torch.fx.Node, ctx: Context) -> Problem | None:
    """Why this node is refused; None where the library's flavour lets it be called."""
    reason = _why_not(node)
    if not reason and ctx.options.shim == "torch":
        return None
    original = node.meta["origin"].aten_op
    name = str(node.target) if original == str(node.target) else f"{node.target} (of {original})"
    remedy = reason or f'PyTorch\'s C shim has {_function(node)}: build with shim = "torch"'
    return Problem(f"{name} is not lowered", node.meta["origin"].location, remedy)


def call(b: Builder, node: torch.fx.Node, args: Sequence[Any], kwargs: dict[str, Any]) -> Value:
    """The shim function's result as a new buffer. Operands are handed over contiguous, so the result is contiguous."""
    ordered = [_argument(b, value) for value in _in_schema_order(node, args, kwargs)]
    name = b.new_name()
    layout = Layout.contiguous(b.out.dtype, b.out.size)
    b.add(ExternKernel(name, layout, (b.origin,), _function(node), tuple(ordered), str(node.target)))
    return Value.stored(TensorRef(name, layout))


def _argument(b: Builder, value: Any) -> object:
    if isinstance(value, Value):
        return b.contiguous(value)
    if isinstance(value, Expr):
        return value.value()
    return tuple(value) if isinstance(value, list) else value


def _why_not(node: torch.fx.Node) -> str:
    """Why the shim cannot be called for this node; empty where it can."""
    if not isinstance(node.target, torch._ops.OpOverload):
        return "no flavour of the library has it"
    parameters = _shim_functions().get(_function(node))
    if parameters is None:
        return "no flavour of the library has it: PyTorch's C shim has no such function"
    if (
        not isinstance(node.meta.get("val"), torch.Tensor)
        or sum(p.startswith("AtenTensorHandle* ret") for p in parameters) != 1
    ):
        return "no flavour of the library has it: it has several results"
    for argument, value in zip(
        node.target._schema.arguments, _in_schema_order(node, node.args, node.kwargs), strict=True
    ):
        optional = isinstance(argument.type, torch.OptionalType)
        if not _is_plain(value) or (optional and value is not None):
            return f"no flavour of the library has it with argument {argument.name} = {value}"
    return ""


def _is_plain(value: object) -> bool:
    if isinstance(value, (list, tuple)):
        return all(isinstance(v, int) and not isinstance(v, bool) for v in value)
    return value is None or isinstance(value, (torch.fx.Node, int, float, str))


def _in_schema_order(node: torch.fx.Node, args: Sequence[Any], kwargs: dict[str, Any]) -> list[Any]:
    """All arguments with defaults filled in."""
    assert isinstance(node.target, torch._ops.OpOverload)
    ordered = []
    for position, argument in enumerate(node.target._schema.arguments):
        if position < len(args):
            ordered.append(args[position])
        else:
            ordered.append(
                kwargs.get(argument.name, argument.default_value if argument.has_default_value() else None)
            )
    return ordered


def _function(node: torch.fx.Node) -> str:
    """aten.foo.default -> aoti_torch_cpu_foo, aten.foo.Bar -> aoti_torch_cpu_foo_Bar."""
    _, name, overload = str(node.target).split(".")
    return f"aoti_torch_cpu_{name}" + ("" if overload == "default" else f"_{overload}")


@functools.cache
def _shim_functions() -> dict[str, list[str]]:
    """The functions of PyTorch's CPU shim with their parameters."""
    text = (Path(torch.__file__).parent / _HEADER).read_text()
    return {m[1]: [p.strip() for p in m[2].split(",")] for m in _DECLARATION.finditer(text)}
