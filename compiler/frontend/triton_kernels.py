"""Calls of a model's own Triton kernels (`torch.library.triton_op`, `wrap_triton`) -> calls of `aoti::triton_kernel`.

Enters: a program in memory, at export, where the kernels' Python code is. Leaves: the same program in which every operator made of
Triton kernels is written out, and every launch is a call of one functional operator whose first argument says all of the kernel
(`ir/triton_kernel.py`), followed by a copy of what it made into the tensors that it writes. So the program can be written to a file, its
mutations are made functional like all others, and the file needs nothing of the model's Python code.

    mylib.add(x, y, 2.5)  ->  out = empty_like(x)
                              made = aoti.triton_kernel('{"function": "add_kernel", ...}', [x, y, out], strides, [n], [n // 256, 1, 1])
                              out.copy_(made[0])

The grid is computed by the model's own function, once for each configuration, with sizes that are symbols.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.fx
from torch._guards import detect_fake_mode
from torch._ops import HigherOrderOperator, OpOverload
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.export import ExportedProgram
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils import _pytree as pytree

from compiler.frontend.blocks import every_module
from compiler.frontend.provenance import location
from compiler.frontend.triton_source import NotPortable
from compiler.ir.triton_kernel import SCHEMA, from_json
from compiler.support.diagnostics import InternalError, Problem, refuse

_LAUNCH = "triton_kernel_wrapper_mutation"
_UNDEFINED = frozenset(
    ("empty", "empty_like", "new_empty", "empty_permuted", "empty_strided", "new_empty_strided")
)
_KEPT_META = ("stack_trace", "nn_module_stack", "source_fn_stack", "torch_fn", "custom")

_library: Any = torch.library.Library("aoti", "FRAGMENT")  # type: ignore[no-untyped-call]
_library.define(SCHEMA)


def _made(kernel: str, tensors: Sequence[torch.Tensor], *_: object) -> list[torch.Tensor]:
    """What a call gives, without contents."""
    given = (tensors[k] for k in from_json(kernel).written)
    return [torch.empty_strided(t.size(), t.stride(), dtype=t.dtype, device=t.device) for t in given]


_library.impl("triton_kernel", _made, "Meta")


@dataclass(frozen=True)
class Launch:
    """One launch as PyTorch traced it. `given`: parameter -> node or constant; `grids`: one for each configuration."""

    kernel: Any
    given: Mapping[str, Any]
    grids: Sequence[Sequence[Any]]
    node: torch.fx.Node


def are_in(program: ExportedProgram, keep_operators: bool = False) -> bool:
    """Whether the program calls such kernels, or operators made of them that are not kept as they are."""
    nodes = (n for module in every_module(program.graph_module) for n in module.graph.nodes)
    return any(_is_launch(n.target) or not keep_operators and _is_triton_op(n.target) for n in nodes)


def inline(program: ExportedProgram, name: str, keep_operators: bool = False) -> bool:
    """Edits the program; whether it has such calls. `keep_operators`: those made of Triton kernels stay custom operators, to be given a C
    or C++ kernel. Raises UserError that names all kernels that cannot be taken."""
    found, problems = False, list[Problem]()
    for module in every_module(program.graph_module):
        for node in list(module.graph.nodes):
            if _is_launch(node.target):
                _replace(node, node, problems)
            elif not keep_operators and _is_triton_op(node.target):
                _write_out(node, problems)
            else:
                continue
            found = True
        module.recompile()
    if problems:
        raise refuse(f"{name} cannot be compiled", problems)
    return found


def _is_launch(target: object) -> bool:
    return isinstance(target, HigherOrderOperator) and str(target) == _LAUNCH


def _is_triton_op(target: object) -> bool:
    from torch._library.triton import triton_ops_to_kernels

    return isinstance(target, OpOverload) and target._schema.name in triton_ops_to_kernels


def _write_out(node: torch.fx.Node, problems: list[Problem]) -> None:
    """The operator's own steps in the place of its call."""
    try:
        leaves, traced = _trace(node)
    except Exception as error:  # whatever the operator's Python code, or PyTorch's tracing of it, raises
        reason = (str(error) or type(error).__name__).splitlines()[0]
        what = f"{node.target} cannot be written out as the Triton kernels that it is made of: {reason}"
        problems.append(Problem(what, location(node.meta.get("stack_trace")), ""))
        return
    graph, env = node.graph, dict[torch.fx.Node, Any]()
    placeholders = iter(leaves)
    for step in traced.graph.nodes:
        if step.op == "placeholder":
            env[step] = next(placeholders)
        elif step.op == "output":
            _give(node, torch.fx.map_arg(step.args[0], lambda n: env[n]))
        else:
            with graph.inserting_before(node):
                env[step] = graph.node_copy(step, lambda n: env[n])
            env[step].meta = {**step.meta, **{k: node.meta[k] for k in _KEPT_META if k in node.meta}}
            if _is_launch(step.target):
                _replace(env[step], node, problems)
    graph.erase_node(node)


