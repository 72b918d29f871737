"""Takes torch's symbolic values out of a program in memory: what `pt2_reader` does on the way for a file.

Enters: an exported program with origins on its nodes. Leaves: the same graph, where every tensor's type is an `ir.tensor_type`, numbers
made of sizes stand in arguments as expressions, and their nodes are gone; and the `Sizes` with the guards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import Any

import torch
import torch.fx
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind, TensorArgument

from compiler.frontend import input_paths
from compiler.frontend.blocks import every_module
from compiler.frontend.size_errors import NotASize
from compiler.frontend.sizes import Range, Sizes
from compiler.ir.aten_ops import BINDS_SIZES
from compiler.ir.expr import Expr, IntLike, as_expr, exprs, maximum, minimum, mul_all, wrapped
from compiler.ir.tensor_type import tensor_type
from compiler.support.diagnostics import Problem

_NUMBERS = (torch.SymInt, torch.SymFloat, torch.SymBool)
# A number out of a tensor.
_READS = ("aten.item.default", "aten._local_scalar_dense.default")
# x, dim, start, end, step
_SLICE_DEFAULTS = (None, 0, None, None, 1)


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
            if isinstance(node.target, torch._ops.OpOverload) and not node.target._schema.returns:
                node.meta.setdefault("val", None)  # an assertion, which export leaves without
            if "val" in node.meta:
                problems += _convert(node, sizes)
    for guard in sizes.guards:
        if lost := sizes.unbound((guard.left, guard.right)):
            names = ", ".join(map(str, lost))
            problems.append(
                Problem(
                    f"a condition on sizes, {guard}, needs {names}, which no operator gives", guard.origin, ""
                )
            )
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
    """Strides that were taken from the program before `run`; None where they are made of numbers from data, which have had other names
    since the program was decomposed."""
    found = [None if s is None else tuple(_integers(s, sizes.stride)) for s in strides]
    return [None if s is None or sizes.unbound(s) else s for s in found]


def _text(value: Any) -> str:
    """As export writes it to a file."""
    from torch._export.serde.serialize import _print_sympy

    text: str = _print_sympy(value)
    return text


def _convert(node: torch.fx.Node, sizes: Sizes) -> Iterator[Problem]:
    """Gives the node its type; a node that computes a number goes away."""
    value = node.meta["val"]
    try:
        if str(node.target) in _READS:
            _read(node, value, sizes)
        elif isinstance(value, _NUMBERS):
            _replace(node, _number(value, sizes))
            node.graph.erase_node(node)
        elif str(node.target) == "aten._assert_scalar.default":
            _state(node, sizes)
        else:
            if str(node.target) == "aten.slice.Tensor":
                _size_of_slice(node, value, sizes)
            elif str(node.target) == "aten.masked_select.default":
                _most_selected(node, value, sizes)
            node.meta["val"] = torch.utils._pytree.tree_map(_type_of(sizes), value)
            yield from _bind(node, sizes)
    except NotASize as error:
        yield Problem(
            f"{node.name} is a size that has no counterpart here: {error}", _where(node), error.remedy
        )


def _bind(node: torch.fx.Node, sizes: Sizes) -> Iterator[Problem]:
    """The numbers from data that stand in the node's result first are given their values by it."""
    leaves = torch.utils._pytree.tree_leaves(node.meta["val"])
    new = sizes.unbound(e for t in leaves if isinstance(t, torch.Tensor) for e in t.shape)
    if new and str(node.target) not in BINDS_SIZES:
        what = "is an input or a result" if node.op == "placeholder" else "is the result of an operator"
        yield Problem(
            f"{node.name} {what} ({node.target}) whose size depends on data, which is supported of {', '.join(sorted(BINDS_SIZES))}",
            _where(node),
            "write it with one of these, or with a tensor of fixed size and a mask",
        )
    sizes.bind(new)


def _read(node: torch.fx.Node, value: Any, sizes: Sizes) -> None:
    """`.item()`: the node stays, for it gives a symbol its value; whoever uses the number has the expression."""
    if isinstance(value, torch.SymBool):
        conditions = sizes.conditions(_text(value))
        found, number = conditions[0].left, conditions
    else:
        number = _number(value, sizes) if isinstance(value, _NUMBERS) else value
        found = as_expr(number) if isinstance(number, (int, Expr)) else number
    if isinstance(found, Expr):
        sizes.bind(sizes.unbound([found]))
    _replace(node, number)
    node.meta["val"] = found


def _size_of_slice(node: torch.fx.Node, value: torch.Tensor, sizes: Sizes) -> None:
    """A slice whose bounds are from data has a size with a name of its own, which follows from the bounds."""
    values: list[Any] = [*node.args, *_SLICE_DEFAULTS[len(node.args) :]]
    x, dim, start, end, step = values
    size: Any = value.shape[dim]
    if not isinstance(size, torch.SymInt) or not sizes.is_new(_text(size)):
        return
    extent = as_expr(x.meta["val"].shape[dim])
    first = _clip(0 if start is None else start, extent)
    last = _clip(extent if end is None else end, extent)
    sizes.define(_text(size), maximum(0, -(-(last - first) // as_expr(step))))


def _most_selected(node: torch.fx.Node, value: torch.Tensor, sizes: Sizes) -> None:
    """A mask that stretches the tensor can select more than the tensor has. Torch 2.13 says that it cannot, and asserts that in the
    graph: its own program fails then for the inputs that it was exported with."""
    size: Any = value.shape[0]
    x, mask = (a.meta["val"].shape for a in node.args if isinstance(a, torch.fx.Node))
    own, most = mul_all(as_expr(s) for s in x), mul_all(_stretched(x, mask))
    if isinstance(size, torch.SymInt) and sizes.is_new(_text(size)) and own.is_const and own is not most:
        sizes.widen(_text(size), own.value(), most.hi)


def _stretched(x: Sequence[IntLike], y: Sequence[IntLike]) -> Iterator[Expr]:
    """The sizes of two tensors together."""
    for a, b in zip_longest(reversed(x), reversed(y), fillvalue=1):
        yield as_expr(b if a == 1 else a)


def _clip(position: Any, extent: Expr) -> Expr:
    """A slice's bound, counted from the end where it is negative, inside of [0, extent]."""
    return minimum(maximum(wrapped(as_expr(position), extent), 0), extent)


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
        if isinstance(number, list) and str(user.target) != "aten._assert_scalar.default":
            raise NotASize(f"the condition {number[0]} is used as a value by {user.name}")
        changed: Any = torch.fx.node.map_aggregate(
            (user.args, user.kwargs), lambda a: number if a is node else a
        )
        user.args, user.kwargs = changed


def _state(node: torch.fx.Node, sizes: Sizes) -> None:
    stated: Any = node.args[0]
    for guard in stated if isinstance(stated, (list, tuple)) else []:
        sizes.state(replace(guard, origin=_where(node)))
    node.graph.erase_node(node)
