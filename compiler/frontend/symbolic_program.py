"""Takes torch's symbolic values out of a program in memory: what `pt2_reader` does on the way for a file.

Enters: an exported program with origins on its nodes. Leaves: the same graph, where every tensor's type is an `ir.tensor_type`, numbers
made of sizes stand in arguments as expressions, and their nodes are gone; and the `Sizes` with the guards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch
import torch.fx
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind, TensorArgument

from compiler.frontend import input_paths
from compiler.frontend.blocks import every_module
from compiler.frontend.sizes import NotASize, Range, Sizes
from compiler.ir.expr import Expr, IntLike, exprs
from compiler.ir.tensor_type import tensor_type
from compiler.support.diagnostics import Problem

_NUMBERS = (torch.SymInt, torch.SymFloat, torch.SymBool)


def run(program: ExportedProgram) -> tuple[Sizes, list[Problem]]:
    """Edits the program's graph; the problems name every value that has no counterpart."""
    taken = [n.name for n in program.graph.nodes if n.op == "placeholder"]
    sizes = Sizes(_ranges(program), taken)
    problems: list[Problem] = []
    try:
        sizes.relate(_inputs(program, sizes), getattr(program, "_guards_code", None) or [])
    except NotASize as error:
        problems.append(
            Problem(f"a guard of the exported program cannot be checked: {error}", "", error.remedy)
        )
    for module in every_module(program.graph_module):
        for node in list(module.graph.nodes):
            if "val" in node.meta:
                problems += _convert(node, sizes)
            elif isinstance(node.target, torch._ops.OpOverload) and not node.target._schema.returns:
                node.meta["val"] = None  # an assertion, which export leaves without
    return sizes, problems


def _ranges(program: ExportedProgram) -> dict[str, Range]:
    def bound(value: Any) -> int | None:
        return int(value) if getattr(value, "is_Integer", isinstance(value, int)) else None

    return {str(k): (bound(r.lower), bound(r.upper)) for k, r in program.range_constraints.items()}


def _inputs(program: ExportedProgram, sizes: Sizes) -> dict[str, tuple[tuple[Expr, ...], ...]]:
    """Sizes and strides of each tensor input by the names that guards use."""
    signature = program.module_call_graph[0].signature
    assert signature is not None
    names = input_paths.paths(program.call_spec.in_spec, signature.forward_arg_names or [])
    values = {n.name: n.meta.get("val") for n in program.graph.nodes if n.op == "placeholder"}
    specs = [
        s
        for s in program.graph_signature.input_specs
        if s.kind == InputKind.USER_INPUT and not isinstance(s.arg, str)
    ]
    found: dict[str, tuple[tuple[Expr, ...], ...]] = {}
    for paths, spec in zip(names, specs, strict=True):
        value = values.get(spec.arg.name) if isinstance(spec.arg, TensorArgument) else None
        if isinstance(value, torch.Tensor):
            layout = (
                exprs(_integers(value.shape, sizes.expr)),
                exprs(_integers(value.stride(), sizes.stride)),
            )
            found.update(dict.fromkeys(paths, layout))
    return found


def _integers(values: Any, read: Callable[[str], Expr]) -> list[IntLike]:
    return [read(_text(v)) if isinstance(v, torch.SymInt) else int(v) for v in values]


def converted(strides: Sequence[Any], sizes: Sizes) -> list[tuple[IntLike, ...] | None]:
    """Strides that were taken from the program before `run`."""
    return [None if s is None else tuple(_integers(s, sizes.stride)) for s in strides]


def _text(value: Any) -> str:
    """As export writes it to a file."""
    from torch._export.serde.serialize import _print_sympy

    text: str = _print_sympy(value)
    return text


def _convert(node: torch.fx.Node, sizes: Sizes) -> Iterator[Problem]:
    """Gives the node its type; a node that computes a number goes away."""
    value = node.meta["val"]
    try:
        if isinstance(value, _NUMBERS):
            _replace(node, _number(value, sizes))
        elif str(node.target) == "aten._assert_scalar.default":
            _state(node, sizes)
        else:
            node.meta["val"] = torch.utils._pytree.tree_map(_type_of(sizes), value)
    except NotASize as error:
        yield Problem(
            f"{node.name} is a size that has no counterpart here: {error}", _where(node), error.remedy
        )


def _where(node: torch.fx.Node) -> str:
    return str(node.meta["origin"].location)


def _number(value: Any, sizes: Sizes) -> Any:
    if isinstance(value, torch.SymInt):
        found = sizes.expr(_text(value))
        return found.value() if found.is_const else found
    return sizes.number(_text(value)) if isinstance(value, torch.SymFloat) else sizes.conditions(_text(value))


def _type_of(sizes: Sizes) -> Callable[[Any], Any]:
    def convert(value: Any) -> Any:
        if not isinstance(value, torch.Tensor):
            return value
        size, stride = _integers(value.shape, sizes.expr), _integers(value.stride(), sizes.stride)
        return tensor_type(value.dtype, size, stride)

    return convert


def _replace(node: torch.fx.Node, number: Any) -> None:
    """The number stands where the node's result stood."""
    for user in list(node.users):
        changed: Any = torch.fx.node.map_aggregate(
            (user.args, user.kwargs), lambda a: number if a is node else a
        )
        user.args, user.kwargs = changed
    node.graph.erase_node(node)


def _state(node: torch.fx.Node, sizes: Sizes) -> None:
    stated: Any = node.args[0]
    for guard in stated if isinstance(stated, (list, tuple)) else []:
        sizes.state(replace(guard, origin=_where(node)))
    node.graph.erase_node(node)