def _trace(node: torch.fx.Node) -> tuple[list[torch.fx.Node], torch.fx.GraphModule]:
    """The operator's steps, and the nodes that are their inputs."""
    from torch._library.custom_ops import OPDEFS

    assert isinstance(node.target, OpOverload)
    function = OPDEFS[node.target._schema.name]._abstract_fn
    assert function is not None
    leaves, spec = pytree.tree_flatten((node.args, node.kwargs))
    places = [k for k, leaf in enumerate(leaves) if isinstance(leaf, torch.fx.Node)]

    def call(*given: Any) -> Any:
        filled = list(leaves)
        for k, value in zip(places, given, strict=True):
            filled[k] = value
        args, kwargs = pytree.tree_unflatten(filled, spec)
        return function(*args, **kwargs)

    values = [leaves[k].meta["val"] for k in places]
    with _fake_mode(values):
        return [leaves[k] for k in places], make_fx(call)(*values)


def _fake_mode(values: Sequence[object]) -> FakeTensorMode:
    """Under which tensors are made that have no memory, as the program's are."""
    mode = detect_fake_mode(values)
    if not isinstance(mode, FakeTensorMode):
        raise InternalError("a call of a Triton kernel without any tensor of the program")
    return mode


def _give(node: torch.fx.Node, result: Any) -> None:
    """Hands the steps' result to whoever used the call's."""
    if isinstance(result, torch.fx.Node):
        node.replace_all_uses_with(result)
        return
    for user in list(node.users):
        if user.target is operator.getitem:
            user.replace_all_uses_with(result[user.args[1]])
            user.graph.erase_node(user)


def _replace(launch: torch.fx.Node, call: torch.fx.Node, problems: list[Problem]) -> None:
    """`aoti::triton_kernel` and the copies in the place of a launch; `call` is the model's node, for messages."""
    # Imported only where a model has kernels: it needs Triton, as the model does.
    from compiler.frontend import triton_calls

    try:
        described, tensors, sizes, grids = triton_calls.describe(_launch(launch), _UNDEFINED)
    except (NotPortable, triton_calls.Refused) as error:
        problems.append(Problem(str(error), location(call.meta.get("stack_trace")), ""))
        return
    graph = launch.graph
    kept = {k: launch.meta[k] for k in _KEPT_META if k in launch.meta}
    with graph.inserting_before(launch):
        strides = [s for t in tensors for s in _strides(t, kept)]
        made = graph.call_function(
            torch.ops.aoti.triton_kernel.default,
            (described.to_json(), list(tensors), strides, list(sizes), list(grids)),
        )
        with _fake_mode([t.meta["val"] for t in tensors]):
            made.meta = {**kept, "val": _made(described.to_json(), [t.meta["val"] for t in tensors])}
        for k, position in enumerate(described.written):
            item = graph.call_function(operator.getitem, (made, k))
            item.meta = {**kept, "val": made.meta["val"][k]}
            copy = graph.call_function(torch.ops.aten.copy_.default, (tensors[position], item))
            copy.meta = {**kept, "val": tensors[position].meta["val"]}
    graph.erase_node(launch)


def _launch(node: torch.fx.Node) -> Launch:
    from torch._higher_order_ops.triton_kernel_wrap import kernel_side_table

    kwargs = node.kwargs
    constants = kernel_side_table.get_constant_args(kwargs["constant_args_idx"])  # type: ignore[arg-type]
    given = {**kwargs["kwargs"], **constants}  # type: ignore[dict-item]
    kernel = kernel_side_table.get_kernel(kwargs["kernel_idx"])  # type: ignore[arg-type]
    return Launch(kernel, given, kwargs["grid"], node)  # type: ignore[arg-type]


def _strides(tensor: torch.fx.Node, kept: Mapping[str, Any]) -> list[Any]:
    """Numbers, and nodes of those made of sizes."""
    found: list[Any] = []
    for dim, stride in enumerate(tensor.meta["val"].stride()):
        if isinstance(stride, torch.SymInt):
            node = tensor.graph.call_function(torch.ops.aten.sym_stride.int, (tensor, dim))
            node.meta = {**kept, "val": stride}
            found.append(node)
        else:
            found.append(int(stride))
    return found
