"""A group of nodes while fusion is going on, and the joining of two groups into one iteration space.

Enters: single-node groups made from Loop IR nodes. Leaves: groups with a common space; `join` gives the joined group or the reason why
there is none.
Invariants: a group's members are in program order, each with its index expressions over the group's own variables; within a group a
member loads another member's buffer only at exactly the index where that one stores it (expressions are hash-consed: `is`).

Before/after (a pointwise chain joins a row reduction):
    outer [49152], members x full at i0        +   outer [128] inner [384], member s reduce, loads x[384*i0 + r0]
    -> outer [128] inner [384], members x full at 384*i0 + r0, s reduce at i0
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from compiler.ir.expr import Expr, const, mul_all
from compiler.ir.loop import (
    Body,
    Cond,
    CustomKernel,
    Node,
    Pointwise,
    ReadSize,
    Reduction,
    Scan,
    Scatter,
    TemplateKernel,
    View,
    While,
    loop_var,
    reduction_var,
)
from compiler.ir.loop_bodies import load_index, loaded_buffer, substitute
from compiler.ir.loop_reads import buffers_read
from compiler.ir.schedule import FULL, ROW, SINGLE, TEMPLATE, Member
from compiler.scheduler.loops import simplify
from compiler.scheduler.reasons import Reason
from compiler.scheduler.space import Extents, express, refine, split_at

# Templates that hand finished tiles to an epilogue functor; attention writes its output itself.
TEMPLATES_WITH_EPILOGUE = ("gemm", "bmm", "conv2d", "conv2d_winograd", "triton_gemm", "triton_convolution")


@dataclass
class FusionGroup:
    """Nodes fused so far. `first` and `last` are the extreme positions of its nodes in the program."""

    kind: str
    nodes: dict[int, Node]  # by position in the program
    outer: Extents = ()
    inner: Extents = ()
    members: dict[str, Member] = field(default_factory=dict)
    reads: dict[str, None] = field(default_factory=dict)  # storages read from outside the group, ordered

    @property
    def has_reduction(self) -> bool:
        return bool(self.inner) and self.kind == "loops"

    @property
    def fusible(self) -> bool:
        """Whether other nodes can join at all."""
        if self.kind == "template":
            return any(
                isinstance(n, TemplateKernel) and n.template in TEMPLATES_WITH_EPILOGUE
                for n in self.nodes.values()
            )
        return self.kind == "loops" and all(m.role != SINGLE for m in self.members.values())

    def num_ops(self) -> int:
        return sum(len(m.body.ops) for m in self.members.values())


def single(position: int, node: Node) -> FusionGroup:
    """The group of one node, in its simplified space."""
    reads = dict.fromkeys(buffers_read(node))
    if isinstance(node, (Pointwise, Reduction)):
        loops = simplify(node)
        return FusionGroup(
            "loops", {position: node}, loops.outer, loops.inner, {node.name: loops.member}, reads
        )
    if isinstance(node, TemplateKernel):
        outer, inner = node.ranges[:-1], node.ranges[-1:]
        member = Member(node.name, TEMPLATE, Body((), ()), _row_major(outer, inner) + node.layout.offset)
        return FusionGroup("template", {position: node}, outer, inner, {node.name: member}, reads)
    if isinstance(node, (Scan, Scatter)):
        body = node.body if isinstance(node, (Scan, Scatter)) else Body((), ())
        extents = node.ranges if isinstance(node, (Scan, Scatter)) else node.layout.size
        store = node.index if isinstance(node, Scatter) else node.layout.index(_outer_vars(extents))
        return FusionGroup(
            "loops", {position: node}, extents, (), {node.name: Member(node.name, SINGLE, body, store)}, reads
        )
    kinds = {View: "view", Cond: "control", While: "control", CustomKernel: "custom", ReadSize: "size"}
    kind = kinds.get(type(node), "extern")
    return FusionGroup(kind, {position: node}, reads=reads)


def _outer_vars(extents: Sequence[Expr]) -> list[Expr]:
    return [loop_var(k, e) for k, e in enumerate(extents)]


def _inner_vars(extents: Sequence[Expr]) -> list[Expr]:
    return [reduction_var(k, e) for k, e in enumerate(extents)]


def _row_major(outer: Extents, inner: Extents) -> Expr:
    total, stride = const(0), const(1)
    for variable, extent in zip(
        reversed(_outer_vars(outer) + _inner_vars(inner)), reversed(outer + inner), strict=True
    ):
        total, stride = total + variable * stride, stride * extent
    return total


def join(first: FusionGroup, second: FusionGroup) -> FusionGroup | Reason:
    """One group of both, or why their loops do not match. `first` holds producers of `second`, or neither depends on the other."""
    kind = "template" if "template" in (first.kind, second.kind) else "loops"
    space = _common_space(first, second)
    if isinstance(space, Reason):
        return space
    outer, inner = space
    members: dict[str, Member] = {}
    for group in (first, second):
        moved = _move(group, outer, inner)
        if moved is None:
            return Reason.DIFFERENT_LOOPS
        members.update(moved)
    nodes = dict(sorted({**first.nodes, **second.nodes}.items()))
    ordered = {n.name: members[n.name] for n in nodes.values()}
    if not _loads_match(ordered):
        return Reason.OTHER_INDEX
    reads = dict.fromkeys(r for r in (*first.reads, *second.reads) if r not in ordered)
    return FusionGroup(kind, nodes, outer, inner, ordered, reads)


def _common_space(a: FusionGroup, b: FusionGroup) -> tuple[Extents, Extents] | Reason:
    if a.kind == "template" and b.kind == "template":
        return Reason.TWO_TEMPLATES
    if "template" in (a.kind, b.kind):
        template, other = (a, b) if a.kind == "template" else (b, a)
        return Reason.REDUCTION_AFTER_TEMPLATE if other.inner else _template_space(template, other)
    if a.inner and b.inner:
        outer, inner = refine(a.outer, b.outer), refine(a.inner, b.inner)
        return Reason.DIFFERENT_LOOPS if outer is None or inner is None else (outer, inner or a.inner)
    if not a.inner and not b.inner:
        outer = refine(a.outer, b.outer)
        return Reason.DIFFERENT_LOOPS if outer is None else (outer, ())
    rows, flat = (a, b) if a.inner else (b, a)
    outer = refine(rows.outer, flat.outer)
    if outer is not None:
        return outer, rows.inner
    whole = refine(rows.outer + rows.inner, flat.outer)
    cut = None if whole is None else split_at(whole, rows.inner)
    return Reason.DIFFERENT_LOOPS if whole is None or cut is None else (whole[:cut], whole[cut:])


def _template_space(template: FusionGroup, other: FusionGroup) -> tuple[Extents, Extents] | Reason:
    """The template's rows may be cut; its columns stay one loop, because a tile has any number of them."""
    whole = refine(template.outer + template.inner, other.outer)
    if whole is None:
        return Reason.DIFFERENT_LOOPS
    if mul_all(template.inner) == 1:
        return whole, template.inner
    cut = split_at(whole, template.inner)
    return (whole[:cut], template.inner) if cut is not None else Reason.DIFFERENT_LOOPS


