"""What each kernel of a schedule must move and compute at least.

Enters: a schedule. Leaves: for each group `Cost(read_bytes, written_bytes, operations)`; dynamic sizes count by a given value of each
symbol, or by its `default_size`.

Bytes: every buffer outside the kernel once, as much of it as its layout spans. Operations: a scalar operation on one element is one (loads,
constants, index arithmetic and casts are none); a multiply-add of a product is two, a convolution counts as a direct one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from compiler.ir.expr import Expr, as_expr, mul_all
from compiler.ir.loop import ExternKernel, Layout, Node, TemplateKernel
from compiler.ir.loop_reads import buffers_read
from compiler.ir.schedule import FULL, REDUCE, TEMPLATE, KernelGroup, Member, Schedule

_FREE = frozenset(("load", "constant", "index", "indirect", "cast"))
# A bound above this is one of what can be addressed, and none of what is meant.
_LARGEST_MEANT = 1 << 24
_UNBOUNDED = 1024


@dataclass(frozen=True)
class Cost:
    """Least work of one launch."""

    read_bytes: int
    written_bytes: int
    operations: int

    @property
    def bytes(self) -> int:
        return self.read_bytes + self.written_bytes

    def floor_us(self, gigabytes_per_s: float, gigaflops: float) -> float:
        """Microseconds below which no kernel can come at these rates."""
        return max(self.bytes / gigabytes_per_s, self.operations / gigaflops) / 1e3


def of_group(group: KernelGroup, schedule: Schedule, sizes: Mapping[Expr, int] | None = None) -> Cost:
    """The cost of one launch (or shim call); a branch or loop has none but that of the launches in it."""
    if group.kind == "control":
        return Cost(0, 0, 0)
    value = _evaluator(sizes or {})
    written = {n.name for n in group.nodes} - group.local
    read = {schedule.storage(b) for n in group.nodes for b in _operands(n, group)} - {
        n.name for n in group.nodes
    }
    return Cost(
        sum(_bytes(schedule.layouts[b], value) for b in sorted(read)),
        sum(_bytes(schedule.layouts[b], value) for b in sorted(written)),
        sum(_member_operations(m, group, value) for m in group.members)
        + sum(_template_operations(n, value) for n in group.nodes if isinstance(n, TemplateKernel)),
    )


def size_value(expression: Expr, sizes: Mapping[Expr, int] | None = None) -> int:
    """The value of a size; a symbol without a given value has its `default_size`."""
    return _evaluator(sizes or {})(expression)


def default_size(symbol: Expr) -> int:
    """What a size counts for where nobody says: the upper bound of its range, or 1024 (its lower bound, if that is more) where it has none
    that means something."""
    if has_upper_bound(symbol):
        return symbol.hi or 0
    return max(_UNBOUNDED, symbol.lo or 0)


def has_upper_bound(symbol: Expr) -> bool:
    """Whether the range of a size ends where somebody meant it to end."""
    return symbol.hi is not None and symbol.hi <= _LARGEST_MEANT


def touched_buffers(group: KernelGroup) -> set[str]:
    """Every buffer that the group reads or writes, by its own name; those that never leave the kernel too. Of a branch or loop that
    is what its blocks use of the program around it."""
    return {n.name for n in group.nodes} | {b for n in group.nodes for b in buffers_read(n)}


def _evaluator(sizes: Mapping[Expr, int]) -> Callable[[Expr], int]:
    def value(expression: Expr) -> int:
        return expression.evaluate({s: sizes.get(s, default_size(s)) for s in expression.symbols()})

    return value


def _operands(node: Node, group: KernelGroup) -> list[str]:
    """Buffers that the node reads."""
    if isinstance(node, TemplateKernel):
        own = [o.buffer for o in node.operands]
    elif isinstance(node, ExternKernel):
        own = [o.buffer for o in node.operands()]
    else:
        own = [
            ref.buffer
            for ref in (getattr(node, "base", None), getattr(node, "operand", None))
            if ref is not None
        ]
    bodies = [m.body for m in group.members if m.name == node.name]
    return own + [load.buffer for body in bodies for load in body.loads()]


def _bytes(layout: Layout, value: Callable[[Expr], int]) -> int:
    if any(value(s) == 0 for s in layout.size):
        return 0
    elements = 1 + sum(
        (value(n) - 1) * abs(value(s)) for n, s in zip(layout.size, layout.stride, strict=True)
    )
    return min(elements, value(mul_all(layout.size))) * layout.dtype.size_bytes


def _member_operations(member: Member, group: KernelGroup, value: Callable[[Expr], int]) -> int:
    each = sum(op.opcode not in _FREE for op in member.body.ops) + (member.role == REDUCE)
    inside = (FULL, REDUCE, TEMPLATE)
    points = mul_all(group.outer + (group.inner if member.role in inside else ()))
    return each * value(points)


def _template_operations(node: TemplateKernel, value: Callable[[Expr], int]) -> int:
    """Two for each multiply-add."""

    def param(name: str) -> int:
        found = dict(node.params)[name]
        return value(found) if isinstance(found, Expr) else int(found)

    size = [value(as_expr(s)) for s in node.layout.size]
    outputs = value(mul_all(node.layout.size))
    match node.template:
        case "gemm":
            return 2 * param("M") * param("N") * param("K")
        case "bmm":
            return 2 * param("B") * param("M") * param("N") * param("K")
        case "attention":
            keys = value(node.operands[1].layout.size[-2])
            width = value(node.operands[0].layout.size[-1])
            return 2 * value(mul_all(node.layout.size[:-1])) * keys * (width + size[-1])
    known = {name for name, _ in node.params}
    if {"KH", "KW", "C", "groups"} <= known:
        return 2 * outputs * param("KH") * param("KW") * param("C") // param("groups")
    return 0
