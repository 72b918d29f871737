"""Inputs, constants and outputs of an exported program, with the names that the generated header uses."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import torch
import torch.utils._pytree as pytree
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind, OutputKind, TensorArgument

from compiler.ir.expr import IntLike
from compiler.ir.graph import GraphConstant, GraphInput, GraphOutput
from compiler.support.diagnostics import UserError

_KINDS = {InputKind.PARAMETER: "parameter", InputKind.BUFFER: "buffer", InputKind.CONSTANT_TENSOR: "tensor"}
MUTATIONS = (OutputKind.BUFFER_MUTATION, OutputKind.PARAMETER_MUTATION, OutputKind.USER_INPUT_MUTATION)
Strides = list["tuple[IntLike, ...] | None"]


def promised_strides(program: ExportedProgram) -> Strides:
    """Of each element of the result as export saw it, None for what is not a tensor. Taken before decomposition, which may change
    strides, and puts the new values of what is mutated in front."""
    (output,) = (n for n in program.graph.nodes if n.op == "output")
    mutated = _mutated(program)
    return [stride_of(arg) for k, arg in enumerate(output.args[0]) if k not in mutated]


def stride_of(arg: object) -> tuple[IntLike, ...] | None:
    """The strides of a node's tensor."""
    value = arg.meta.get("val") if isinstance(arg, torch.fx.Node) else None
    return tuple(value.stride()) if isinstance(value, torch.Tensor) else None


def inputs(program: ExportedProgram) -> list[GraphInput]:
    """Tensor inputs in the order of the flattened arguments. Python values were fixed by export."""
    used_at = {n.name: first_use(n) for n in program.graph.nodes if n.op == "placeholder"}
    changed = _mutated(program).values()
    return [
        GraphInput(spec.arg.name, spec.arg.name, used_at[spec.arg.name], spec.arg.name in changed)
        for spec in program.graph_signature.input_specs
        if spec.kind == InputKind.USER_INPUT and isinstance(spec.arg, TensorArgument)
    ]


def _mutated(program: ExportedProgram) -> dict[int, str]:
    """Position of an output -> the placeholder that it is the new value of."""
    places = {
        (spec.kind == InputKind.USER_INPUT, spec.target or spec.arg.name): spec.arg.name
        for spec in program.graph_signature.input_specs
    }
    return {
        k: places[out.kind == OutputKind.USER_INPUT_MUTATION, str(out.target)]
        for k, out in enumerate(program.graph_signature.output_specs)
        if out.kind in MUTATIONS
    }


def first_use(placeholder: torch.fx.Node) -> str:
    """The source line that reads the input first: it fixed what the input must be."""
    users = sorted(placeholder.users)
    return users[0].meta["origin"].location if users else ""


def constants(program: ExportedProgram) -> list[GraphConstant]:
    """Parameters, buffers and tensor constants."""
    changed = _mutated(program).values()
    return [
        GraphConstant(spec.arg.name, str(spec.target), _KINDS[spec.kind], spec.arg.name in changed)
        for spec in program.graph_signature.input_specs
        if spec.kind in _KINDS
    ]


def data(program: ExportedProgram) -> dict[str, torch.Tensor]:
    """The constants' tensors by their name in the model. Raises UserError for one that is not as the graph says."""
    values = {n.name: n.meta["val"] for n in program.graph.nodes if n.op == "placeholder"}
    found: dict[str, torch.Tensor] = {}
    for constant in constants(program):
        tensor = program.state_dict.get(constant.fqn, program.constants.get(constant.fqn))
        assert isinstance(tensor, torch.Tensor)
        said = values[constant.placeholder]
        if (tensor.dtype, tuple(tensor.shape)) != (said.dtype, tuple(said.shape)):
            raise UserError(
                f"the data of {constant.fqn} is {tensor.dtype} {list(tensor.shape)}, the graph was exported with {said.dtype} "
                f"{list(said.shape)}: the program was changed after its export, or the file is damaged; export it again"
            )
        found[constant.fqn] = tensor.detach()
    return found


def outputs(program: ExportedProgram, promised: Strides) -> list[GraphOutput]:
    """One for each new value of what is mutated, then one for each leaf of the result."""
    (output,) = (n for n in program.graph.nodes if n.op == "output")
    mutated = _mutated(program)
    returned = [arg for k, arg in enumerate(output.args[0]) if k not in mutated]
    named = name_outputs(program.call_spec.out_spec, returned, [i.name for i in inputs(program)], promised)
    return [GraphOutput(f"new_{place}", place) for place in mutated.values()] + named


def name_outputs(
    spec: Any, returned: Sequence[object], input_names: Sequence[str], promised: Strides
) -> list[GraphOutput]:
    """Outputs named by their key or field where the result has them, else after the FX node; different from all inputs."""
    tree = pytree.tree_unflatten(list(range(len(promised))), spec)
    paths = [path for path, _ in pytree.tree_flatten_with_path(tree)[0]]
    taken = set(input_names)
    names: list[str] = []
    for position, (path, node) in enumerate(zip(paths, returned, strict=True)):
        wanted = _key_of(path) or (node.name if isinstance(node, torch.fx.Node) else f"output_{position}")
        name, n = wanted, 1
        while name in taken:
            name, n = f"{wanted}_{n}", n + 1
        taken.add(name)
        names.append(name)
    return [GraphOutput(name, "", stride) for name, stride in zip(names, promised, strict=True)]


def _key_of(path: tuple[object, ...]) -> str:
    """The last key or field name of the path, as an identifier; empty where there is none."""
    for key in reversed(path):
        word = getattr(key, "key", getattr(key, "name", None))
        if word is not None:
            name = re.sub(r"\W+", "_", str(word))
            return name if name[:1].isalpha() else f"output_{name}"
    return ""


def spec_text(spec: Any) -> str:
    """The JSON of a call spec that the C ABI hands out: `[1, {"type": ..., "context": ..., "children_spec": [...]}]`."""
    return pytree.treespec_dumps(spec)
