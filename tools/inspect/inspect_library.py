"""Prints what a model library is, for people: `inspect LIB.so`, `inspect PACKAGE.pt2` or `inspect NAME.manifest.json`.

Enters: a library or package that this compiler or stock AOTInductor made, or a manifest. Leaves: text on stdout; with --json the same as
JSON. Nothing of the library is run or loaded: its symbols are read from the file, its contents from the manifest beside it when there is
one (libNAME.so -> NAME.manifest.json, or --manifest=FILE).

    libmy_model_aoti.so: x86-64 model library, 155752 bytes
      cos = my_model_aoti(x, y)
      input   x    float32 [64, 64]    models/my_model.py:20 in forward
      ...
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from absl import flags

from compiler.package import elf
from compiler.package.manifest import FORMAT
from compiler.support.diagnostics import UserError
from tools.inspect.packages import PackagedLibrary, read_package

_INTERFACE = "AOTInductorModel"
_OF_LIBTORCH = ("aoti_", "torch_", "Sleef_", "_ZN2at", "_ZN3c10", "_ZN5torch", "_ZNK2at", "_ZNK3c10")


def define_flags() -> flags.FlagValues:
    """The command line's flags, in a set of their own."""
    fv = flags.FlagValues()  # type: ignore[no-untyped-call]
    flags.DEFINE_string("manifest", "", "The library's manifest, when it is not beside it.", flag_values=fv)
    flags.DEFINE_bool("json", False, "Print JSON.", flag_values=fv)
    flags.DEFINE_bool("symbols", False, "Print every imported and exported symbol.", flag_values=fv)
    return fv


def main(argv: Sequence[str]) -> int:
    """0, or 1 with a message on stderr."""
    fv = define_flags()
    try:
        paths = fv(list(argv))[1:]
        if len(paths) != 1:
            raise UserError(
                f"expected one library, package or manifest, got {len(paths)}: inspect LIB.so|PACKAGE.pt2|MANIFEST [--json] [--symbols]"
            )
        facts = collect(_given(paths[0]), _given(fv.manifest) if fv.manifest else None)
        print(
            json.dumps(facts, indent=1, sort_keys=True) if fv.json else describe(facts, fv.symbols),
            end="\n" if fv.json else "",
        )
        return 0
    except (UserError, flags.Error) as e:
        print(f"error: {e}", file=sys.stderr)
        return 1


def _given(path: str) -> Path:
    """A path as a person typed it: `bazel run` starts programs in another folder."""
    return Path(os.environ.get("BUILD_WORKING_DIRECTORY", "."), path)


def collect(path: Path, manifest: Path | None) -> dict[str, Any]:
    """What is known: `library` (from the file) and `manifest` (where there is one); of a package `methods`, each with its `library`."""
    if path.suffix == ".json":
        return {"manifest": read_manifest(path)}
    if path.suffix == ".pt2":
        return {"package": path.name, "methods": [_method(path, found) for found in read_package(path)]}
    found = elf.read(path)
    facts: dict[str, Any] = {"library": _library(path.name, path.stat().st_size, found)}
    beside = path.with_name(path.name.removeprefix("lib").removesuffix(".so") + ".manifest.json")
    if manifest or beside.exists():
        facts["manifest"] = read_manifest(manifest or beside)
    return facts


def read_manifest(path: Path) -> dict[str, Any]:
    """The manifest's contents. Raises UserError for a file that is none."""
    try:
        found = json.loads(path.read_text())
    except OSError as e:
        raise UserError(f"cannot read {path}: {e.strerror}") from None
    except ValueError as e:
        raise UserError(f"{path} is not a manifest: {e}") from None
    if not isinstance(found, dict) or not isinstance(found.get("format"), int):
        raise UserError(f"{path} is not a manifest of a model library: it has no number `format`")
    if found["format"] != FORMAT:
        raise UserError(
            f"{path} has format {found['format']}, this program reads format {FORMAT}: use the one of the same release"
        )
    return found


def _method(path: Path, packaged: PackagedLibrary) -> dict[str, Any]:
    library = elf.parse(path / packaged.name, packaged.data)
    return {
        "method": packaged.method,
        "operators": packaged.operators,
        "pickled_weights": packaged.pickled_weights,
        "library": _library(packaged.name, len(packaged.data), library),
    }


def _library(name: str, size_bytes: int, found: elf.ElfFile) -> dict[str, Any]:
    exported = found.exported()
    weights = [s for s in found.sections if "aoti_weights" in s.name or s.name in (".lrodata", ".ldata")]
    return {
        "file": name,
        "bytes": size_bytes,
        "machine": found.machine,
        "kind": _kind(found),
        "model_functions": sum(n.startswith(_INTERFACE) for n in exported),
        "own_entry_points": [n for n in exported if n.endswith("_api")],
        "isa": _isa_of_symbols(found),
        "weight_section_bytes": sum(s.size_bytes for s in weights),
        "needed": found.needed,
        "runpath": found.runpath,
        "imports": found.imported(),
        "exports": exported,
    }


def _kind(found: elf.ElfFile) -> str:
    exported = set(found.exported())
    if "aoti_model_api" in exported:
        shim = [n for n in found.needed if n.startswith(("libaoti_shim", "libtorch"))]
        return "model library, " + (f"shim in {shim[0]}" if shim else "shim inside")
    if any(n.startswith(_INTERFACE) for n in exported):
        return "model library of stock AOTInductor"
    return "no model library: it exports none of the model interface"


