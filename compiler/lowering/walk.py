"""The walk over a graph's calls that the whole model and the bodies of its branches and loops have in common.

Enters: a graph, a builder, the values of its placeholders. Leaves: the builder's program with all calls lowered, the output node, and
the environment with every node's value; problems go to the context.
"""

from __future__ import annotations

import operator
from typing import Any

import torch
import torch.fx

from compiler.ir.expr import NotConstant
from compiler.ir.graph import ModelGraph, gives_sizes
from compiler.ir.loop import Layout, Node, Program, ReadSize, Result, TensorRef
from compiler.ir.loop_reads import buffers_read
from compiler.ir.size_float import SizeFloat
from compiler.lowering import custom_ops, fallback, stride_order
from compiler.lowering.builder import Builder, Meta
from compiler.lowering.factories import full
from compiler.lowering.realization import op_name, should_realize
from compiler.lowering.registry import Unsupported, find
from compiler.lowering.torch_types import to_dtype, to_sizes
from compiler.lowering.values import Value
from compiler.support.diagnostics import Problem, refuse
from compiler.support.options import Context


def refuse_unsupported(graph: ModelGraph, ctx: Context) -> None:
    """Raises UserError listing every operator, in all blocks, that has no lowering."""
    problems = _unsupported(graph, ctx)
    if problems:
        raise refuse(f"{graph.name} has operators that cannot be compiled", problems)


def _unsupported(graph: ModelGraph, ctx: Context) -> list[Problem]:
    missing = [
        n
        for n in graph.module.graph.nodes
        if n.op == "call_function"
        and n.target is not operator.getitem
        and (n.users or gives_sizes(n))
        and find(op_name(n)) is None
    ]
    judges = ((custom_ops if custom_ops.is_custom(n) else fallback).unsupported(n, ctx) for n in missing)
    found = [p for p in judges if p is not None]
    return found + [p for block in graph.blocks.values() for p in _unsupported(block, ctx)]


def calls(b: Builder, graph: ModelGraph, env: dict[torch.fx.Node, Any]) -> torch.fx.Node:
    """Lowers every call in order; `env` gets the values. Returns the output node."""
    b.lowered.append((graph.name, env))
    for node in graph.module.graph.nodes:
        if node.op == "call_function":
            env[node] = _lower_node(b, node, env)
        elif node.op == "get_attr":
            env[node] = graph.blocks[str(node.target)]
        elif node.op == "output":
            break
    return node  # type: ignore[no-any-return]


def values_in_memory(b: Builder) -> dict[str, TensorRef]:
    """Where the operators' results lie whose whole value some node of the program puts into memory, by "GRAPH.NODE": of all graphs that
    `calls` went over."""
    written = {n.name for n in b.program.nodes}
    found = {}
    for graph, env in b.lowered:
        for node, value in env.items():
            ref = value.ref if isinstance(value, Value) else None
            if node.op == "call_function" and ref is not None and ref.buffer in written:
                found[f"{graph}.{node.name}"] = ref
    return found


def _lower_node(b: Builder, node: torch.fx.Node, env: dict[torch.fx.Node, Any]) -> Any:
    if not node.users and not gives_sizes(node):
        return None
    if node.target is operator.getitem:
        return _getitem(b, node, env)
    lowering = find(op_name(node))
    b.origin = node.meta["origin"]
    b.outs = _metas(node.meta.get("val"))
    b.number = node.meta.get("val")
    args, kwargs = torch.fx.node.map_aggregate((node.args, node.kwargs), lambda a: operand(b, a, env))
    try:
        if lowering is not None:
            result = lowering(b, *args, **kwargs)
        else:
            result = (custom_ops if custom_ops.is_custom(node) else fallback).call(b, node, args, kwargs)
    except Unsupported as error:
        b.ctx.problems.append(Problem(error.what, b.origin.location, error.remedy))
        return _stand_in(b, node)
    except NotConstant as error:
        what = f"{b.origin.aten_op} needs a number that is the same in every run: {error}"
        b.ctx.problems.append(Problem(what, b.origin.location, "export with this size fixed"))
        return _stand_in(b, node)
    _require_sizes(b)
    if isinstance(result, Value) and should_realize(node, result):
        b.realize(result)
    return result


