"""Plans memory: every buffer's place, one arena for all that live between kernels.

Enters: groups in execution order. Leaves: placements, in-place reuse, arena size.
Invariants: those of `compiler.ir.schedule`; a buffer is in the arena from the first group that writes it to the last that reads it,
through views too. A freed block is joined with its free neighbours; a new buffer takes the smallest free block that holds it.

In place: a kernel's output takes over the memory of an input that dies in it, where both have the same bytes per element and as many
bytes, and every load of the dying one reads exactly the element that the same iteration then overwrites.
"""

from __future__ import annotations

import bisect
from collections.abc import Mapping
from dataclasses import dataclass, field

from compiler.ir.loop import ExternKernel, Layout, Program, Scatter, TemplateKernel, View
from compiler.ir.loop_reads import buffers_read
from compiler.ir.schedule import ALIGNMENT_BYTES, FULL, SINGLE, TEMPLATE, KernelGroup, Member, Placement
from compiler.ir.schedule_bodies import load_index, loaded_buffer
from compiler.ir.schedule_passes import last_passes, levels
from compiler.scheduler.dependencies import Dependencies
from compiler.support.diagnostics import InternalError


@dataclass
class MemoryPlan:
    placement: dict[str, Placement] = field(default_factory=dict)
    reuse: dict[str, str] = field(default_factory=dict)
    arena_bytes: int = 0