def _move(group: FusionGroup, outer: Extents, inner: Extents) -> dict[str, Member] | None:
    """The group's members over the variables of a refined space."""
    outer_vars, inner_vars = _outer_vars(outer), _inner_vars(inner)
    old_outer = _outer_vars(group.outer)
    if group.inner:
        values, inner_values = (
            express(group.outer, outer, outer_vars),
            express(group.inner, inner, inner_vars),
        )
        if values is None or inner_values is None:
            return None
        mapping = dict(zip(old_outer + _inner_vars(group.inner), values + inner_values, strict=True))
        role = None
    else:
        row = bool(inner) and mul_all(group.outer) is mul_all(outer) and mul_all(inner) != 1
        wanted, variables = (outer, outer_vars) if row else (outer + inner, outer_vars + inner_vars)
        values = express(group.outer, wanted, variables)
        if values is None:
            return None
        mapping, role = dict(zip(old_outer, values, strict=True)), ROW if row else FULL
    changed = {v: e for v, e in mapping.items() if v is not e}
    return {
        m.name: Member(m.name, role or m.role, substitute(m.body, changed), m.store.subst(changed))
        if changed or role
        else m
        for m in group.members.values()
    }


def _loads_match(members: dict[str, Member]) -> bool:
    """Whether members read each other only where the other one writes in the same iteration."""
    for m in members.values():
        for op in m.body.loads():
            producer = members.get(loaded_buffer(op))
            if producer is not None and load_index(op) is not producer.store:
                return False
    return True
