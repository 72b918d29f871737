"""Plans memory: every buffer's place, one arena for all that live between kernels.

Enters: groups in execution order. Leaves: placements, in-place reuse, arena size.
Invariants: those of `compiler.ir.schedule`; a buffer is in the arena from the first group that writes it to the last that reads it,
through views too. A freed block is joined with its free neighbours; a new buffer takes the smallest free block that holds it.

In place: a kernel's output takes over the memory of an input that dies in it, where both have the same bytes per element and as many
bytes, and `in_place.can_take_over` agrees; and it takes over the memory of a mutated input or constant where `mutations` says so.
"""

from __future__ import annotations

import bisect
from collections.abc import Mapping
from dataclasses import dataclass, field

from compiler.ir.loop import ExternKernel, Layout, Program, View
from compiler.ir.loop_reads import buffers_read
from compiler.ir.schedule import ALIGNMENT_BYTES, KernelGroup, Placement
from compiler.scheduler.dependencies import Dependencies
from compiler.scheduler.in_place import can_take_over
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


def plan_memory(
    program: Program,
    groups: list[KernelGroup],
    dependencies: Dependencies,
    mutated: Mapping[str, str],
    keeps_rows: bool = True,
) -> MemoryPlan:
    """Places every buffer of the program; those of `mutated` in the memory of an input or constant. Where kernels do not keep rows, a
    later pass reads again what an earlier one has read."""
    plan = MemoryPlan(reuse=dict(mutated))
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
            place = (
                Placement("mutated", base=mutated[node.name])
                if node.name in mutated
                else _fixed_place(node.name, node, group, dependencies)
            )
            if place is None:
                size = storage_bytes(node.layout)
                candidates = [
                    b for b in dying.get(k, ()) if b in offsets and b not in taken and offsets[b][1] == size
                ]
                old = can_take_over(node.name, group, candidates, dependencies.storage, keeps_rows)
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
