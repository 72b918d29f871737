"""What the report shows, gathered from a finished compilation as plain data.

Enters: a `Compilation` after the last stage. Leaves: a `ReportData`: nodes and edges of the graph and of the bodies in it, kernels with
source and cost, lifetimes of the arena's buffers, weights. Of a model with dynamic sizes everything is for one value of each size.
"""

from __future__ import annotations

import linecache
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from compiler.codegen.cpp.writer import kernel_lines
from compiler.driver import provenance
from compiler.driver.pipeline import Compilation
from compiler.driver.provenance import KernelRecord, NodeRecord
from compiler.driver.report import edges, lifetimes, sizes
from compiler.driver.report.edges import GraphEdge
from compiler.driver.report.lifetimes import Arena
from compiler.driver.report.sizes import SizeView
from compiler.ir.wrapper import ConstantSlot
from compiler.support.diagnostics import InternalError


@dataclass(frozen=True)
class KernelView:
    """A launch with its C++ (of what is no kernel, the wrapper's line) and the lines of the model that it comes from: (location, text of
    that line or "")."""

    record: KernelRecord
    source: str
    model_lines: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class ReportData:
    name: str
    nodes: tuple[NodeRecord, ...]
    edges: tuple[GraphEdge, ...]
    kernels: tuple[KernelView, ...]
    sizes: tuple[SizeView, ...]
    arena: Arena
    weights: tuple[ConstantSlot, ...]
    weights_bytes: int
    wrapper: str
    explain: tuple[str, ...]


def gather(c: Compilation, source_root: Path, given: Mapping[str, int] | None = None) -> ReportData:
    """`source_root`: the folder to which the model's source paths are relative; lines that cannot be read stay empty. `given`: values of
    dynamic sizes, by symbol. Raises UserError where one is no size of the model, or outside its range."""
    if c.graph is None or c.schedule is None or c.plan is None:
        raise InternalError("the report needs the results of all stages")
    chosen = sizes.choose(c.plan, c.schedule.program, given or {})
    values = {s.symbol: s.value for s in chosen}
    joined = provenance.join(c, values)
    wrapper = c.wrapper_files.get("model.cpp", "")
    code = {s.function: "\n".join(kernel_lines(s)) for s in c.specs}
    return ReportData(
        name=c.ctx.options.name,
        nodes=joined.nodes,
        edges=tuple(edges.find(c.graph)),
        kernels=tuple(
            KernelView(k, code.get(k.function) or _row(wrapper, k.wrapper_line), _model_lines(k, source_root))
            for k in joined.kernels
        ),
        sizes=chosen,
        arena=lifetimes.find(c.schedule, provenance.launches(c.schedule), values),
        weights=tuple(sorted(c.plan.constants, key=lambda s: -s.size_bytes)),
        weights_bytes=c.plan.weights_bytes,
        wrapper=wrapper,
        explain=tuple(c.schedule.explanation()),
    )


def _row(text: str, number: int) -> str:
    """A line of the text, counted from 1; "" for number 0."""
    return text.splitlines()[number - 1].strip() if number else ""


def _model_lines(kernel: KernelRecord, root: Path) -> tuple[tuple[str, str], ...]:
    found: dict[str, str] = {}
    for origin in kernel.origins:
        match = re.match(r"(.+):(\d+) in ", origin.location)
        text = linecache.getline(str(root / match[1]), int(match[2])).strip() if match else ""
        found.setdefault(origin.location, text)
    return tuple((location, text) for location, text in found.items() if location)
