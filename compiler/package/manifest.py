"""Writes the manifest of a model library: what is in it, for people (`tools/inspect`), build rules and tests.

Enters: a `wrapper.Plan`, the kernels, the generated files. Leaves: JSON text with sorted keys, the same for the same input: no path of
the build, no time. Readers check `format` first; it is raised when the meaning of a field changes.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from compiler.ir.expr import Expr
from compiler.ir.kernel import KernelSpec
from compiler.ir.loop import Layout
from compiler.ir.size_float import SizeFloat
from compiler.ir.wrapper import ConstantSlot, OutputSlot, Plan, ReadSize
from compiler.package import elf
from compiler.support.options import CompileOptions
from compiler.support.version import COMPILER_VERSION

FORMAT = 1

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


def build(
    plan: Plan,
    specs: Sequence[KernelSpec],
    options: CompileOptions,
    files: Mapping[str, str],
    model_sha256: str,
    weights_sha256: str,
) -> dict[str, Json]:
    """The manifest of generated sources. `files`: name -> text of everything that is compiled."""
    return {
        "format": FORMAT,
        "name": plan.name,
        "compiler": COMPILER_VERSION,
        "shim": options.shim,
        "device": options.device,
        "cuda_archs": list(options.cuda_archs),
        "isa": [] if options.device == "cuda" else list(options.isa),
        "inputs": [{"name": i.name, **_tensor(i.layout), "origin": i.origin} for i in plan.inputs],
        "outputs": [_output(o) for o in plan.outputs],
        "sizes": [{"name": str(s.symbol), "min": s.symbol.lo, "max": s.symbol.hi} for s in plan.symbols],
        "sizes_from_data": [
            {"name": str(r.symbol), "min": r.symbol.lo, "max": r.symbol.hi, "from": str(r.origins[0])}
            for r in plan.all_lines()
            if isinstance(r, ReadSize)
        ],
        "constants": [_constant(c) for c in plan.constants],
        "kernels": _kernels(specs),
        "arena_bytes": plan.arena_bytes,
        "scratch_bytes_per_thread": plan.scratch_bytes_per_thread,
        "weights": options.weights,
        "weights_bytes": plan.weights_bytes,
        "weights_sha256": weights_sha256,
        "model_sha256": model_sha256,
        "sources": {name: hashlib.sha256(text.encode()).hexdigest() for name, text in files.items()},
        "shim_functions": shim_functions(files),
        "in_spec": plan.in_spec,
        "out_spec": plan.out_spec,
    }


def add_library(manifest: dict[str, Json], library: Path) -> None:
    """Adds what linking found out."""
    found = elf.read(library)
    manifest["library"] = {
        "file": library.name,
        "bytes": library.stat().st_size,
        "needed": list(found.needed),
        "imports": list(found.imported()),
        "exports": list(found.exported()),
    }


def text(manifest: Mapping[str, Json]) -> str:
    """The file's text."""
    return json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=True) + "\n"


def shim_functions(files: Mapping[str, str]) -> list[Json]:
    """The functions of the C shim that the generated wrapper calls by name."""
    calls = (re.findall(r"\b(aoti_torch_\w+)\(", source) for source in files.values())
    return [*sorted({name for names in calls for name in names})]


def _tensor(layout: Layout) -> dict[str, Json]:
    shape: list[Json] = [_size(s) for s in layout.size]
    strides: list[Json] = [_size(s) for s in layout.stride]
    return {"dtype": layout.dtype.name, "shape": shape, "strides": strides, "device": layout.device}


def _size(value: object) -> Json:
    """A number, or the text of an expression over the sizes."""
    written = str(value)
    return int(written) if re.fullmatch(r"-?\d+", written) else written


def _output(slot: OutputSlot) -> Json:
    if slot.layout is None:
        number = slot.literal
        return {"name": slot.name, "literal": str(number) if isinstance(number, Expr | SizeFloat) else number}
    return {"name": slot.name, **_tensor(slot.layout)}


def _constant(slot: ConstantSlot) -> Json:
    return {
        "name": slot.name,
        "fqn": slot.fqn,
        "kind": slot.kind,
        **_tensor(slot.original),
        "packing": slot.packing,
        "offset_bytes": slot.offset_bytes,
        "size_bytes": slot.size_bytes,
        "mutated": slot.mutated,
    }


def _kernels(specs: Sequence[KernelSpec]) -> list[Json]:
    """One entry for each launch; launches with equal code share a function."""
    entries: list[Json] = []
    for spec in specs:
        origins: list[Json] = [str(o) for o in spec.origins]
        entries.append({"name": spec.name, "function": spec.function, "origins": origins})
    return entries
