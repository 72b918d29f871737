"""What the model holds before any pass: the names and types under which a library can be given new weights.

Enters: the graph as the frontend made it. Leaves: one `Original` for each parameter, buffer and tensor constant, in the graph's order;
tensors of the same memory (tied weights) point to the first.
"""

from __future__ import annotations

import torch

from compiler.ir.dtypes import parse_dtype
from compiler.ir.graph import ModelGraph
from compiler.ir.recipe import Original


def collect(graph: ModelGraph) -> list[Original]:
    first: dict[tuple[object, ...], str] = {}
    found: dict[str, Original] = {}
    for constant in graph.constants:
        tensor = graph.data[constant.fqn]
        name = "".join(c if c.isalnum() else "_" for c in constant.fqn)
        dtype = parse_dtype(str(tensor.dtype).removeprefix("torch."))
        owner = first.setdefault(_memory(tensor, constant.fqn), constant.fqn)
        same_as = "" if owner == constant.fqn else owner
        found.setdefault(
            constant.fqn, Original(constant.fqn, name, constant.kind, dtype, tuple(tensor.shape), same_as)
        )
    return list(found.values())


def _memory(tensor: torch.Tensor, fqn: str) -> tuple[object, ...]:
    """Equal for tensors that are the same elements; of one without elements, its own."""
    if tensor.numel() == 0:
        return (fqn,)
    return (tensor.data_ptr(), tuple(tensor.shape), tuple(tensor.stride()), tensor.dtype)
