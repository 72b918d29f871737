"""Which FX node went into which kernel, and which lines of the wrapper launch it.

Enters: a compilation that has gone through all stages. Leaves: a `Provenance`, also as JSON (`provenance.json` in the folder of the
dump).

    {"nodes":   [{"name": "sin", "op": "aten.sin.default", "location": "models/my_model.py:21 in forward", "kernels": ["cpp_fused_sin_0"]}],
     "kernels": [{"name": "cpp_fused_sin_0", "function": "cpp_fused_sin_0", "kind": "loops", "origins": ["sin"], "wrapper_line": 20, ...}]}
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from compiler.driver.kernel_costs import Cost, of_group
from compiler.driver.pipeline import Compilation
from compiler.ir.kernel import KernelSpec
from compiler.ir.schedule import KernelGroup
from compiler.support.diagnostics import InternalError
from compiler.support.origins import Origin


@dataclass(frozen=True)
class NodeRecord:
    """An FX node of the graph that lowering was given, and the launches that compute it or a part of it."""

    name: str
    op: str
    location: str
    kernels: tuple[str, ...]


@dataclass(frozen=True)
class KernelRecord:
    """A launch. `function`: the code, which equal kernels share; `wrapper_line`: from 1, in wrapper/model.cpp; 0 where none is found."""

    name: str
    function: str
    kind: str
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


def join(c: Compilation) -> Provenance:
    """Raises InternalError before the last stage has run."""
    if c.graph is None or c.schedule is None or c.plan is None:
        raise InternalError("provenance needs the results of all stages")
    groups = [g for g in c.schedule.groups if g.kind != "view"]
    functions = _functions(groups, c.specs)
    lines = _wrapper_lines([functions[id(g)] for g in groups], c.wrapper_files)
    kernels = []
    for group, line in zip(groups, lines, strict=True):
        cost = of_group(group, c.schedule)
        buffers = tuple(n.name for n in group.nodes if n.name not in group.local)
        kernels.append(
            KernelRecord(group.name, functions[id(group)], group.kind, group.origins, buffers, line, cost)
        )
    users: dict[str, list[str]] = {}
    for kernel in kernels:
        for origin in kernel.origins:
            users.setdefault(origin.fx_node, []).append(kernel.name)
    nodes = []
    for node in c.graph.module.graph.nodes:
        origin = node.meta.get("origin")
        if node.op == "call_function" and origin is not None:
            found = users.get(origin.fx_node, [])
            nodes.append(NodeRecord(node.name, origin.aten_op, origin.location, tuple(dict.fromkeys(found))))
    return Provenance(tuple(nodes), tuple(kernels))


def _functions(groups: Sequence[KernelGroup], specs: Sequence[KernelSpec]) -> dict[int, str]:
    """The C function of each group, by the group's identity."""
    by_name = {s.name: s.function for s in specs}
    return {id(g): by_name.get(g.name, g.name) for g in groups}


def _wrapper_lines(functions: Sequence[str], files: Mapping[str, str]) -> list[int]:
    """For each launch, in order, the line of model.cpp that makes it."""
    text = files.get("model.cpp", "").splitlines()
    found, at = [], 0
    for function in functions:
        call = re.compile(rf"\b{re.escape(function)}\b(?:\(|,)")
        line = next((n for n in range(at, len(text)) if call.search(text[n])), None)
        found.append(0 if line is None else line + 1)
        at = at if line is None else line + 1
    return found
