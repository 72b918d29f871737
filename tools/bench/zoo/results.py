"""What is known of each model of the zoo: a file a model while a run is going on, one file for docs/zoo.md.

    {"name": "resnet50", "family": "convnet", "library": "torchvision",
     "export": {"why": "", "seconds": 8.1, "cpu_seconds": 8.0, "megabytes": 900},
     "compile": {"why": "", "seconds": 5.2, "cpu_seconds": 7.9, "megabytes": 1200, "kernels": 60},
     "judge": {..., "distance": 3.1e-07, "eager_distance": 2.9e-07},
     "aotinductor": {"why": "", "seconds": 31.0, "cpu_seconds": 30.2, "megabytes": 2100},
     "speed": {..., "ours": 11.2, "eager": 15.3, "aotinductor": 13.0}}

Invariants: steps are in the order of STEPS; a step is there only if those that it needs went well; `why` is empty where it did.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

Result = dict[str, Any]

STEPS = ("export", "compile", "judge", "aotinductor", "speed")


def write(path: Path, result: Result) -> None:
    """One model's file, whole or not at all."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(json.dumps(result, indent=1))
    os.replace(partial, path)


def read(path: Path) -> Result:
    """One model's file; an empty result where there is none."""
    result: Result = json.loads(path.read_text()) if path.is_file() else {}
    return result


def verdict(result: Result) -> str:
    """Where the model ended: the step that failed ("export", "compile", "judge"), else "right"; "" where it is not known yet."""
    for step in STEPS[:3]:
        if step not in result:
            return ""
        if result[step]["why"]:
            return step
    return "right"


def text(results: Iterable[Result], machine: dict[str, Any]) -> str:
    """The file of all: sorted by name, a model a line."""
    rows = ",\n".join(json.dumps(r, sort_keys=True) for r in sorted(results, key=lambda r: str(r["name"])))
    return f'{{"machine": {json.dumps(machine, sort_keys=True)},\n"models": [\n{rows}\n]}}\n'


def read_all(path: Path) -> tuple[list[Result], dict[str, Any]]:
    """(results, machine) of the file of all; nothing where there is none."""
    if not path.is_file():
        return [], {}
    data = json.loads(path.read_text())
    return data["models"], data["machine"]
