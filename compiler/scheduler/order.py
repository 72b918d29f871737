"""Orders groups: every group after those it reads from; among the possible orders one that keeps little memory alive.

Enters: fused groups. Leaves: the same groups in execution order.
Two orders are made, one close to the program's and one that greedily frees memory, and the one with the lower peak is taken.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping

from compiler.scheduler.dependencies import Dependencies
from compiler.scheduler.group import FusionGroup


def order(
    groups: list[FusionGroup], dependencies: Dependencies, size_bytes: Mapping[str, int]
) -> list[FusionGroup]:
    """The groups in execution order. Deterministic: ties fall to the program's order."""
    graph = _Graph(groups, dependencies, size_bytes)
    by_program = graph.sorted_by(lambda k, change: (min(groups[k].nodes),))
    by_memory = graph.sorted_by(lambda k, change: (change, min(groups[k].nodes)))
    best = by_program if graph.peak(by_program) <= graph.peak(by_memory) else by_memory
    return [groups[k] for k in best]


class _Graph:
    """Edges between groups and the bytes that each buffer keeps alive."""

    def __init__(
        self, groups: list[FusionGroup], dependencies: Dependencies, size_bytes: Mapping[str, int]
    ) -> None:
        self.groups, self.size_bytes, self.kept = groups, size_bytes, dependencies.kept
        owner = {n.name: k for k, g in enumerate(groups) for n in g.nodes.values()}
        self.inputs = [list(dict.fromkeys(owner[b] for b in g.reads if b in owner)) for g in groups]
        self.users: list[list[int]] = [[] for _ in groups]
        self.readers: dict[str, set[int]] = {}
        for k, g in enumerate(groups):
            for producer in self.inputs[k]:
                self.users[producer].append(k)
            for b in g.reads:
                self.readers.setdefault(dependencies.storage[b], set()).add(k)
        kept = {*self.readers, *self.kept}
        names = [[n.name for n in g.nodes.values() if dependencies.storage[n.name] == n.name] for g in groups]
        self.written = [[b for b in group if b in kept] for group in names]
        self.made = {b for names in self.written for b in names}
        self.read = [list(dict.fromkeys(dependencies.storage[b] for b in g.reads)) for g in groups]

    def _change(self, k: int, left: Mapping[str, int]) -> int:
        """Bytes alive after running k, less those before."""
        gained = sum(self.size_bytes.get(b, 0) for b in self.written[k])
        freed = sum(
            self.size_bytes.get(b, 0)
            for b in self.read[k]
            if left[b] == 1 and b not in self.kept and b in self.made
        )
        return gained - freed

    def sorted_by(self, key: Callable[[int, int], tuple[int, ...]]) -> list[int]:
        """A topological order by a priority queue; `key` sees the group and its change of memory when it became ready."""
        left = {b: len(r) for b, r in self.readers.items()}
        waiting = [len(i) for i in self.inputs]
        ready = [(key(k, self._change(k, left)), k) for k, n in enumerate(waiting) if n == 0]
        heapq.heapify(ready)
        out: list[int] = []
        while ready:
            _, k = heapq.heappop(ready)
            out.append(k)
            for b in self.read[k]:
                left[b] -= 1
            for user in self.users[k]:
                waiting[user] -= 1
                if waiting[user] == 0:
                    heapq.heappush(ready, (key(user, self._change(user, left)), user))
        return out

    def peak(self, sequence: list[int]) -> int:
        """The most bytes alive at once."""
        left = {b: len(r) for b, r in self.readers.items()}
        alive = peak = 0
        for k in sequence:
            alive += sum(self.size_bytes.get(b, 0) for b in self.written[k])
            peak = max(peak, alive)
            for b in self.read[k]:
                left[b] -= 1
                if left[b] == 0 and b in self.made and b not in self.kept:
                    alive -= self.size_bytes.get(b, 0)
        return peak
