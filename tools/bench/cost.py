"""What a model must do at least: operations of its matrix products and convolutions, and bytes it must read
and write once.

Enters: an exported program. Leaves: Cost(operations, bytes, dtype), where dtype is that of most weights.
Operations are counted by torch.utils.flop_counter (a multiply-add is two; convolutions as direct ones, so a
Winograd kernel may go below; pointwise operations, norms and softmax are not counted). Bytes are the weights,
inputs and outputs once each; of a table that is only indexed or sliced (an embedding) only what comes out
counts. Intermediate results count nothing: they may stay in a cache.

    embedding [30522, 384] with 128 ids -> 128 * 384 * 4 bytes
    linear [384, 1536] -> 384 * 1536 * 4 bytes
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

# Operators that read of their first input no more than they give back.
PARTIAL_READS = frozenset(
    {
        torch.ops.aten.embedding.default,
        torch.ops.aten.index.Tensor,
        torch.ops.aten.index_select.default,
        torch.ops.aten.select.int,
        torch.ops.aten.slice.Tensor,
    }
)


@dataclass(frozen=True)
class Cost:
    """The least work of one run."""

    operations: int
    bytes: int
    dtype: str

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def of_program(program: torch.export.ExportedProgram, inputs: list[torch.Tensor]) -> Cost:
    """Cost of one run on `inputs`."""
    counter = FlopCounterMode(display=False)
    # The counter knows matrix products, but not the CPU's own attention kernel.
    with counter, torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
        program.module()(*inputs)
    return Cost(counter.get_total_flops(), _bytes_moved(program), weights_dtype(program))


def weights_dtype(program: torch.export.ExportedProgram) -> str:
    """The floating-point dtype with the most elements among the weights; float32 without weights."""
    elements: dict[str, int] = {"float32": 0}
    for tensor in program.state_dict.values():
        if tensor.is_floating_point():
            name = str(tensor.dtype).removeprefix("torch.")
            elements[name] = elements.get(name, 0) + tensor.numel()
    return max(elements, key=lambda name: elements[name])


def _bytes_moved(program: torch.export.ExportedProgram) -> int:
    """Bytes of inputs, outputs and constants that a run reads or writes, each once."""
    total = 0
    for node in program.graph.nodes:
        if node.op == "placeholder" and isinstance(node.meta["val"], torch.Tensor):
            whole = _bytes(node.meta["val"])
            total += min(whole, sum(_bytes_read(user, whole) for user in node.users))
        elif node.op == "output":
            total += sum(_bytes(result.meta["val"]) for result in node.all_input_nodes)
    return total


def _bytes_read(user: torch.fx.Node, whole: int) -> int:
    return _bytes(user.meta["val"]) if user.target in PARTIAL_READS else whole


def _bytes(tensor: torch.Tensor) -> int:
    return tensor.numel() * tensor.element_size()
