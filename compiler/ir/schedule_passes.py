"""The passes that a group with reductions makes over its rows, and the costs that decide what is kept between them.

Enters: a group's members in order. Leaves: each member's pass (`levels`) and the members whose rows are kept from one pass to a later
one (`kept_rows`); the others are cheap and computed again. Both the scheduler (does it fit the cache?) and codegen read it.

The unit of cost is the time of one cheap vector operation on one element. Weights follow measured cycles per element of the vector
maths (exp about 0.4 cycles where an addition takes 0.03); they only need to be right within a factor of two.

Before/after (softmax: m = max(x); e = exp(x - m); s = sum(e); y = e / s):
    levels     m: 0, e: 1, s: 1, y: 2
    kept_rows  {e}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

from compiler.ir.expr import Expr
from compiler.ir.loop import Body, BodyOp
from compiler.ir.loop_bodies import load_index, loaded_buffer
from compiler.ir.schedule import FULL, REDUCE, Member

# A value of a later pass is computed again when that takes at most this cost and this many loads from memory.
REPEAT_COST = 8
REPEAT_LOADS = 2
# What a short epilogue does to an element: more than a bias, a rounding and a ReLU.
SHORT_OPERATIONS = 12

_CHEAP = frozenset({
    "load", "constant", "index", "cast", "neg", "abs", "add", "sub", "mul", "maximum", "minimum", "where", "eq", "ne", "lt", "le", "gt",
    "ge", "logical_and", "logical_or", "logical_not", "bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_not", "shl", "shr", "isnan",
    "isinf", "sign", "floor", "ceil", "trunc", "round", "copysign",
})  # fmt: skip
_MEDIUM = {
    "div": 4,
    "sqrt": 4,
    "rsqrt": 4,
    "reciprocal": 4,
    "indirect": 4,
    "exp": 12,
    "exp_nonpositive": 12,
    "exp2": 12,
    "log": 12,
    "log2": 12,
    "sigmoid": 16,
}
_EXPENSIVE = 24


def op_cost(opcode: str) -> int:
    return 1 if opcode in _CHEAP else _MEDIUM.get(opcode, _EXPENSIVE)


def body_cost(body: Body) -> int:
    """Cost of computing one point."""
    return sum(op_cost(op.opcode) for op in body.ops)


def is_short_epilogue(behind: Sequence[Member], inside: Set[str]) -> bool:
    """Whether what follows a template's tile is little beside the tile: nothing is loaded that has the result's columns and rows (a
    residual), and no elementary function computed. `inside`: buffers that are not in memory then.

    linear + bias, linear + bias + ReLU   short        linear + GELU, linear + residual   not"""
    cost = sum(body_cost(m.body) for m in behind)
    return cost <= SHORT_OPERATIONS and not any(_loads_a_tile(m, inside) for m in behind)


def _loads_a_tile(member: Member, inside: Set[str]) -> bool:
    """Whether a load from memory moves along more than one of the loops."""
    loads = (op for op in member.body.loads() if loaded_buffer(op) not in inside)
    return any(len(load_index(op).symbols()) > 1 for op in loads)


def _varying(body: Body) -> tuple[int, list[BodyOp]]:
    """Cost and loads of what changes along the row; the rest is computed once per row."""
    varies: list[bool] = []
    cost, loads = 0, []
    for op in body.ops:
        indices = (a for a in op.attrs if isinstance(a, Expr))
        moves = any(str(s)[0] != "i" for e in indices for s in e.symbols())
        varies.append(moves or any(varies[a] for a in op.args))
        if varies[-1]:
            cost += op_cost(op.opcode)
            loads += [op] if op.opcode == "load" else []
    return cost, loads


def levels(members: Mapping[str, Member]) -> dict[str, int]:
    """The pass over its row in which each member can be computed: one more than the reductions it depends on."""
    found: dict[str, int] = {}
    for name, m in members.items():
        level = 0
        for op in m.body.loads():
            producer = members.get(str(op.attrs[0]))
            if producer is not None:
                level = max(level, found[producer.name] + (producer.role == REDUCE))
        found[name] = level
    return found


def kept_rows(members: Mapping[str, Member]) -> set[str]:
    """The full members whose values a later pass reads and that are too costly to compute again."""
    level = levels(members)
    kept = _too_costly(members, level, _last_uses(members, level, set()))
    needed = _last_uses(members, level, kept)
    return {name for name in kept if needed[name] > level[name]}


def last_passes(members: Mapping[str, Member], keeps_rows: bool = True) -> dict[str, int]:
    """The last pass in which each member's body is computed (again, for those that are not kept)."""
    level, kept = levels(members), kept_rows(members) if keeps_rows else set()
    needed = _last_uses(members, level, kept)
    return {
        name: needed[name] if m.role == FULL and name not in kept else level[name]
        for name, m in members.items()
    }


def _last_uses(members: Mapping[str, Member], level: Mapping[str, int], kept: set[str]) -> dict[str, int]:
    """The last pass that computes with each full member; one that is not kept is needed wherever its readers are computed again."""
    last = dict(level)
    for name, m in reversed(list(members.items())):
        use = last[name] if m.role == FULL and name not in kept else level[name]
        for op in m.body.loads():
            producer = members.get(str(op.attrs[0]))
            if producer is not None and producer.role == FULL:
                last[producer.name] = max(last[producer.name], use)
    return last


def _too_costly(
    members: Mapping[str, Member], level: Mapping[str, int], last_use: Mapping[str, int]
) -> set[str]:
    kept: set[str] = set()
    cost: dict[str, tuple[int, int]] = {}
    for name, m in members.items():
        if m.role != FULL:
            continue
        (total, moving), loads = _varying(m.body), 0
        for op in moving:
            producer = members.get(str(op.attrs[0]))
            if producer is None or producer.name in kept:
                loads += 1
            elif producer.role == FULL:
                total, loads = total + cost[producer.name][0], loads + cost[producer.name][1]
        cost[name] = (total, loads)
        if last_use[name] > level[name] and (total > REPEAT_COST or loads > REPEAT_LOADS):
            kept.add(name)
    return kept
