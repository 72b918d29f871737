"""Simplifies the loops of one node, or of a finished group: memory order, no loops of one iteration, contiguous loops merged.

Enters: a `Pointwise` or `Reduction` of the Loop IR. Leaves: its `Loops`: extents and a `Member` whose body and store index are over them.
Invariants: the set of points visited is the same; `store` visits memory in ascending order where the layout's strides allow it.

Before/after (relu of a channels-last [1, 64, 56, 56], strides [200704, 1, 3584, 64]):
    i0 < 1, i1 < 64, i2 < 56, i3 < 56   buf[i1 + 3584*i2 + 64*i3]
    i0 < 200704                         buf[i0]
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from compiler.ir.expr import Expr, const, equal, typical
from compiler.ir.loop import Pointwise, Reduction, loop_var, reduction_var
from compiler.ir.loop_bodies import access_indices, substitute
from compiler.ir.schedule import FULL, REDUCE, Member
from compiler.scheduler.space import Extents


@dataclass(frozen=True)
class Loops:
    """A node in its own simplified space. `inner` is empty for a pointwise node."""

    outer: Extents
    inner: Extents
    member: Member


def simplify(node: Pointwise | Reduction) -> Loops:
    """The node's loops in the memory order of what it writes (and, for reduced loops, of what it reads)."""
    outer_vars = [loop_var(k, e) for k, e in enumerate(node.ranges)]
    reduced = node.reduction_ranges if isinstance(node, Reduction) else ()
    inner_vars = [reduction_var(k, e) for k, e in enumerate(reduced)]
    store = node.layout.index(outer_vars)
    accesses = [store, *access_indices(node.body)]
    strides = [_extent_order(s) for s in node.layout.stride]
    outer = [k for k in sorted(range(len(outer_vars)), key=lambda k: (-strides[k], k)) if node.ranges[k] != 1]
    ordered = isinstance(node, Reduction) and node.kind in (
        "argmax",
        "argmin",
    )  # a position counts in the given order
    weight = [0 if ordered else _total_stride(v, accesses) for v in inner_vars]
    inner = [k for k in sorted(range(len(inner_vars)), key=lambda k: (-weight[k], k)) if reduced[k] != 1]
    inner = inner or list(range(len(reduced)))[-1:]
    role = REDUCE if isinstance(node, Reduction) else FULL
    dropped = dict.fromkeys(outer_vars + inner_vars, const(0))
    renamed = {outer_vars[k]: loop_var(n, node.ranges[k]) for n, k in enumerate(outer)}
    renamed.update({inner_vars[k]: reduction_var(n, reduced[k]) for n, k in enumerate(inner)})
    mapping = {**dropped, **renamed}
    member = Member(node.name, role, substitute(node.body, mapping), store.subst(mapping))
    merged = merge(tuple(node.ranges[k] for k in outer), tuple(reduced[k] for k in inner), [member])
    return Loops(merged[0], merged[1], merged[2][0])


def _extent_order(stride: Expr) -> int:
    """A number that orders strides by size."""
    return typical(stride)


def _total_stride(variable: Expr, accesses: Sequence[Expr]) -> int:
    """How far the accesses of a body move in memory by one step of the variable, added up."""
    total = 0
    for e in accesses:
        step = e.coefficient(variable)
        total += 1 if step is None else abs(_extent_order(step))
    return total


def merge(outer: Extents, inner: Extents, members: Sequence[Member]) -> tuple[Extents, Extents, list[Member]]:
    """Merges neighbouring loops wherever all members' accesses are contiguous over them."""
    outer_vars = [loop_var(k, e) for k, e in enumerate(outer)]
    inner_vars = [reduction_var(k, e) for k, e in enumerate(inner)]
    indices = [i for m in members for i in (m.store, *access_indices(m.body))]
    new_outer, outer_map = _merge_neighbours(outer, outer_vars, indices, loop_var)
    new_inner, inner_map = _merge_neighbours(inner, inner_vars, indices, reduction_var)
    mapping = {v: e for v, e in {**outer_map, **inner_map}.items() if v is not e}
    if mapping:
        members = [
            Member(m.name, m.role, substitute(m.body, mapping), m.store.subst(mapping)) for m in members
        ]
    return new_outer, new_inner, list(members)


def _merge_neighbours(
    extents: Extents,
    variables: Sequence[Expr],
    indices: Sequence[Expr],
    make_var: Callable[[int, Expr], Expr],
) -> tuple[Extents, dict[Expr, Expr]]:
    """The merged extents, and the old variables over the new ones."""
    runs: list[list[int]] = []
    for k in range(len(extents)):
        joined = runs and mergeable(variables[k - 1], variables[k], extents[k], indices)
        if joined:
            runs[-1].append(k)
        else:
            runs.append([k])
    new_extents: list[Expr] = []
    mapping: dict[Expr, Expr] = {}
    for position, run in enumerate(runs):
        total = const(1)
        for k in run:
            total = total * extents[k]
        new_extents.append(total)
        for k in run[:-1]:
            mapping[variables[k]] = const(0)
        mapping[variables[run[-1]]] = make_var(position, total)
    return tuple(new_extents), mapping


def mergeable(a: Expr, b: Expr, b_extent: Expr, indices: Iterable[Expr]) -> bool:
    """Whether each expression depends on the neighbouring variables only as `a * b_extent + b`."""
    return all(_contiguous(e, a, b, b_extent) for e in indices)


def _contiguous(e: Expr, a: Expr, b: Expr, b_extent: Expr) -> bool:
    symbols = e.symbols()
    if a not in symbols and b not in symbols:
        return True
    a_step, b_step = const(0), const(0)
    for term, coeff in e.terms():
        factors: tuple[Expr, ...] = term.args if term.kind == "prod" else (term,)  # type: ignore[assignment]
        if a in factors or b in factors:
            part = term * coeff
            one_a, one_b = part.coefficient(a), part.coefficient(b)
            if (
                one_a is None
                or one_b is None
                or any(v in s.symbols() for s in (one_a, one_b) for v in (a, b))
            ):
                return False
            a_step, b_step = a_step + one_a, b_step + one_b
        elif not all(_inside(f, a, b, b_extent) for f in factors):
            return False
    return equal(a_step, b_step * b_extent) is True


def _inside(atom: Expr, a: Expr, b: Expr, b_extent: Expr) -> bool:
    """The same for the operands of a division, remainder, minimum or maximum."""
    if atom.kind == "sym":
        return True
    return all(_contiguous(x, a, b, b_extent) for x in atom.args if isinstance(x, Expr))
