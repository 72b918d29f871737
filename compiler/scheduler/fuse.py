"""Fuses groups pair by pair: template epilogues first, then producers into consumers, then independent kernels that read the same memory.

Enters: a program without loads through views, its dependencies. Leaves: the groups, and one line for each pair considered.
Invariants: the graph of groups stays free of cycles; fusions beyond number `limit` are not made (negative: no limit), and their order does
not depend on the limit, so that a wrong fusion can be found by bisection. Fusions are numbered from 1 over the program and all its blocks;
their lines come in the order of their numbers.

The gain of a pair is the memory traffic that disappears: bytes of the buffers that the second one no longer reads from memory, and
of those that need not be written at all. Pairs are tried by falling gain; a pair refused because of a cycle is tried again
once its surroundings have changed.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field

from compiler.ir.loop import Program, Reduction, Result, TemplateKernel
from compiler.scheduler.cost import (
    LOCAL_LIMIT_BYTES,
    MAX_ARGUMENTS,
    MAX_OPS,
    buffer_bytes,
    local_row_bytes,
    loses_threads,
    rows_in_memory,
)
from compiler.scheduler.dependencies import Dependencies
from compiler.scheduler.device_cost import CPU, DeviceCost
from compiler.scheduler.group import FusionGroup, join, single
from compiler.scheduler.long_epilogues import better_apart
from compiler.scheduler.realign import realigned
from compiler.scheduler.reasons import Reason

# How many groups a search for a path may visit before it gives up and calls it a cycle.
MAX_SEARCH = 512
MAX_ROUNDS = 4


@dataclass
class Fusion:
    """The state of fusion: the groups alive, and who owns which node."""

    program: Program
    dependencies: Dependencies
    limit: int
    device: DeviceCost = CPU
    groups: dict[int, FusionGroup] = field(default_factory=dict)
    owner: list[int] = field(default_factory=list)  # group id by node position
    fusions: int = 0  # made so far, those of other blocks too
    verdicts: dict[tuple[str, str], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.groups = {k: single(k, node) for k, node in enumerate(self.program.nodes)}
        self.owner = list(range(len(self.program.nodes)))
        for k, node in enumerate(self.program.nodes):
            if isinstance(node, Result):  # made by the branch or loop that it follows
                control = self.owner[k] = self.dependencies.position[node.control]
                self.groups[control].nodes[k] = node
                del self.groups[k]
        layouts = self.program.layouts()
        self.bytes = {name: buffer_bytes(layout) for name, layout in layouts.items()}

    def run(self) -> list[FusionGroup]:
        pairs = self._vertical_pairs() + self._horizontal_pairs()
        for _ in range(MAX_ROUNDS):
            before = self.fusions
            pairs = self._round(pairs)
            if self.fusions == before or not pairs:
                break
        return list(self.groups.values())

    def _vertical_pairs(self) -> list[tuple[int, int]]:
        position = self.dependencies.position
        return [
            (position[b], user)
            for b, users in self.dependencies.users.items()
            if b in position
            for user in users
        ]

    def _horizontal_pairs(self) -> list[tuple[int, int]]:
        """Neighbouring readers of the same buffer: a chain of pairs, so their number stays linear."""
        return [
            pair for users in self.dependencies.users.values() for pair in zip(users, users[1:], strict=False)
        ]

    def _round(self, pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """Tries all pairs once, best first; returns those worth another try."""
        heap = []
        for a, b in dict.fromkeys(pairs):
            first, second = self.groups[self.owner[a]], self.groups[self.owner[b]]
            if first is not second:
                rank, gain = self._score(first, second)
                heap.append((rank, -gain, a, b))
        heapq.heapify(heap)
        again = []
        while heap:
            _, _, a, b = heapq.heappop(heap)
            if self.owner[a] != self.owner[b] and self._try(self.owner[a], self.owner[b]) in (
                Reason.CYCLE,
                Reason.DIFFERENT_LOOPS,
            ):
                again.append((a, b))
        return again

    def _reads_from(self, consumer: FusionGroup, producer: FusionGroup) -> list[str]:
        return [n.name for n in producer.nodes.values() if n.name in consumer.reads]

    def _score(self, first: FusionGroup, second: FusionGroup) -> tuple[int, int]:
        """(rank, bytes saved): rank 0 epilogue, 1 vertical, 2 horizontal; lower ranks go first."""
        passed = self._reads_from(second, first)
        if not passed:
            return 2, sum(self.bytes.get(b, 0) for b in first.reads if b in second.reads)
        positions = set(second.nodes) | set(first.nodes)
        gain = 0
        for b in passed:
            vanishes = b not in self.dependencies.kept and positions.issuperset(self.dependencies.users[b])
            gain += self.bytes.get(b, 0) * (2 if vanishes else 1)
        return (0 if first.kind == "template" else 1), gain

    def _try(self, a: int, b: int) -> Reason:
        """Fuses groups a and b if it is legal and gains something; returns and records the verdict."""
        first, second = self.groups[a], self.groups[b]
        reason, joined = self._consider(a, b)
        if joined is not None and 0 <= self.limit <= self.fusions:
            reason, joined = Reason.LIMIT, None
        self.fusions += joined is not None
        self._record(first, second, reason, joined is not None)
        if joined is None:
            return reason
        del self.groups[b]
        self.groups[a] = joined
        for position in second.nodes:
            self.owner[position] = a
        return reason

    def _consider(self, a: int, b: int) -> tuple[Reason, FusionGroup | None]:
        first, second = self.groups[a], self.groups[b]
        if not first.fusible or not second.fusible:
            return Reason.NOT_FUSIBLE, None
        rank, gain = self._score(first, second)
        if gain <= 0:
            return Reason.NO_GAIN, None
        if second.kind == "template" and rank < 2:
            return Reason.INTO_TEMPLATE, None
        if rank == 2 and "template" in (first.kind, second.kind):
            return Reason.NO_GAIN, None
        joined = _join_somehow(first, second)
        if isinstance(joined, Reason):
            return joined, None
        if (
            rank == 0
            and self.device.epilogues_wait
            and better_apart(joined, second, self._feeds_reduction(second))
        ):
            return Reason.LONG_EPILOGUE, None
        if any(
            ref.buffer in joined.members
            for n in joined.nodes.values()
            if isinstance(n, TemplateKernel)
            for ref in n.operands
        ):
            return Reason.INTO_TEMPLATE, None
        if joined.num_ops() > MAX_OPS or len(joined.reads) + len(joined.nodes) > MAX_ARGUMENTS:
            return Reason.TOO_LARGE, None
        if self._keeps_too_much(joined):
            return Reason.LOCAL_TOO_LARGE, None
        if _needs_row_of_positions(joined):
            return Reason.LOCAL_TOO_LARGE, None
        if rank == 2 and not _load_alike(joined, first, second) and not self._saves_a_launch(first, second):
            return Reason.NO_GAIN, None
        if loses_threads(joined, (first, second), self.device):
            return Reason.LESS_PARALLEL, None
        if self._path_through_others(a, b) or self._path_through_others(b, a):
            return Reason.CYCLE, None
        return (Reason.EPILOGUE, Reason.VERTICAL, Reason.HORIZONTAL)[rank], joined

    def _feeds_reduction(self, group: FusionGroup) -> bool:
        users = (u for n in group.nodes.values() for u in self.dependencies.users.get(n.name, ()))
        return any(isinstance(self.program.nodes[u], Reduction) for u in users)

    def _saves_a_launch(self, first: FusionGroup, second: FusionGroup) -> bool:
        pointwise = not first.has_reduction and not second.has_reduction
        return self.device.launches_cost and pointwise and first.outer == second.outer

    def _keeps_too_much(self, joined: FusionGroup) -> bool:
        """Whether a task would keep more intermediate results of a row than its cache holds."""
        if not joined.has_reduction or not self.device.keeps_rows:
            return False
        return local_row_bytes(joined, self._stays_inside(joined)) > LOCAL_LIMIT_BYTES

    def _stays_inside(self, group: FusionGroup) -> set[str]:
        """The group's buffers that nobody outside reads."""
        users, kept = self.dependencies.users, self.dependencies.kept
        return {b for b in group.members if b not in kept and all(u in group.nodes for u in users.get(b, ()))}

    def _successors(self, group: int) -> dict[int, None]:
        names = [n.name for n in self.groups[group].nodes.values()]
        found = (self.owner[u] for b in names for u in self.dependencies.users.get(b, ()))
        return {g: None for g in found if g != group}

    def _path_through_others(self, a: int, b: int) -> bool:
        """Whether a depends-on path leads from a to b through a third group (or the search grew too long to tell)."""
        end = max(self.groups[b].nodes)
        pending = [g for g in self._successors(a) if g != b and min(self.groups[g].nodes) < end]
        seen = set(pending)
        while pending:
            for g in self._successors(pending.pop()):
                if g == b or len(seen) > MAX_SEARCH:
                    return True
                if g not in seen and min(self.groups[g].nodes) < end:
                    seen.add(g)
                    pending.append(g)
        return False

    def _record(self, first: FusionGroup, second: FusionGroup, reason: Reason, fused: bool) -> None:
        names = (_title(first), _title(second))
        self.verdicts.pop(names, None)  # of an earlier try
        verdict = f"fused {self.fusions}" if fused else "kept apart"
        self.verdicts[names] = f"{verdict}: {names[0]} + {names[1]}: {reason.name}: {reason.value}"


