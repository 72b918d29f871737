"""What a run learns of sizes from its inputs, and what it checks of them before anything is computed.

Enters: the inputs and guards of a plan. Leaves: for every size symbol the dimension that gives it (`bind`), and every relation between
sizes, strides and symbols that the runtime's plain table of dimensions cannot say (`checks`).

    x [s0, 64], y [2*s0 + 1]          bind:    s0 = dim 0 of x
                                      checks:  dim 0 of y is 2*s0 + 1
    z [2*s0 + 1] alone                bind:    s0 = (dim 0 of z - 1) / 2     checks: dim 0 of z is 2*s0 + 1 (so it is odd)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from compiler.ir.expr import Expr
from compiler.ir.guard import Guard
from compiler.ir.wrapper import InputSlot, Plan, SizeSymbol
from compiler.support.diagnostics import InternalError


@dataclass(frozen=True)
class SizeCheck:
    """kind "size" or "stride": dimension `dim` of input `input_index` has this `value`; "guard": `guard` holds."""

    kind: str
    input_index: int = -1
    dim: int = -1
    value: Expr | None = None
    guard: Guard | None = None
    origin: str = ""


def bind(inputs: Sequence[InputSlot]) -> list[SizeSymbol]:
    """Each size symbol once, from the dimension that says it most plainly. Raises InternalError for one that no dimension gives."""
    dims = [(e, n, d) for n, slot in enumerate(inputs) for d, e in enumerate(slot.layout.size)]
    wanted = {
        s: None for slot in inputs for e in (*slot.layout.size, *slot.layout.stride) for s in e.symbols()
    }
    found: dict[Expr, SizeSymbol] = {}
    for e, n, d in dims:
        if e.kind == "sym":
            found.setdefault(e, SizeSymbol(e, n, d))
    while len(found) < len(wanted):
        solved = next((s for e, n, d in dims if (s := _solve(e, n, d, found)) is not None), None)
        if solved is None:
            missing = ", ".join(str(s) for s in wanted if s not in found)
            raise InternalError(f"no dimension of an input gives the sizes {missing}")
        found[solved.symbol] = solved
    return list(found.values())


def _solve(e: Expr, position: int, dim: int, found: dict[Expr, SizeSymbol]) -> SizeSymbol | None:
    """The one symbol of this dimension that is not known yet, where it is linear in it."""
    unknown = [s for s in e.symbols() if s not in found]
    if len(unknown) != 1:
        return None
    scale = e.coefficient(unknown[0])
    if scale is None or not scale.is_const or scale == 0:
        return None
    return SizeSymbol(unknown[0], position, dim, scale.value(), e - unknown[0] * scale)


def checks(plan: Plan) -> list[SizeCheck]:
    """In the order of the inputs, guards last. A guard that export gives no line has that of the input whose size is first in it."""
    return [
        *_of_layouts(plan),
        *(SizeCheck("guard", guard=g, origin=g.origin or _line(plan, g)) for g in plan.guards),
    ]


def _line(plan: Plan, guard: Guard) -> str:
    inside = {*guard.left.symbols(), *guard.right.symbols()}
    return next((plan.inputs[s.input_index].origin for s in plan.symbols if s.symbol in inside), "")


def _of_layouts(plan: Plan) -> Iterator[SizeCheck]:
    for n, slot in enumerate(plan.inputs):
        layout = slot.layout
        for d, e in enumerate(layout.size):
            if not e.is_const and e.kind != "sym":
                yield SizeCheck("size", n, d, e, origin=slot.origin)
        if layout.is_contiguous():
            continue
        for d, e in enumerate(layout.stride):
            if not e.is_const:
                yield SizeCheck("stride", n, d, e, origin=slot.origin)
