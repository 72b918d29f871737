"""Which FX node went into which kernel, and which lines of the wrapper launch it.

Enters: a compilation that has gone through all stages. Leaves: a `Provenance`, also as JSON (`provenance.json` in the folder of the
dump).

    {"nodes":   [{"name": "sin", "op": "aten.sin.default", "location": "models/my_model.py:21 in forward", "kernels": ["cpp_fused_sin_0"]},
                 {"name": "body_graph_0.mul", ...}],
     "kernels": [{"name": "cpp_fused_sin_0", "function": "cpp_fused_sin_0", "kind": "loops", "block": "", "origins": ["sin"],
                  "wrapper_line": 20, ...},
                 {"name": "while1", "kind": "control", ...}, {"name": "cpp_fused_mul_2", "block": "while1.body", ...}]}

Invariants: nodes and launches of the bodies of branches and loops are there too; a body's node has the body before its name, as origins
do. Launches are in the order of the wrapper's lines: what a loop does once before its first turn comes before the loop, everything else
of a branch or loop after it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

import torch.fx

from compiler.driver.kernel_costs import Cost, of_group
from compiler.driver.pipeline import Compilation
from compiler.ir.expr import Expr
from compiler.ir.graph import ModelGraph
from compiler.ir.loop import Cond, While
from compiler.ir.schedule import KernelGroup, Schedule
from compiler.support.diagnostics import InternalError
from compiler.support.origins import Origin

RUN = "static int32_t run("  # begins the function of model.cpp that has the launches


@dataclass(frozen=True)
class NodeRecord:
    """An FX node of the graph that lowering was given or of a body in it, and the launches that compute it or a part of it."""

    name: str
    op: str
    location: str
    kernels: tuple[str, ...]


@dataclass(frozen=True)
class KernelRecord:
    """A launch. `function`: the code, which equal kernels share; `block`: the branch or the part of a loop that it is in, "" outside;
    `wrapper_line`: from 1, in wrapper/model.cpp; 0 where none is found. `cost`: of one launch; a branch or loop has none of its own."""

    name: str
    function: str
    kind: str
    block: str
    origins: tuple[Origin, ...]
    buffers: tuple[str, ...]
    wrapper_line: int
    cost: Cost


@dataclass(frozen=True)
class Provenance:
    nodes: tuple[NodeRecord, ...]
    kernels: tuple[KernelRecord, ...]

    def to_json(self) -> str:
        """The text of provenance.json."""
        kernels = [_kernel_json(k) for k in self.kernels]
        return json.dumps({"nodes": [asdict(n) for n in self.nodes], "kernels": kernels}, indent=1) + "\n"


def _kernel_json(kernel: KernelRecord) -> dict[str, object]:
    """Origins by their node's name, the cost's numbers beside the other fields."""
    fields = asdict(kernel)
    cost = fields.pop("cost")
    return {**fields, "origins": [o.fx_node for o in kernel.origins], **cost}


@dataclass(frozen=True)
class Launch:
    """A group with a line in the wrapper, and the schedule that it is in. `arena_base`, `slot_base`: where that schedule's own begin.

    `first`, `last`: its own number and, of a branch or loop, those of the launches in it."""

    group: KernelGroup
    schedule: Schedule
    block: str
    arena_base: int
    slot_base: int
    first: int
    last: int


def launches(schedule: Schedule) -> list[Launch]:
    """In the order of the wrapper's lines, those of blocks too."""
    found: list[Launch | None] = []
    _collect(schedule, "", 0, 0, found)
    return [launch for launch in found if launch is not None]


def _collect(schedule: Schedule, block: str, arena: int, slot: int, found: list[Launch | None]) -> None:
    for group in schedule.groups:
        if group.kind == "view":
            continue
        first = len(found)
        before = [b for b in group.blocks if isinstance(group.nodes[0], While)][:1]  # what a loop does once
        inside = (arena + group.blocks_offset, slot + group.blocks_slot, found)
        for b in before:
            _collect(b, f"{group.name}.{b.program.name}", *inside)
        position = len(found)
        found.append(None)
        for b in group.blocks[len(before) :]:
            _collect(b, f"{group.name}.{b.program.name}", *inside)
        found[position] = Launch(group, schedule, block, arena, slot, first, len(found) - 1)


def join(c: Compilation, sizes: Mapping[Expr, int] | None = None) -> Provenance:
    """Costs are at `sizes`. Raises InternalError before the last stage has run."""
    if c.graph is None or c.schedule is None or c.plan is None:
        raise InternalError("provenance needs the results of all stages")
    functions = {s.name: s.function for s in c.specs}
    text = c.wrapper_files.get("model.cpp", "").splitlines()
    at = next((n for n, row in enumerate(text) if row.startswith(RUN)), len(text))
    kernels, users = [], dict[str, list[str]]()
    for launch in launches(c.schedule):
        group = launch.group
        function = functions.get(group.name, group.name)
        line = _wrapper_line(text, at, _call(group, function))
        at = line or at
        buffers = tuple(n.name for n in group.nodes if n.name not in group.local)
        cost = of_group(group, launch.schedule, sizes)
        kernels.append(
            KernelRecord(group.name, function, group.kind, launch.block, group.origins, buffers, line, cost)
        )
        for origin in group.origins:
            users.setdefault(origin.fx_node, []).append(group.name)
    nodes = [
        NodeRecord(name, o.aten_op, o.location, tuple(dict.fromkeys(users.get(o.fx_node, ()))))
        for name, node in calls(c.graph)
        if (o := node.meta.get("origin")) is not None
    ]
    return Provenance(tuple(nodes), tuple(kernels))


def calls(graph: ModelGraph) -> Iterator[tuple[str, torch.fx.Node]]:
    """The calls of the graph and of all bodies in it, by the name that they have in a `NodeRecord`."""
    for node in graph.module.graph.nodes:
        if node.op == "call_function":
            yield graph.origin_name(node.name), node
    for block in graph.blocks.values():
        yield from calls(block)


def _call(group: KernelGroup, function: str) -> str:
    """A regular expression of what only the group's line in model.cpp has, among those that come after its predecessor's."""
    match group.kind:
        case "control":
            return (
                r"^ *if \((?:\*.*|read\d+)\) \{$"
                if isinstance(group.nodes[0], Cond)
                else r"^ *for \(;;\) \{$"
            )
        case "custom":
            return r"\bAOTI_OP_CHECK\("
        case "size":
            return rf"\bconst int64_t {re.escape(group.nodes[0].name)} = "
    return rf"\b{re.escape(function)}\b(?:\(|,)"


def _wrapper_line(text: list[str], begin: int, call: str) -> int:
    """The first line from `begin` on that makes the call, counted from 1; 0 where there is none."""
    wanted = re.compile(call)
    return next((n + 1 for n in range(begin, len(text)) if wanted.search(text[n])), 0)
