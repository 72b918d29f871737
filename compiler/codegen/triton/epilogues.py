"""How long what is fused behind a template's tile takes: which of a product's two measurements chooses its set-up.

Enters: a template group. Leaves: whether its epilogue is short: it loads nothing that has the result's columns and rows (a residual), and
computes no elementary function.

    linear + bias, linear + bias + ReLU   short        linear + GELU, linear + residual   not
"""

from __future__ import annotations

from compiler.ir.loop_bodies import load_index, loaded_buffer
from compiler.ir.schedule import TEMPLATE, KernelGroup, Member
from compiler.ir.schedule_passes import body_cost

# Operations on an element, as `schedule_passes.body_cost` counts them: more than a bias, a rounding and a ReLU.
MOST_OPERATIONS = 12


def is_short(group: KernelGroup) -> bool:
    """See above."""
    behind = [m for m in group.members if m.role != TEMPLATE]
    inside = {m.name for m in group.members}
    return sum(body_cost(m.body) for m in behind) <= MOST_OPERATIONS and not any(
        _loads_a_tile(m, inside) for m in behind
    )


def _loads_a_tile(member: Member, inside: set[str]) -> bool:
    """Whether a load from memory moves along more than one of the loops."""
    loads = (op for op in member.body.loads() if loaded_buffer(op) not in inside)
    return any(len(load_index(op).symbols()) > 1 for op in loads)
