"""Re-orders the loops of a pointwise group so that they match another group's loops.

Enters: two groups whose loops do not line up although one reads what the other writes, for example because a reduction runs over a
middle dim while the pointwise group follows memory. Leaves: versions of the pointwise group over other loops, to be tried by `join`.
Invariant: the new loops visit the same points once each (checked: the index that connects the two groups is injective, and gives each
loop of the pointwise group a value inside of its extent).

Before/after (softmax over dim 1 of [3, 10, 50]; sum: outer [3, 50] inner [10], reads e[500*i0 + 50*r0 + i1]):
    e = exp(..): outer [3, 10, 50], stores 500*i0 + 50*i1 + i2   ->   outer [3, 50] inner [10], stores 500*i0 + 50*r0 + i1
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from compiler.ir.expr import Expr, const, mul_all, typical
from compiler.ir.expr_bounds import lower, upper
from compiler.ir.loop import loop_var, reduction_var
from compiler.ir.loop_bodies import load_index, loaded_buffer, substitute
from compiler.ir.schedule import FULL, REDUCE, ROW, Member
from compiler.scheduler.group import FusionGroup


def realigned(first: FusionGroup, second: FusionGroup) -> Iterator[tuple[FusionGroup, FusionGroup]]:
    """Pairs to try instead: `first` (producers) or `second` over the other's loops."""
    if _pointwise(first):
        for store, index in _passed(first, second):
            moved = _onto(first, store, second, index)
            if moved is not None:
                yield moved, second
                break
    if _pointwise(second):
        for producer, index in _passed_members(first, second):
            moved = (
                _permuted(second, index, first, producer.store) if producer.role in (REDUCE, ROW) else None
            )
            if producer.role not in (REDUCE, ROW):
                moved = _onto(second, index, first, producer.store)
            if moved is not None:
                yield first, moved
                break


def _pointwise(group: FusionGroup) -> bool:
    return group.kind == "loops" and not group.inner


def _passed_members(producer: FusionGroup, consumer: FusionGroup) -> Iterator[tuple[Member, Expr]]:
    """Members of the producer with the index at which the consumer loads them."""
    for m in consumer.members.values():
        for op in m.body.loads():
            found = producer.members.get(loaded_buffer(op))
            if found is not None:
                yield found, load_index(op)


def _passed(producer: FusionGroup, consumer: FusionGroup) -> Iterator[tuple[Expr, Expr]]:
    return ((m.store, index) for m, index in _passed_members(producer, consumer))


def _variables(group: FusionGroup) -> dict[Expr, Expr]:
    """Loop variables with their extents."""
    found = {loop_var(k, e): e for k, e in enumerate(group.outer)}
    found.update((reduction_var(k, e), e) for k, e in enumerate(group.inner))
    return found


def _onto(group: FusionGroup, own: Expr, other: FusionGroup, wanted: Expr) -> FusionGroup | None:
    """The pointwise group over the other's loops, such that its index `own` becomes the other's `wanted`."""
    if mul_all(group.outer) is not mul_all(other.outer + other.inner) or not _injective(
        wanted, _variables(other)
    ):
        return None
    variables = _variables(group)
    values = solve(own, variables, wanted)
    if values is None or not all(_stays_below(value, variables[v]) for v, value in values.items()):
        return None
    return replace(group, outer=other.outer, inner=other.inner, members=_moved(group, values))


def _stays_below(value: Expr, extent: Expr) -> bool:
    """Whether the value is a turn of a loop of this extent. A load under a mask at `i0 + 1` gives none: it would shift the loop."""
    least, most = lower(value), upper(value)
    room = None if most is None else (extent - 1 - most).lo
    return least is not None and least.lo is not None and least.lo >= 0 and room is not None and room >= 0


def _permuted(group: FusionGroup, own: Expr, other: FusionGroup, wanted: Expr) -> FusionGroup | None:
    """The pointwise group with the loops first that make up the other's outer loops; `wanted` is over the other's outer loops."""
    outer = {v: e for v, e in _variables(other).items() if v in wanted.symbols()}
    values = solve(wanted, outer, own)
    variables = _variables(group)
    if values is None or not all(v in variables for v in values.values()):
        return None
    leading = list(dict.fromkeys(values[v] for v in outer))
    order = [*leading, *(v for v in variables if v not in leading)]
    extents = tuple(variables[v] for v in order)
    mapping = {v: loop_var(k, e) for k, (v, e) in enumerate(zip(order, extents, strict=True))}
    return replace(group, outer=extents, members=_moved(group, mapping))


def _moved(group: FusionGroup, mapping: Mapping[Expr, Expr]) -> dict[str, Member]:
    return {
        m.name: Member(m.name, FULL, substitute(m.body, mapping), m.store.subst(mapping))
        for m in group.members.values()
    }


def solve(own: Expr, variables: Mapping[Expr, Expr], wanted: Expr) -> dict[Expr, Expr] | None:
    """The variables' values for which `own` equals `wanted`, where they are plain sums; None where there are none.

    `own` must be a mixed-radix number of the variables: sorted by step, each step is at least the span of those below.
    """
    steps = _steps(own, variables)
    if steps is None:
        return None
    rest = wanted - own.constant()
    values: dict[Expr, Expr] = {}
    for position, (step, variable) in enumerate(steps):
        value = rest // step
        if position:
            value = value % variables[variable]
        if any(s.kind != "sym" for s, _ in value.terms()):
            return None
        values[variable] = value
    return values


def _steps(index: Expr, variables: Mapping[Expr, Expr]) -> list[tuple[Expr, Expr]] | None:
    """(step, variable), largest first, where the index is a mixed-radix number of all the variables."""
    steps: list[tuple[Expr, Expr]] = []
    rest = index
    for v in variables:
        step = index.coefficient(v)
        if step is None or step == 0:
            return None
        steps.append((step, v))
        rest = rest - step * v
    if not rest.is_const:
        return None
    steps.sort(key=lambda s: (-typical(s[0]), str(s[1])))
    span = const(0)
    for step, v in reversed(steps):
        room = (step - span).lo
        if room is None or room < 1:
            return None
        span = span + step * (variables[v] - 1)
    return steps


def _injective(index: Expr, variables: Mapping[Expr, Expr]) -> bool:
    return _steps(index, variables) is not None
