"""A task's number as the positions of the loops that it stands for.

positions(task, [3, 4, 5])  ->  [task // 20, (task // 5) % 4, task % 5]
"""

from __future__ import annotations

from collections.abc import Sequence

from compiler.ir.expr import Expr, const


def positions(task: Expr, extents: Sequence[Expr]) -> list[Expr]:
    """One position for each extent, the last one fastest. A loop of no iterations counts as one: it has no tasks to tell apart."""
    found: list[Expr] = []
    for extent in reversed(extents[1:]):
        divisor = const(1) if extent == 0 else extent
        found.append(task % divisor)
        task = task // divisor
    return [task, *reversed(found)] if extents else []
