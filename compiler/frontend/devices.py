"""The devices that a file's program names: forgotten, but for those on which the caller gives and gets tensors.

Enters: an archive. Leaves: the same archive with "cpu" everywhere, whatever machine it was exported on: lowering puts a program on the
device that it is compiled for (`lowering/device.py`). Of a program that names the CPU and one GPU, beside that, the inputs and outputs that
are on the CPU: they stay there (decision 0024). A program on several GPUs is refused with the line that moves between them.

    {"device": {"type": "cuda", "index": 0}, ...}     ->  {"device": {"type": "cpu", "index": null}, ...}
    forward(ids: cpu): w[ids.to("cuda")].sum().cpu()  ->  Interface(inputs={"ids"}, outputs={0})
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from compiler.frontend.provenance import location
from compiler.frontend.pt2_file import Archive
from compiler.ir.graph import ModelGraph
from compiler.support.diagnostics import Problem, refuse

_CPU = {"type": "cpu", "index": None}
_REMEDY = "a library runs on one GPU: keep the model on one, and move what it takes and gives around it"
_Json = Any


@dataclass(frozen=True)
class Interface:
    """What the caller gives and gets on the CPU though the program names a GPU: placeholders of inputs, positions of outputs."""

    inputs: frozenset[str] = frozenset()
    outputs: frozenset[int] = frozenset()

    def mark(self, graph: ModelGraph) -> None:
        """Notes it in the graph. Raises UserError where the model writes to such an input."""
        if written := [i for i in graph.inputs if i.placeholder in self.inputs and i.mutated]:
            remedy = "return the new value, or keep the input on the GPU"
            problems = [
                Problem(
                    f"input {i.name} is on the CPU, and the model, which runs on a GPU, writes to it",
                    i.origin,
                    remedy,
                )
                for i in written
            ]
            raise refuse(f"{graph.name} cannot be compiled", problems)
        graph.inputs = [replace(i, device="cpu") if i.placeholder in self.inputs else i for i in graph.inputs]
        graph.outputs = [
            replace(o, device="cpu") if n in self.outputs and not o.mutates else o
            for n, o in enumerate(graph.outputs)
        ]


def forget(archive: Archive, name: str) -> tuple[Archive, Interface]:
    """Raises UserError where the program's tensors are on several GPUs."""
    try:
        problems = _problems(archive.model)
        on_cpu = set(_named(archive.model)) <= {"cpu"}
        interface = Interface() if on_cpu else _interface(archive.model)
    except (AttributeError, KeyError, TypeError, ValueError):
        return archive, Interface()  # not a program as PyTorch writes it: its reader says so
    if problems:
        where, found = problems
        raise refuse(f"{name} cannot be compiled: it is on {' and '.join(where)}", found)
    return (archive if on_cpu else archive.with_json(_on_cpu)), interface


def _problems(model: Mapping[str, Any]) -> tuple[list[str], list[Problem]] | None:
    """The GPUs and what is wrong, where they are several."""
    graph = model.get("graph_module", {}).get("graph", {})
    tensors = graph.get("tensor_values", {})
    found = {_device(t) for t in tensors.values()} - {"cpu"}
    if len(found) < 2:
        return None
    return sorted(found), [*_moves(graph, tensors)] or [*_inputs(graph, tensors)]


def _interface(model: Mapping[str, Any]) -> Interface:
    """The inputs and outputs on the CPU. (Weights are among the inputs; the graph knows them as constants.)"""
    graph = model["graph_module"]["graph"]
    on_cpu = {n for n, t in graph["tensor_values"].items() if _device(t) == "cpu"}
    outputs = [[*_names([o])] for o in graph["outputs"]]
    return Interface(
        frozenset(n for n in _names(graph["inputs"]) if n in on_cpu),
        frozenset(k for k, names in enumerate(outputs) if len(names) == 1 and names[0] in on_cpu),
    )


def _device(described: Mapping[str, Any]) -> str:
    where = described.get("device") or _CPU
    index = where.get("index")
    return str(where["type"]) if index is None or where["type"] == "cpu" else f"{where['type']}:{index}"


def _is_device(key: str, value: _Json) -> bool:
    return key in ("device", "as_device") and isinstance(value, dict) and set(value) == {"type", "index"}


def _named(value: _Json) -> Iterator[str]:
    """All devices in the JSON."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if _is_device(key, inner):
                yield _device({"device": inner})
            else:
                yield from _named(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _named(inner)


def _on_cpu(value: _Json) -> _Json:
    """The same JSON with the CPU for every device."""
    if isinstance(value, dict):
        return {k: dict(_CPU) if _is_device(k, v) else _on_cpu(v) for k, v in value.items()}
    return [_on_cpu(v) for v in value] if isinstance(value, list) else value


def _moves(graph: Mapping[str, Any], tensors: Mapping[str, Any]) -> Iterator[Problem]:
    """The calls whose result is on another device than what they are given."""
    for node in graph.get("nodes", ()):
        given = {
            _device(tensors[n]) for n in _names(node["inputs"]) if n in tensors and tensors[n].get("sizes")
        }
        made = {_device(tensors[n]) for n in _names(node["outputs"]) if n in tensors}
        if given and made - given:
            operator = str(node["target"]).removeprefix("torch.ops.")
            where = location((node.get("metadata") or {}).get("stack_trace"))
            yield Problem(f"{operator} moves to {' and '.join(sorted(made - given))}", where, _REMEDY)


def _inputs(graph: Mapping[str, Any], tensors: Mapping[str, Any]) -> Iterator[Problem]:
    """What is given on which device, where nothing in the model moves."""
    for name in _names(graph.get("inputs", ())):
        if name in tensors:
            yield Problem(f"input or weight {name} is on {_device(tensors[name])}", "", _REMEDY)


def _names(value: _Json) -> Iterator[str]:
    """The tensors that a list of arguments names."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "as_tensor":
                yield inner["name"]
            elif key in ("as_tensors", "as_optional_tensors"):
                yield from (t["name"] for t in inner if "name" in t)
                yield from _names([t for t in inner if "name" not in t])
            else:
                yield from _names(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _names(inner)