def _isa_of_symbols(found: elf.ElfFile) -> list[str]:
    """Instruction sets by the tables of kernels, where the file keeps its local symbols."""
    prefix = "aoti_kernels_"
    names = {
        s.name.removeprefix(prefix).replace("x86_64", "x86-64").replace("_", "-")
        for s in found.symbols
        if s.name.startswith(prefix)
    }
    return sorted(names)


def missing_without_libtorch(imports: Sequence[str]) -> list[str]:
    """What a library takes from libtorch that the lean stand-in does not have: these calls need a process with libtorch."""
    text = (Path(__file__).parents[2] / "shim/abi/torch_compat.txt").read_text()
    present = {line for line in text.splitlines() if not line.startswith("#")}
    return sorted(n for n in imports if n.startswith(_OF_LIBTORCH) and n not in present)


def describe(facts: Mapping[str, Any], symbols: bool) -> str:
    """The text for people."""
    rows: list[str] = []
    if package := facts.get("package"):
        rows.append(f"{package}: a package of {len(facts['methods'])}")
    for method in facts.get("methods", []):
        rows.append(f"method {method['method']}")
        pickled = method["pickled_weights"]
        rows += _library_text(method["library"]) + _symbols_text(method["library"], symbols, pickled)
        rows += [
            f"  calls by name {name}: needs a library of operators, or libtorch"
            for name in method["operators"]
        ]
    if library := facts.get("library"):
        rows += _library_text(library)
    if manifest := facts.get("manifest"):
        rows += _manifest_text(manifest)
    elif library:
        rows.append("  no manifest beside it: signature and kernels are not known (--manifest=FILE)")
    if library:
        rows += _symbols_text(library, symbols)
    return "\n".join(rows) + "\n"


def _library_text(library: Mapping[str, Any]) -> list[str]:
    rows = [f"{library['file']}: {library['machine']} {library['kind']}, {library['bytes']} bytes"]
    rows.append(f"  needs   {', '.join(library['needed']) or 'nothing'}")
    if library["runpath"]:
        rows.append(f"  looks in {library['runpath']}")
    return rows


def _manifest_text(manifest: Mapping[str, Any]) -> list[str]:
    inputs, outputs = manifest["inputs"], manifest["outputs"]
    signature = f"{', '.join(o['name'] for o in outputs)} = {manifest['name']}({', '.join(i['name'] for i in inputs)})"
    rows = [f"  {signature}", f"  made by {manifest['compiler']}, shim {manifest['shim']}"]
    width = max((len(t["name"]) for t in [*inputs, *outputs]), default=0)
    rows += [
        f"  input   {i['name']:<{width}}  {_tensor(i)}" + (f"   {i['origin']}" if i["origin"] else "")
        for i in inputs
    ]
    rows += [f"  output  {o['name']:<{width}}  {_tensor(o)}" for o in outputs]
    rows += [
        f"  size    {s['name']} from {s['min']} to {'any' if s['max'] is None else s['max']}"
        for s in manifest["sizes"]
    ]
    rows.append(f"  kernels for {', '.join(manifest['isa'])}")
    packed = sum(bool(c["packing"]) for c in manifest["constants"])
    rows.append(
        f"  weights {manifest['weights_bytes']} bytes, {len(manifest['constants'])} constants, {packed} of them packed"
    )
    rows.append(
        f"  arena   {manifest['arena_bytes']} bytes, scratch {manifest['scratch_bytes_per_thread']} bytes a thread"
    )
    functions = len({k["function"] for k in manifest["kernels"]})
    rows.append(f"  {len(manifest['kernels'])} launches of {functions} kernels:")
    rows += [f"    {k['name']}: {'; '.join(k['origins'])}" for k in manifest["kernels"]]
    return rows


def _tensor(entry: Mapping[str, Any]) -> str:
    if "literal" in entry:
        return f"always {entry['literal']}"
    return f"{entry['dtype']} [{', '.join(map(str, entry['shape']))}]"


def _symbols_text(library: Mapping[str, Any], everything: bool, pickled: str | None = None) -> list[str]:
    shim = [n for n in library["imports"] if n.startswith(("aoti_", "torch_"))]
    other = [n for n in library["imports"] if n not in shim]
    rows = [
        f"  exports {library['model_functions']} functions of the model interface"
        + "".join(f", {n}" for n in library["own_entry_points"]),
        f"  imports {len(shim)} functions of the shim, {len(other)} of the system",
    ]
    needs_libtorch = any(n.startswith("libtorch") for n in library["needed"])
    if pickled:
        rows.append(
            f"  runs in PyTorch only: its weights are Python's pickles ({pickled}); compile with"
            ' package_constants_on_disk_format = "binary_blob", or with the weights in the library'
        )
    elif needs_libtorch and (missing := missing_without_libtorch(library["imports"])):
        rows.append(f"  runs only beside libtorch: the lean stand-in lacks {', '.join(missing)}")
    elif needs_libtorch:
        rows.append("  runs without libtorch too, on the lean stand-in (AOTI_TORCH_COMPAT)")
    if everything:
        rows += [f"    exported {n}" for n in library["exports"]] + [
            f"    imported {n}" for n in library["imports"]
        ]
    return rows


if __name__ == "__main__":
    sys.exit(main(sys.argv))
