"""Plans memory: every buffer's place, one arena for all that live between kernels.

Enters: groups in execution order. Leaves: placements, in-place reuse, arena size.
Invariants: those of `compiler.ir.schedule`; a buffer is in the arena from the first group that writes it to the last that reads it,
through views too. A freed block is joined with its free neighbours; a new buffer takes the smallest free block that holds it.

A buffer whose size is known at run time only gets a slot (`Slots`), and everything of fixed size lies where it would without them. One
whose size a run reads out of a tensor cannot be in the arena, which is laid out before the run: it gets memory of its own.

In place: a kernel's output takes over the memory of an input that dies in it, where both have the same bytes per element and as many
bytes, and `in_place.can_take_over` agrees; and it takes over the memory of a mutated input or constant where `mutations` says so.
"""

from __future__ import annotations

import bisect
from collections.abc import Mapping
from dataclasses import dataclass, field

from compiler.ir.expr import Expr, maximum, typical
from compiler.ir.loop import ExternKernel, Layout, Node, Program, ReadSize, View
from compiler.ir.loop_reads import buffers_read
from compiler.ir.schedule import ALIGNMENT_BYTES, KernelGroup, Placement
from compiler.scheduler.dependencies import Dependencies
from compiler.scheduler.in_place import can_take_over


@dataclass
class MemoryPlan:
    placement: dict[str, Placement] = field(default_factory=dict)
    reuse: dict[str, str] = field(default_factory=dict)
    arena_bytes: int = 0
    slots: list[Expr] = field(default_factory=list)


def exact_bytes(layout: Layout) -> Expr:
    return layout.storage_numel() * layout.dtype.size_bytes


def storage_bytes(layout: Layout) -> Expr:
    """Bytes of a buffer's storage; a fixed size is rounded up to the alignment."""
    size = exact_bytes(layout)
    return -(-size // ALIGNMENT_BYTES) * ALIGNMENT_BYTES if size.is_const else size


class Slots:
    """Memory for sizes that are known at run time only: each slot holds one buffer at a time and is as large as the largest of them, so
    that no size has to be compared with another to know that buffers do not overlap."""

    def __init__(self) -> None:
        self.sizes: list[Expr] = []
        self._free: list[int] = []

    def allocate(self, size: Expr) -> int:
        """The free slot whose size is nearest to `size`, at typical sizes; a new one where none is free."""
        if not self._free:
            self.sizes.append(size)
            return len(self.sizes) - 1
        wanted = typical(size)
        best = min(
            self._free, key=lambda k: (self.sizes[k] is not size, abs(typical(self.sizes[k]) - wanted), k)
        )
        self._free.remove(best)
        self.sizes[best] = maximum(self.sizes[best], size)
        return best

    def free(self, slot: int) -> None:
        self._free.append(slot)


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
    _Planner(plan, groups, dependencies, keeps_rows).run()
    return plan


class _Planner:
    """`bytes` has the size of every buffer in the arena or in memory of its own, now or before."""

    def __init__(
        self, plan: MemoryPlan, groups: list[KernelGroup], dependencies: Dependencies, keeps_rows: bool
    ) -> None:
        self.plan, self.groups, self.dependencies, self.keeps_rows = plan, groups, dependencies, keeps_rows
        self.arena, self.slots = Arena(), Slots()
        self.bytes: dict[str, Expr] = {}
        self.needs: dict[str, Expr] = {}  # the same, not rounded up: two sizes that round to one are not one
        self.last_use = _last_uses(groups, dependencies)
        self.dying: dict[int, list[str]] = {}
        for b, k in self.last_use.items():
            self.dying.setdefault(k, []).append(b)

    def run(self) -> None:
        for k, group in enumerate(self.groups):
            taken: set[str] = set()
            for node in group.nodes:
                place = self._fixed_place(node, group)
                self.plan.placement[node.name] = place or self._place(node, group, k, taken)
            self._place_blocks(group)
            unused = [n.name for n in group.nodes if n.name in self.bytes and n.name not in self.last_use]
            for b in [*self.dying.get(k, ()), *unused]:
                if b in self.bytes and b not in taken:
                    self._free(b)
        self.plan.arena_bytes = self.arena.size_bytes
        self.plan.slots = self.slots.sizes

    def _fixed_place(self, node: Node, group: KernelGroup) -> Placement | None:
        """The place of a buffer that is not in the arena."""
        if node.name in self.plan.reuse:
            return Placement("mutated", base=self.plan.reuse[node.name])
        if isinstance(node, View):
            return Placement("view", base=node.operand.buffer)
        if isinstance(node, ReadSize):
            return Placement("size")
        if node.name in group.local:
            return Placement("local")
        if isinstance(node, ExternKernel) and returns_new_tensor(node):
            return Placement("extern")
        return Placement("output") if node.name in self.dependencies.outputs else None

    def _place(self, node: Node, group: KernelGroup, k: int, taken: set[str]) -> Placement:
        """In the memory of a buffer that dies here, or in new memory."""
        size = self.bytes[node.name] = storage_bytes(node.layout)
        need = self.needs[node.name] = exact_bytes(node.layout)
        # What this group itself makes is an argument of its kernel beside the new buffer: one memory under two names.
        own = {n.name for n in group.nodes}
        dying = (b for b in self.dying.get(k, ()) if b not in own and b not in taken)
        candidates = [b for b in dying if self.needs.get(b) is need]
        old = can_take_over(node.name, group, candidates, self.dependencies.storage, self.keeps_rows)
        if old is not None:
            taken.add(old)
            self.plan.reuse[node.name] = old
            return self.plan.placement[old]
        if size.is_const:
            return Placement("arena", self.arena.allocate(size.value()), size.value())
        if size.from_data:
            return Placement("own")
        return Placement("arena", slot=self.slots.allocate(size))

    def _place_blocks(self, group: KernelGroup) -> None:
        """Memory for the blocks of a branch or loop, one over the other: free again when the group is done. Their slots stay theirs."""
        own = max((block.arena_bytes for block in group.blocks), default=0)
        if own:
            size = -(-own // ALIGNMENT_BYTES) * ALIGNMENT_BYTES
            group.blocks_offset = self.arena.allocate(size)
            self.arena.free(group.blocks_offset, size)
        group.blocks_slot = len(self.slots.sizes)
        for block in group.blocks:
            for k, needed in enumerate(block.slots, group.blocks_slot):
                if k == len(self.slots.sizes):
                    self.slots.sizes.append(needed)
                self.slots.sizes[k] = maximum(self.slots.sizes[k], needed)

    def _free(self, b: str) -> None:
        place = self.plan.placement[b]
        if place.slot >= 0:
            self.slots.free(place.slot)
        elif place.kind == "arena":
            self.arena.free(place.offset_bytes, place.size_bytes)


def _last_uses(groups: list[KernelGroup], dependencies: Dependencies) -> dict[str, int]:
    """The last group that reads each storage."""
    last: dict[str, int] = {}
    for k, group in enumerate(groups):
        for node in group.nodes:
            for b in buffers_read(node):
                last[dependencies.storage[b]] = k
    return last
