"""Which values the report takes a model's dynamic sizes to have, and why.

Enters: a plan, the program's numbers from data, values by symbol that the user gave. Leaves: a value for every symbol: the given one, the
upper bound of its range, or an example.

    s0 in [2, 64], s1 in [1, inf), --sizes=s1=128   ->   s0 = 64 (the upper bound), s1 = 128 (given)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from compiler.driver.kernel_costs import default_size, has_upper_bound
from compiler.ir.expr import Expr
from compiler.ir.loop import Program
from compiler.ir.wrapper import Plan
from compiler.support.diagnostics import UserError


@dataclass(frozen=True)
class SizeView:
    """A dynamic size, its value in the report, where a run has it from, and why it is this value."""

    symbol: Expr
    value: int
    source: str
    reason: str


def choose(plan: Plan, program: Program, given: Mapping[str, int]) -> tuple[SizeView, ...]:
    """Raises UserError where what is given is no size of the model, or outside its range."""
    sources = {s.symbol: f"dimension {s.dim} of {plan.inputs[s.input_index].name}" for s in plan.symbols}
    for node in program.read_sizes():
        sources.setdefault(node.symbol, f"read by {node.origins[0]}" if node.origins else "read from data")
    if unknown := sorted(set(given) - {str(s) for s in sources}):
        known = ", ".join(map(str, sources)) or "none"
        raise UserError(f"{', '.join(unknown)}: no dynamic size of this model; it has {known}")
    return tuple(_view(symbol, source, given.get(str(symbol))) for symbol, source in sources.items())


def _view(symbol: Expr, source: str, given: int | None) -> SizeView:
    if given is None:
        reason = "the upper bound" if has_upper_bound(symbol) else "an example: there is no upper bound"
        return SizeView(symbol, default_size(symbol), source, reason)
    low, high = symbol.lo or 0, symbol.hi
    if given < low or (high is not None and given > high):
        raise UserError(
            f"{symbol}={given}: expected {low} to {high}"
            if high is not None
            else f"{symbol}={given}: expected at least {low}"
        )
    return SizeView(symbol, given, source, "given")
