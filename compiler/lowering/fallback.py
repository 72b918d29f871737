"""Operators without a lowering of our own: what a flavour of the library offers instead, or how they are refused."""

from __future__ import annotations

import torch.fx

from compiler.support.diagnostics import Problem
from compiler.support.options import Context


def unsupported(node: torch.fx.Node, ctx: Context) -> Problem:
    """Why this node is refused and what to do."""
    return Problem(f"{node.target} is not lowered", node.meta["origin"].location)
