"""The devices that a file's program names: forgotten where they are one, refused by name where they are several.

Enters: an archive. Leaves: the same archive where all of it lies on the CPU; where all of it lies on one GPU, as a machine with one exports
it, an archive that says "cpu" everywhere: lowering puts a program on the device that it is compiled for (`lowering/device.py`). A CPU
scalar (a tensor without dims) among the tensors of a GPU is a number that PyTorch takes along, on whichever device it lies.

    {"device": {"type": "cuda", "index": 0}, ...}     ->  {"device": {"type": "cpu", "index": null}, ...}
    x.to("cuda") after work on the CPU                ->  UserError: aten._to_copy.default moves to cuda:0 at models/x.py:12 in forward
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from compiler.frontend.provenance import location
from compiler.frontend.pt2_file import Archive
from compiler.support.diagnostics import Problem, refuse

_CPU = {"type": "cpu", "index": None}
_REMEDY = "transfers inside a model are not supported: keep the model on one device, and move what it takes and gives around it"
_Json = Any


def forget(archive: Archive, name: str) -> Archive:
    """Raises UserError where the program's tensors are on several devices."""
    try:
        problems = _problems(archive.model)
        on_cpu = set(_named(archive.model)) <= {"cpu"}
    except (AttributeError, KeyError, TypeError, ValueError):
        return archive  # not a program as PyTorch writes it: its reader says so
    if problems:
        where, found = problems
        raise refuse(f"{name} cannot be compiled: it is on {' and '.join(where)}", found)
    return archive if on_cpu else archive.with_json(_on_cpu)


def _problems(model: Mapping[str, Any]) -> tuple[list[str], list[Problem]] | None:
    """The devices and what is wrong, where they are several."""
    graph = model.get("graph_module", {}).get("graph", {})
    tensors = graph.get("tensor_values", {})
    found = {_device(t) for t in tensors.values() if t.get("sizes")}
    if len(found) < 2:
        return None
    return sorted(found), [*_moves(graph, tensors)] or [*_inputs(graph, tensors)]


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
