"""How long what is fused behind a template's tile takes: which of a product's two measurements chooses its set-up.

Enters: a template group. Leaves: whether its epilogue is short (`compiler.ir.schedule_passes.is_short_epilogue`).
"""

from __future__ import annotations

from compiler.ir.schedule import TEMPLATE, KernelGroup
from compiler.ir.schedule_passes import is_short_epilogue


def is_short(group: KernelGroup) -> bool:
    """See above."""
    behind = [m for m in group.members if m.role != TEMPLATE]
    return is_short_epilogue(behind, {m.name for m in group.members})
