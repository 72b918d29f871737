"""What the report shows, gathered from a finished compilation as plain data.

Enters: a `Compilation` after the last stage. Leaves: a `ReportData`: nodes and edges of the graph, kernels with source and cost,
lifetimes of the arena's buffers, weights.
"""

from __future__ import annotations

import linecache
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from compiler.codegen.cpp.writer import kernel_lines
from compiler.driver import provenance
from compiler.driver.kernel_costs import touched_buffers
from compiler.driver.pipeline import Compilation
from compiler.driver.provenance import KernelRecord, NodeRecord
from compiler.ir.schedule import Schedule
from compiler.ir.wrapper import ConstantSlot
from compiler.support.diagnostics import InternalError


@dataclass(frozen=True)
class GraphEdge:
    """Names of FX nodes: `source` is an argument of `target`."""

    source: str
    target: str


@dataclass(frozen=True)
class KernelView:
    """A launch with its C++ and the lines of the model that it comes from: (location, text of that line or "")."""

    record: KernelRecord
    source: str
    model_lines: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Lifetime:
    """A buffer of the arena: bytes [offset, offset + size), alive from the launch number `first` to `last`, both inclusive."""

    buffer: str
    offset_bytes: int
    size_bytes: int
    first: int
    last: int
    kernel: str  # that writes it first


@dataclass(frozen=True)
class ReportData:
    name: str
    nodes: tuple[NodeRecord, ...]
    edges: tuple[GraphEdge, ...]
    kernels: tuple[KernelView, ...]
    lifetimes: tuple[Lifetime, ...]
    arena_bytes: int
    weights: tuple[ConstantSlot, ...]
    weights_bytes: int
    wrapper: str
    explain: tuple[str, ...]


def gather(c: Compilation, source_root: Path) -> ReportData:
    """`source_root`: the folder to which the model's source paths are relative; lines that cannot be read stay empty."""
    if c.graph is None or c.schedule is None or c.plan is None:
        raise InternalError("the report needs the results of all stages")
    joined = provenance.join(c)
    names = {n.name for n in joined.nodes}
    edges = [
        GraphEdge(argument.name, node.name)
        for node in c.graph.module.graph.nodes
        for argument in node.all_input_nodes
        if node.name in names and argument.name in names
    ]
    sources = {s.function: "\n".join(kernel_lines(s)) for s in c.specs}
    return ReportData(
        name=c.ctx.options.name,
        nodes=joined.nodes,
        edges=tuple(edges),
        kernels=tuple(
            KernelView(k, sources.get(k.function, ""), _model_lines(k, source_root)) for k in joined.kernels
        ),
        lifetimes=_lifetimes(c.schedule, joined.kernels),
        arena_bytes=c.schedule.arena_bytes if isinstance(c.schedule.arena_bytes, int) else 0,
        weights=tuple(sorted(c.plan.constants, key=lambda s: -s.size_bytes)),
        weights_bytes=c.plan.weights_bytes,
        wrapper=c.wrapper_files.get("model.cpp", ""),
        explain=tuple(c.schedule.explain),
    )


def _model_lines(kernel: KernelRecord, root: Path) -> tuple[tuple[str, str], ...]:
    found: dict[str, str] = {}
    for origin in kernel.origins:
        match = re.match(r"(.+):(\d+) in ", origin.location)
        text = linecache.getline(str(root / match[1]), int(match[2])).strip() if match else ""
        found.setdefault(origin.location, text)
    return tuple((location, text) for location, text in found.items() if location)


def _lifetimes(schedule: Schedule, kernels: Sequence[KernelRecord]) -> tuple[Lifetime, ...]:
    """From what each launch reads and writes; a view keeps alive what it is a view of."""
    writers: dict[str, int] = {}
    last: dict[str, int] = {}
    groups = [g for g in schedule.groups if g.kind != "view"]
    for number, group in enumerate(groups):
        for node in group.nodes:
            if node.name not in group.local:
                writers.setdefault(node.name, number)
        for buffer in touched_buffers(group):
            last[schedule.storage(buffer)] = number
    found = []
    for buffer, first in writers.items():
        place = schedule.placement[buffer]
        if place.kind == "arena":
            offset, size = _plain(place.offset_bytes), _plain(place.size_bytes)
            found.append(Lifetime(buffer, offset, size, first, last.get(buffer, first), kernels[first].name))
    return tuple(found)


def _plain(value: object) -> int:
    """A size in bytes; of a dynamic one the upper bound."""
    if isinstance(value, int):
        return value
    bound = getattr(value, "hi", None)
    return int(bound) if bound is not None else 0