def _needs_row_of_positions(group: FusionGroup) -> bool:
    """Whether the position of an extreme is looked for among computed values, whose row has no bound: the kernel keeps that row."""
    if not rows_in_memory(group.inner):
        return False
    positions = (n for n in group.nodes.values() if isinstance(n, Reduction) and n.kind.startswith("arg"))
    return any(
        op.opcode != "load" or op.buffer in group.members
        for n in positions
        for op in group.members[n.name].body.ops
    )


def _load_alike(joined: FusionGroup, first: FusionGroup, second: FusionGroup) -> bool:
    """Whether some element is loaded by both parts in the same iteration."""
    loads = [
        {(op.buffer, op.expr) for name in part.members for op in joined.members[name].body.loads()}
        for part in (first, second)
    ]
    return not loads[0].isdisjoint(loads[1])


def _join_somehow(first: FusionGroup, second: FusionGroup) -> FusionGroup | Reason:
    """The joined group, with the loops of one of them re-ordered where they do not line up as they are."""
    joined = join(first, second)
    if joined not in (Reason.DIFFERENT_LOOPS, Reason.OTHER_INDEX):
        return joined
    for a, b in realigned(first, second):
        again = join(a, b)
        if not isinstance(again, Reason):
            return again
    return joined


def _title(group: FusionGroup) -> str:
    """The group's buffers, shortened in the middle."""
    names = [n.name for n in group.nodes.values()]
    return (
        "+".join(names) if len(names) <= 4 else f"{names[0]}+{names[1]}+..({len(names)} nodes)..+{names[-1]}"
    )


def fuse(
    program: Program, dependencies: Dependencies, limit: int, device: DeviceCost = CPU, made: int = 0
) -> tuple[list[FusionGroup], list[str], int]:
    """All groups, the explanation lines, and the number of the last fusion; `made` is that of the last one before."""
    fusion = Fusion(program, dependencies, limit, device, fusions=made)
    groups = fusion.run()
    return groups, list(fusion.verdicts.values()), fusion.fusions
