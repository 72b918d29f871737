"""FX graph in, Loop IR program out: the walk over the graph. What each operator becomes is in the family files.

Enters: a `ModelGraph` after the FX passes. Leaves: a verified `loop.Program`.

Invariants
- All operators without a lowering are reported together, with the model's source lines.
- Every output is a buffer of its own that a node writes: it never shares memory with an input, a constant or
  another output, and has the strides that export promised.
- The new value of what the model mutates is a node's buffer with the target's strides, and no output: what is both is copied for the
  caller, so that the new value can be computed in the target's memory.

Before/after: `cos(mm(sin(x), y))` ->
    buf0 = pointwise    sin of x
    buf1 = template     bmm of buf0 and y
    buf2 = pointwise    cos of buf1
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
import torch.fx

from compiler.ir import dtypes
from compiler.ir.expr import Expr, as_expr, data_symbols
from compiler.ir.graph import GraphOutput, ModelGraph
from compiler.ir.loop import Input, Layout, Mutation, OutputRef, Program, TensorRef
from compiler.ir.loop_reads import buffers_read
from compiler.ir.loop_verify import verify
from compiler.ir.size_float import SizeFloat
from compiler.lowering import families, walk
from compiler.lowering.builder import Builder
from compiler.lowering.constants import ConstantTable
from compiler.lowering.device import place
from compiler.lowering.factories import full
from compiler.lowering.torch_types import to_dtype, to_sizes
from compiler.lowering.values import Value
from compiler.support.diagnostics import refuse
from compiler.support.options import Context
from compiler.support.origins import Origin


def run(graph: ModelGraph, ctx: Context) -> Program:
    """Lowers the whole graph. Raises UserError listing every operator that has no lowering."""
    families.load()
    walk.refuse_unsupported(graph, ctx)
    program = Program(graph.name, _inputs(graph, ctx), [], [], [], {}, graph.in_spec, graph.out_spec)
    program.call_info = graph.call_info
    program.guards = list(graph.guards)
    constants = ConstantTable(program, graph)
    builder = Builder(program, constants, ctx)
    builder.size_names = {str(s) for s in _sizes_from_data(graph)}
    env = _placeholders(graph, program, constants)
    output = walk.calls(builder, graph, env)
    program.mutations = _mutations(builder, graph, output, env)
    program.outputs = _outputs(builder, graph, output, env)
    if ctx.problems:
        raise refuse(f"{graph.name} cannot be compiled", ctx.problems)
    walk.drop_unread(program)
    constants.finish(_read(program))
    program = place(program, ctx.options.device)
    program.values = walk.values_in_memory(builder)
    verify(program)
    return program


def _sizes_from_data(graph: ModelGraph) -> Iterator[Expr]:
    """The symbols for numbers from data that the graph and its blocks use."""
    for node in graph.module.graph.nodes:
        for value in torch.utils._pytree.tree_leaves(node.meta.get("val")):
            yield from data_symbols(value.shape if isinstance(value, torch.Tensor) else [value])
    for block in graph.blocks.values():
        yield from _sizes_from_data(block)


def _inputs(graph: ModelGraph, ctx: Context) -> list[Input]:
    nodes = {n.name: n for n in graph.module.graph.nodes if n.op == "placeholder"}
    return [
        Input(i.name, _layout(nodes[i.placeholder].meta["val"]), i.origin, _elsewhere(i.device, ctx))
        for i in graph.inputs
    ]


def _elsewhere(device: str, ctx: Context) -> str:
    """The device, where it is another one than the model runs on."""
    return "" if device == ctx.options.device else device


def _layout(tensor: torch.Tensor) -> Layout:
    return Layout(to_dtype(tensor.dtype), to_sizes(tensor.shape), to_sizes(tensor.stride()))


def _placeholders(graph: ModelGraph, program: Program, constants: ConstantTable) -> dict[torch.fx.Node, Any]:
    names = {
        i.placeholder: program_input for i, program_input in zip(graph.inputs, program.inputs, strict=True)
    }
    env: dict[torch.fx.Node, Any] = {}
    for node in graph.module.graph.nodes:
        if node.op == "placeholder":
            found = names.get(node.name)
            ref = TensorRef(found.name, found.layout) if found else constants.plain(node.name)
            env[node] = Value.stored(ref)
    return env


def _outputs(
    b: Builder, graph: ModelGraph, node: torch.fx.Node, env: dict[torch.fx.Node, Any]
) -> list[OutputRef]:
    taken = {i.name for i in b.program.inputs} | {m.value.buffer for m in b.program.mutations}
    outputs = []
    returned: Sequence[Any] = node.args[0]  # type: ignore[assignment]
    for described, arg in zip(graph.outputs, returned, strict=True):
        if described.mutates:
            continue
        if not isinstance(arg, torch.fx.Node):
            outputs.append(OutputRef(described.name, _number(b, arg)))
            continue
        b.origin = arg.meta.get("origin", Origin(arg.name, "output"))
        ref = _output_ref(b, described, env[arg], arg.meta["val"], taken)
        taken.add(ref.buffer)
        outputs.append(OutputRef(described.name, ref, _elsewhere(described.device, b.ctx)))
    return outputs


def _number(b: Builder, value: Any) -> Any:
    """A number as an output: one that is made of what the run reads out of tensors is computed into memory."""
    if not isinstance(value, SizeFloat) or not value.is_read:
        return value
    number = full(b, (), walk.operand(b, value, {}), dtypes.float64)
    return b.store_as(number, Layout.contiguous(dtypes.float64, []))


def _mutations(
    b: Builder, graph: ModelGraph, node: torch.fx.Node, env: dict[torch.fx.Node, Any]
) -> list[Mutation]:
    """A new value for each input or constant that the model changes; what gets back its old value is left out."""
    placeholders = {n.name: n for n in env if n.op == "placeholder"}
    found: dict[str, Mutation] = {}
    returned: Sequence[Any] = node.args[0]  # type: ignore[assignment]
    for described, arg in zip(graph.outputs, returned, strict=True):
        if not described.mutates:
            continue
        target, value = env[placeholders[described.mutates]].ref, env[arg]
        if value.ref == target:
            continue
        b.origin = arg.meta.get("origin", Origin(arg.name, "output"))
        found[target.buffer] = Mutation(target.buffer, walk.in_own_buffer(b, value, target.layout, set()))
    return list(found.values())


def _output_ref(
    b: Builder, described: GraphOutput, value: Value, meta: torch.Tensor, taken: set[str]
) -> TensorRef:
    """The value in a buffer that nothing else returns, with the promised strides."""
    stride = to_sizes(described.stride if described.stride is not None else meta.stride())
    return walk.in_own_buffer(b, value, Layout(value.dtype, value.size, stride, as_expr(0)), taken)


def _read(program: Program) -> set[str]:
    names: Iterable[str] = (name for node in program.nodes for name in buffers_read(node))
    return set(names)