def storage_bytes(layout: Layout) -> int:
    """Bytes of a buffer's storage, rounded up to the alignment; a dynamic size counts by its upper bound."""
    highest = layout.storage_numel().hi
    if highest is None:
        raise InternalError(
            f"a buffer of size {list(map(str, layout.size))} has no upper bound and cannot be placed in the arena"
        )
    size = highest * layout.dtype.size_bytes
    return -(-size // ALIGNMENT_BYTES) * ALIGNMENT_BYTES


class Arena:
    """Free blocks by offset; grows at the end."""

    def __init__(self) -> None:
        self.size_bytes = 0
        self._offsets: list[int] = []  # of free blocks, ascending
        self._sizes: dict[int, int] = {}
        self._by_size: list[tuple[int, int]] = []  # (size, offset), ascending

    def allocate(self, size: int) -> int:
        """The offset of a block of `size` bytes (a multiple of the alignment)."""
        k = bisect.bisect_left(self._by_size, (size, -1))
        if k < len(self._by_size):
            block, offset = self._by_size[k]
            self._remove(offset)
            if block > size:
                self._insert(offset + size, block - size)
            return offset
        last = self._offsets[-1] if self._offsets else None
        if last is not None and last + self._sizes[last] == self.size_bytes:
            self._remove(last)
            self.size_bytes = last + size
            return last
        offset, self.size_bytes = self.size_bytes, self.size_bytes + size
        return offset

    def free(self, offset: int, size: int) -> None:
        k = bisect.bisect_left(self._offsets, offset)
        if k < len(self._offsets) and self._offsets[k] == offset + size:
            following = self._offsets[k]
            size += self._sizes[following]
            self._remove(following)
        if k > 0 and self._offsets[k - 1] + self._sizes[self._offsets[k - 1]] == offset:
            offset = self._offsets[k - 1]
            size += self._sizes[offset]
            self._remove(offset)
        self._insert(offset, size)

    def _insert(self, offset: int, size: int) -> None:
        bisect.insort(self._offsets, offset)
        self._sizes[offset] = size
        bisect.insort(self._by_size, (size, offset))

    def _remove(self, offset: int) -> None:
        size = self._sizes.pop(offset)
        del self._offsets[bisect.bisect_left(self._offsets, offset)]
        del self._by_size[bisect.bisect_left(self._by_size, (size, offset))]


def returns_new_tensor(node: ExternKernel) -> bool:
    """Whether the shim function makes its result itself; the others (`*_out`) write into memory that is given."""
    return not node.function.endswith("_out")


def plan_memory(program: Program, groups: list[KernelGroup], dependencies: Dependencies) -> MemoryPlan:
    """Places every buffer of the program."""
    plan = MemoryPlan()
    for i in program.inputs:
        plan.placement[i.name] = Placement("input")
    for c in program.constants:
        plan.placement[c.name] = Placement("constant")
    arena, last_use, offsets = Arena(), _last_uses(groups, dependencies), {}  # type: Arena, dict[str, int], dict[str, tuple[int, int]]
    dying: dict[int, list[str]] = {}
    for b, k in last_use.items():
        dying.setdefault(k, []).append(b)
    for k, group in enumerate(groups):
        taken: set[str] = set()
        for node in group.nodes:
            place = _fixed_place(node.name, node, group, dependencies)
            if place is None:
                size = storage_bytes(node.layout)
                candidates = [
                    b for b in dying.get(k, ()) if b in offsets and b not in taken and offsets[b][1] == size
                ]
                old = _in_place(node.name, group, candidates, dependencies.storage)
                if old is not None:
                    taken.add(old)
                    plan.reuse[node.name] = old
                offsets[node.name] = (offsets[old][0] if old is not None else arena.allocate(size), size)
                place = Placement("arena", *offsets[node.name])
            plan.placement[node.name] = place
        unused = [n.name for n in group.nodes if n.name in offsets and n.name not in last_use]
        for b in [*dying.get(k, ()), *unused]:
            if b in offsets and b not in taken:
                arena.free(*offsets[b])
    plan.arena_bytes = arena.size_bytes
    return plan


def _fixed_place(name: str, node: object, group: KernelGroup, dependencies: Dependencies) -> Placement | None:
    """The place of a buffer that is not in the arena."""
    if isinstance(node, View):
        return Placement("view", base=node.operand.buffer)
    if name in group.local:
        return Placement("local")
    if isinstance(node, ExternKernel) and returns_new_tensor(node):
        return Placement("extern")
    return Placement("output") if name in dependencies.outputs else None


def _last_uses(groups: list[KernelGroup], dependencies: Dependencies) -> dict[str, int]:
    """The last group that reads each storage."""
    last: dict[str, int] = {}
    for k, group in enumerate(groups):
        for node in group.nodes:
            for b in buffers_read(node):
                last[dependencies.storage[b]] = k
    return last


def _in_place(name: str, group: KernelGroup, dying: list[str], storage: Mapping[str, str]) -> str | None:
    """The dying buffer of the same size whose memory the new one can take, or None."""
    if group.kind not in ("loops", "template") or not dying:
        return None
    node = next(n for n in group.nodes if n.name == name)
    if isinstance(node, Scatter):
        base = storage[node.base.buffer]
        same = (
            base in dying
            and node.base.layout == node.layout
            and all(storage[loaded_buffer(op)] != base for op in node.body.loads())
        )
        return base if same else None
    writer = next(m for m in group.members if m.name == name)
    if writer.role in (SINGLE, TEMPLATE):
        return None
    return next(
        (old for old in dying if _dies_under(old, writer, node.layout.dtype.size_bytes, group, storage)), None
    )


def _dies_under(old: str, writer: Member, width: int, group: KernelGroup, storage: Mapping[str, str]) -> bool:
    """Whether every read of `old` is of the element that the same or a later pass overwrites in the same iteration."""
    members = {m.name: m for m in group.members}
    operands = {
        storage[ref.buffer] for n in group.nodes if isinstance(n, TemplateKernel) for ref in n.operands
    }
    if old in operands:
        return False
    reads = [(m, op) for m in group.members for op in m.body.loads() if storage[loaded_buffer(op)] == old]
    if not all(
        load_index(op) is writer.store and loaded_buffer(op) == old and op.dtype.size_bytes == width
        for _, op in reads
    ):
        return False
    if not group.inner or group.kind == "template":
        return bool(reads) and writer.role == FULL
    written, last = levels(members)[writer.name], last_passes(members)
    return bool(reads) and all(last[m.name] <= written for m, _ in reads)