def operand(b: Builder, given: Any, env: dict[torch.fx.Node, Any]) -> Any:
    """An argument's leaf: a node's value; a number that is read from data with the names of the buffers that have it."""
    if isinstance(given, torch.fx.Node):
        return env[given]
    return given.named(b.numbers) if isinstance(given, SizeFloat) else given


def _require_sizes(b: Builder) -> None:
    """No size of the node's results may turn out to be negative where it is a number from data."""
    for size in (s for out in b.outs for s in out.size if s.from_data):
        b.require("le", 0, size)


def _getitem(b: Builder, node: torch.fx.Node, env: dict[torch.fx.Node, Any]) -> Any:
    source, position = node.args
    assert isinstance(source, torch.fx.Node)
    found = env[source][position]
    if found is None and isinstance(node.meta.get("val"), torch.Tensor):
        origin = source.meta["origin"]
        what = f"result {position} of {origin.aten_op} is not computed"
        b.ctx.problems.append(
            Problem(what, origin.location, "it serves a backward pass only: leave it unused")
        )
        b.outs = _metas(node.meta["val"])
        return _stand_in(b, node)
    return found


def _stand_in(b: Builder, node: torch.fx.Node) -> Any:
    """Zeros in the place of a refused result, so that the walk goes on and finds all problems."""
    zeros = tuple(full(b, m.size, 0, m.dtype) for m in b.outs)
    if not zeros:
        return None
    return zeros if isinstance(node.meta.get("val"), (tuple, list)) else zeros[0]


def _metas(value: object) -> tuple[Meta, ...]:
    values = value if isinstance(value, (tuple, list)) else (value,)
    return tuple(
        Meta(to_dtype(v.dtype), to_sizes(v.shape), to_sizes(v.stride()))
        for v in values
        if isinstance(v, torch.Tensor)
    )


def in_own_buffer(b: Builder, value: Value, promised: Layout, taken: set[str]) -> TensorRef:
    """The value as all of a node's buffer that is not in `taken`, laid out as promised."""
    if value.ref is None and b.is_packed(promised, stride_order.of_layout(promised)):
        b.realize(value, stride_order.of_layout(promised))
    ref = value.ref
    if ref is not None and ref.buffer not in taken and _is_whole_buffer(b, ref, promised):
        return TensorRef(ref.buffer, promised)
    return b.store_as(value, promised)


def _is_whole_buffer(b: Builder, ref: TensorRef, promised: Layout) -> bool:
    """Whether `ref` is all of a node's buffer, laid out as promised."""
    layout = ref.layout
    same = all(a is w or s == 1 for a, w, s in zip(layout.stride, promised.stride, layout.size, strict=True))
    node = next((n for n in b.program.nodes if n.name == ref.buffer), None)
    return (
        same
        and layout.offset == 0
        and node is not None
        and node.layout.storage_numel() is promised.storage_numel()
    )


def drop_unread(program: Program) -> None:
    """Removes nodes that nothing reads (a realised value whose readers all found a better form)."""
    live = {o.value.buffer for o in program.outputs if isinstance(o.value, TensorRef)}
    live.update(m.value.buffer for m in program.mutations)
    kept: list[Node] = []
    results: list[Node] = []  # of the branch or loop that comes next: all stay where one is read
    for node in reversed(program.nodes):
        if isinstance(node, Result):
            results.append(node)
            continue
        if node.name in live or isinstance(node, ReadSize) or any(r.name in live for r in results):
            kept += [*results, node]
            live.update(buffers_read(node))
        results = []
    program.nodes = kept[::-1]
