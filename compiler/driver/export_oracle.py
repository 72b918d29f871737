"""The same program in float64: the oracle that compiled results are judged by.

Enters: an `ExportedProgram` whose floating-point tensors are float32, float16 or bfloat16. Leaves: a module that takes the
same inputs and computes every floating-point value in float64.

    add(x: f32, w: f32) ; to(y, dtype=f32) ; zeros([2], dtype=f32)   ->   the same with f64

It rewrites the exported graph and not the module, so that a dtype which the model's code names (a cast, a `zeros`) is widened
too. Integer and bool values, and float64 ones, stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils import _pytree as pytree

NARROW = (torch.float32, torch.float16, torch.bfloat16)


def widen(value: Any) -> Any:
    """Float64 for a floating-point tensor or its dtype; anything else, containers included, unchanged inside."""
    return pytree.tree_map(_widen_leaf, value)


@contextmanager
def float64_by_default() -> Iterator[None]:
    """To be around every run of the oracle: what torch makes of integers (roots, quotients) and of numbers has the default dtype."""
    usual = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(usual)


def float64_module(program: torch.export.ExportedProgram) -> torch.nn.Module:
    """The program as a module in float64; call it with widened inputs."""
    module = program.module(check_guards=False)
    for graph_module in module.modules():
        if isinstance(graph_module, torch.fx.GraphModule):
            for node in graph_module.graph.nodes:
                node.args, node.kwargs = _widen_arguments(node.args), _widen_arguments(node.kwargs)
            graph_module.recompile()
    # A fresh dict: the program's own weights must stay in float32.
    for owner in module.modules():
        _widen_tensors(owner)
    return module


def _widen_tensors(owner: torch.nn.Module) -> None:
    for name, parameter in owner._parameters.items():
        if parameter is not None and parameter.dtype in NARROW:
            owner._parameters[name] = torch.nn.Parameter(parameter.detach().double(), requires_grad=False)
    for name, buffer in owner._buffers.items():
        if buffer is not None:
            owner._buffers[name] = widen(buffer)
    for name, value in list(vars(owner).items()):
        if isinstance(value, torch.Tensor):
            setattr(owner, name, widen(value))


def _widen_arguments(arguments: Any) -> Any:
    return torch.fx.node.map_aggregate(arguments, _widen_leaf)


def _widen_leaf(value: Any) -> Any:
    if isinstance(value, torch.dtype) and value in NARROW:
        return torch.float64
    if isinstance(value, torch.Tensor) and value.dtype in NARROW:
        return value.double()
    return value
