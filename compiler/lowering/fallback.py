"""PyTorch's operators without a lowering of our own: calls into libtorch in the flavour shim = "torch", refusals in the others.

Two ways lead there, and a call takes the first that can express it:
    a function of PyTorch's C shim     one tensor as result, arguments without options and lists of tensors; what functions there are
                                       is read from the pinned wheel's own header, so that nothing is promised that does not link
    libtorch's dispatcher, by schema   several results, lists and options of anything, strings, dtypes, devices (`custom_ops`); numbers
                                       of no type (Scalar) are what its C interface does not take

    logcumsumexp(x, 1)   ->  buf0 = extern aoti_torch_cpu_logcumsumexp ... operand x, argument int 1
    linalg_qr(x, "r")    ->  custom0 = custom "aten::linalg_qr(Tensor A, str mode="reduced") -> (Tensor Q, Tensor R)": operand x, "r"
                             buf1, buf2 = results of custom0
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.fx

from compiler.ir.loop import ExternKernel, Layout, TensorRef
from compiler.ir.op_schema import OpSchema, OpType, parse
from compiler.lowering import custom_ops
from compiler.lowering.builder import Builder
from compiler.lowering.custom_ops import argument, in_schema_order
from compiler.lowering.values import Value
from compiler.support.diagnostics import Problem
from compiler.support.options import Context

_HEADER = "include/torch/csrc/inductor/aoti_torch/generated/c_shim_cpu.h"
_DECLARATION = re.compile(r"AOTITorchError (aoti_torch_cpu_\w+)\((.*)\);")
# What the dispatcher's C interface has no form for.
_NO_FORM = ("Scalar", "SymBool")


def unsupported(node: torch.fx.Node, ctx: Context) -> Problem | None:
    """Why this node is refused; None where the library's flavour lets it be called."""
    reason = "" if _shim_takes(node) else _dispatcher_refuses(node, ctx)
    if not reason and ctx.options.shim == "torch":
        return None
    original = node.meta["origin"].aten_op
    name = str(node.target) if original == str(node.target) else f"{node.target} (of {original})"
    owner = f"PyTorch's C shim has {_function(node)}" if _shim_takes(node) else "libtorch's dispatcher has it"
    remedy = (
        f"no flavour of the library has it: {reason}" if reason else f'{owner}: build with shim = "torch"'
    )
    return Problem(f"{name} is not lowered", node.meta["origin"].location, remedy)


def call(b: Builder, node: torch.fx.Node, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """The call's results as new buffers."""
    return _shim_call(b, node, args, kwargs) if _shim_takes(node) else custom_ops.call(b, node, args, kwargs)


def _shim_call(b: Builder, node: torch.fx.Node, args: Sequence[Any], kwargs: dict[str, Any]) -> Value:
    """The shim function's result, which the runtime makes contiguous where it is not."""
    assert isinstance(node.target, torch._ops.OpOverload)
    schema = parse(str(node.target._schema))
    values = zip(schema.arguments, in_schema_order(node.target, args, kwargs), strict=True)
    ordered = tuple(_argument(b, schema, name, kind, value) for (name, kind), value in values)
    name = b.new_name()
    layout = Layout.contiguous(b.out.dtype, b.out.size)
    b.add(ExternKernel(name, layout, (b.origin,), _function(node), ordered, str(node.target)))
    return Value.stored(TensorRef(name, layout))


def _argument(b: Builder, schema: OpSchema, name: str, kind: OpType, value: Any) -> object:
    """As C has it: a Scalar is a double, sizes in lists are numbers."""
    if isinstance(value, Value):
        return b.contiguous(value)
    if kind.kind == "Scalar" and isinstance(value, (bool, int)):
        return float(value)
    return argument(b, schema, name, kind, value)


def _shim_takes(node: torch.fx.Node) -> bool:
    """Whether a function of the shim can express the call."""
    if not isinstance(node.target, torch._ops.OpOverload) or not isinstance(
        node.meta.get("val"), torch.Tensor
    ):
        return False
    parameters = _shim_functions().get(_function(node))
    if parameters is None or sum(p.startswith("AtenTensorHandle* ret") for p in parameters) != 1:
        return False
    kinds = (kind for _, kind in parse(str(node.target._schema)).arguments)
    return all(map(_has_c_form, kinds, in_schema_order(node.target, node.args, node.kwargs)))


def _has_c_form(kind: OpType, value: object) -> bool:
    """Whether the value is one parameter of C: an option is a null pointer, a list of integers two parameters."""
    if value is None:
        return kind.kind == "optional" and kind.item.kind not in ("list", "Device")
    if kind.kind == "list":
        return kind.leaf in ("int", "SymInt") and isinstance(value, (list, tuple))
    return kind.kind in ("Tensor", "int", "SymInt", "float", "bool", "Scalar", "str")


def _dispatcher_refuses(node: torch.fx.Node, ctx: Context) -> str:
    """Why the dispatcher cannot be called for this node; empty where it can."""
    if not isinstance(node.target, torch._ops.OpOverload):
        return "it is no operator of PyTorch's dispatcher"
    if reason := custom_ops.why_not(node, ctx):
        return reason
    schema = parse(str(node.target._schema))
    if schema.results != schema.results[::-1]:
        return "it returns tensors and lists of them, which the dispatcher's C interface confuses"
    for (name, kind), value in zip(
        schema.arguments, in_schema_order(node.target, node.args, node.kwargs), strict=True
    ):
        if value is not None and kind.leaf in _NO_FORM:
            return f"the dispatcher's C interface does not take its argument {name}, of type {kind}"
    return ""


def _function(node: torch.fx.Node) -> str:
    """aten.foo.default -> aoti_torch_cpu_foo, aten.foo.Bar -> aoti_torch_cpu_foo_Bar."""
    _, name, overload = str(node.target).split(".")
    return f"aoti_torch_cpu_{name}" + ("" if overload == "default" else f"_{overload}")


@functools.cache
def _shim_functions() -> dict[str, list[str]]:
    """The functions of PyTorch's CPU shim with their parameters."""
    text = (Path(torch.__file__).parent / _HEADER).read_text()
    return {m[1]: [p.strip() for p in m[2].split(",")] for m in _DECLARATION.finditer(text)}
