"""When a lazy value is put into memory although nothing forces it to be.

Values that several later values read are worth a buffer where computing them again would cost more: the
scheduler keeps a buffer that only one fused kernel touches out of memory. Everything else stays lazy and
composes.

    h = gemm + bias + residual; read by a mean, a variance and a normalisation   ->  realised
    q, k, v = (gemm + bias).chunk(3)                                               ->  gemm + bias realised; q, k, v are views of it
    u = gemm + bias; gelu = 0.5 * u * (1 + erf(u / sqrt(2)))                       ->  u stays lazy: all users meet again in gelu
"""

from __future__ import annotations

import torch.fx

from compiler.lowering.registry import POINTWISE
from compiler.lowering.values import Value

# A body above this is cut: compilers vectorise loops of this size still, and tracing stays linear.
MAX_OPS = 64
# Computing at most this many operations on one load twice is as cheap as reading a buffer twice.
CHEAP_OPS = 4
# Operators whose results are several views of their operand.
_CUTS = frozenset(
    f"aten.{name}"
    for name in ("chunk.default", "split.Tensor", "split.sizes", "split_with_sizes.default", "unbind.int")
)
# How many later nodes are looked at to find where the users meet.
_HORIZON = 32


def should_realize(node: torch.fx.Node, value: Value) -> bool:
    """Whether the value of `node`, lazy so far, becomes a buffer."""
    if value.ref is not None or value.numel() == 0:
        return False
    cost = value.cost
    # Where paths part, earlier than on one path: else each of them is cut with all of what they share inside.
    readers = _readers(node)
    if cost.ops > (MAX_OPS if readers < 2 else MAX_OPS // 2):
        return True
    if readers < 2 or not cost.reads:
        return False
    if not cost.heavy and len(cost.reads) <= 1 and cost.ops <= CHEAP_OPS:
        return False
    return not _users_meet(node)


def _readers(node: torch.fx.Node) -> int:
    """How many nodes read the value, each piece of a node that cuts it counted."""
    return sum(len(user.users) if op_name(user) in _CUTS else 1 for user in node.users)


def _users_meet(node: torch.fx.Node) -> bool:
    """Whether everything that follows `node` through pointwise operators comes together in one pointwise value nearby."""
    frontier: dict[torch.fx.Node, None] = dict.fromkeys(node.users)
    for _ in range(_HORIZON):
        if not all(op_name(n) in POINTWISE for n in frontier):
            return False
        if len(frontier) == 1:
            return True
        first = min(frontier)
        del frontier[first]
        frontier.update(dict.fromkeys(first.users))
    return False


def op_name(node: torch.fx.Node) -> str:
    """`aten.add.Tensor` of a call, the opcode of anything else."""
    return str(node.target) if node.op == "call_function" else node.op
