"""What the compiler refuses before it looks at single operators, with the model's source lines."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.fx
from torch._ops import HigherOrderOperator, OpOverload
from torch.export import ExportedProgram
from torch.export.graph_signature import (
    InputKind,
    OutputKind,
    SymBoolArgument,
    SymFloatArgument,
    SymIntArgument,
)

from compiler.frontend.blocks import OPERANDS, every_module
from compiler.frontend.signature import MUTATIONS, first_use
from compiler.ir.dtypes import BY_NAME
from compiler.support.diagnostics import Problem

_NUMBERS = (torch.SymInt, torch.SymFloat, torch.SymBool)
_SYMBOLIC = (SymIntArgument, SymFloatArgument, SymBoolArgument)


def run(program: ExportedProgram) -> list[Problem]:
    """All problems, in graph order, each with its first place only."""
    problems = [*_signature(program)]
    for module in every_module(program.graph_module):
        for node in module.graph.nodes:
            problems += _node(node)
    return list({p.what: p for p in reversed(problems)}.values())[::-1]


def _signature(program: ExportedProgram) -> Iterator[Problem]:
    placeholders = {n.name: n for n in program.graph.nodes if n.op == "placeholder"}
    for spec in program.graph_signature.input_specs:
        if spec.kind == InputKind.CUSTOM_OBJ:
            yield Problem(f"input {spec.arg.name} is a custom object", "", "only tensors can be inputs")
        elif spec.kind == InputKind.USER_INPUT and isinstance(spec.arg, _SYMBOLIC):
            yield Problem(
                f"input {spec.arg.name} is a symbolic number",
                first_use(placeholders[spec.arg.name]),
                "make it a tensor, or the size of one, or export with a fixed number: None for it in dynamic_shapes",
            )
    for out in program.graph_signature.output_specs:
        if out.kind not in (OutputKind.USER_OUTPUT, OutputKind.TOKEN, *MUTATIONS):
            yield Problem(
                f"output {out.arg.name} is a {out.kind.name.lower().replace('_', ' ')}",
                "",
                "export the model for inference, without a backward pass",
            )


def _node(node: torch.fx.Node) -> Iterator[Problem]:
    where = node.meta["origin"].location
    if isinstance(node.target, HigherOrderOperator):
        yield from _control_flow(node, where)
    values = node.meta.get("val")
    for value in values if isinstance(values, (tuple, list)) else [values]:
        if isinstance(value, torch.Tensor):
            yield from _tensor(node, value, where)


def _control_flow(node: torch.fx.Node, where: str) -> Iterator[Problem]:
    name = str(node.target)
    if name not in OPERANDS:
        if name.startswith("triton_kernel_wrapper"):
            yield Problem(
                f"the Triton kernel {_triton_kernel(node)} of the model (by {name}) is not supported",
                where,
                "a user's Triton kernel runs on a GPU only: give the model a path without it for the CPU",
            )
            return
        if name == "with_effects":
            op = node.meta["origin"].aten_op
            yield Problem(
                f"{op} runs {node.args[1]}, which has an effect beside its results: that is not supported",
                where,
                "call the operator without out=, and export without run_decompositions",
            )
            return
        if name == "auto_functionalized_v2" and isinstance(node.args[0], OpOverload):
            return  # a custom operator that writes to its arguments
        remedy = f"supported: {', '.join(OPERANDS)}"
        if name == "auto_functionalized":
            remedy = "export with torch._export.config.enable_auto_functionalized_v2_for_export, which is the default"
        yield Problem(f"higher-order operator {name} is not supported", where, remedy)
        return
    operands = [*OPERANDS[name](*node.args), *([node.args[0]] if name == "cond" else [])]
    for k, operand in enumerate(operands):
        if isinstance(operand, torch.fx.Node) and isinstance(operand.meta.get("val"), _NUMBERS):
            yield Problem(
                f"operand {k} of {name} is a size, {operand.name}",
                where,
                "make it a tensor (torch.full) before the call, or export with this size fixed",
            )
        elif operand is not None and not isinstance(operand, torch.fx.Node):
            yield Problem(
                f"operand {k} of {name} is the Python value {operand}",
                where,
                "make it a tensor (torch.tensor) before the call",
            )


def _triton_kernel(node: torch.fx.Node) -> str:
    """The name of the function that a call of a user's Triton kernel (`wrap_triton`) launches; its number where torch does not know it."""
    # Imported only where a model has one.
    from torch._higher_order_ops.triton_kernel_wrap import kernel_side_table

    number = node.kwargs.get("kernel_idx")
    kernel: object = kernel_side_table.id_to_kernel.get(number)  # type: ignore[arg-type]
    while hasattr(kernel, "fn"):  # under decorators: autotune, heuristics, jit
        kernel = kernel.fn
    return str(getattr(kernel, "__name__", f"number {number}"))


def _tensor(node: torch.fx.Node, value: torch.Tensor, where: str) -> Iterator[Problem]:
    name = (
        f"{node.op.removeprefix('call_')} {node.name}"
        if node.op == "placeholder"
        else f"{node.name} ({node.meta['origin'].aten_op})"
    )
    dtype = str(value.dtype).removeprefix("torch.")
    if dtype not in BY_NAME:
        yield Problem(f"{name} has dtype {dtype}", where, f"supported: {', '.join(BY_NAME)}")
    if value.layout != torch.strided:
        yield Problem(
            f"{name} has layout {value.layout}", where, "only dense tensors are supported; use .to_dense()"
        )
    elif value.device.type != "cpu":
        yield Problem(f"{name} is on device {value.device}", where, "export the model on the CPU")
