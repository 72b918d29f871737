"""The libraries inside a package (.pt2), ours or one that stock AOTInductor wrote, read without unpacking it to a disk.

Enters: a path. Leaves: one `PackagedLibrary` for each method, in the package's order. Raises UserError for a file that is no package.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

from compiler.support.diagnostics import UserError

_MODELS = "data/aotinductor/"


@dataclass(frozen=True)
class PackagedLibrary:
    method: str
    name: str  # in the package, below its root folder
    data: bytes
    operators: list[str]  # what a stock library calls by name, sorted
    pickled_weights: str | None = (
        None  # the list of its weights, where AOTInductor put them into Python's pickles
    )


def read_package(path: Path) -> list[PackagedLibrary]:
    try:
        with zipfile.ZipFile(path) as package:
            names = package.namelist()
            found = [_library(package, name, names) for name in names if _is_library(name)]
    except OSError as e:
        raise UserError(f"cannot read {path}: {e.strerror}") from None
    except (zipfile.BadZipFile, NotImplementedError) as e:
        raise UserError(f"{path} is not a package: {e}") from None
    except (ValueError, KeyError, TypeError) as e:
        raise UserError(f"{path}: the list of operators beside a library is damaged: {e}") from None
    if not found:
        raise UserError(f"{path} holds no compiled model: compile it (aoti_package, or AOTInductor)")
    return found


def _below_root(name: str) -> str:
    return name.partition("/")[2]


def _is_library(name: str) -> bool:
    return _below_root(name).startswith(_MODELS) and name.endswith(".so")


def _library(package: zipfile.ZipFile, name: str, names: list[str]) -> PackagedLibrary:
    calls = name.removesuffix(".so") + ".json"
    operators = (
        {str(n["node"]["target"]) for n in json.loads(package.read(calls))["nodes"]}
        if calls in names
        else set()
    )
    inside = _below_root(name)
    method = inside.removeprefix(_MODELS).split("/")[0]
    return PackagedLibrary(
        method, inside, package.read(name), sorted(operators), _pickled_weights(names, method)
    )


def _pickled_weights(names: list[str], method: str) -> str | None:
    """What Package::open (runtime/package/package_index.cc) refuses a stock package for."""
    folder = f"{_MODELS}{method}/"
    inside = (_below_root(name) for name in names)
    return next(
        (name for name in inside if name.startswith(folder) and name.endswith("/weights_config.json")), None
    )
