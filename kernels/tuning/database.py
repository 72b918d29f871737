"""Measured choices (kernels/tuning/*.json, written by tools/tune), and what is chosen where nothing was measured.

Enters: the files of this folder, data from outside: every field is checked. Leaves: a `Choice` for a problem and an architecture, which
says where it comes from, so that the build can list what it had to guess.

    database = load(Path("kernels/tuning"))
    choice = choose(database, Product("bf16", 256, 4096, 4096), arch=90)
      -> Choice(Config("gemm", ...), measured_on="NVIDIA H200", us=14.2)

An architecture is served by the file of a GPU of that architecture; where there are several, the first by name. A miss takes the cost
model's best candidate: `measured_on` is "".
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from kernels.tuning.candidates import candidates
from kernels.tuning.configs import Config
from kernels.tuning.cost_model import predict_us
from kernels.tuning.gpus import gpu_for
from kernels.tuning.problems import Problem

VERSION = 1


@dataclass(frozen=True)
class Choice:
    config: Config
    measured_on: str
    us: float


Database = dict[tuple[int, str], Choice]  # (architecture, key of the problem)


class DatabaseError(Exception):
    """A file of the database is not what tools/tune writes."""


def load(folder: Path) -> Database:
    """Raises DatabaseError naming the file."""
    database: Database = {}
    for path in sorted(folder.glob("*.json"), reverse=True):
        try:
            database.update(_entries(json.loads(path.read_text())))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DatabaseError(
                f"{path}: {type(error).__name__} {error}; expected what tools/tune writes (version {VERSION}); write it anew"
            ) from error
    return database


def _entries(data: dict[str, object]) -> Database:
    if data["version"] != VERSION:
        raise ValueError(f"version {data['version']!r}")
    gpu, arch, entries = data["gpu"], data["arch"], data["entries"]
    if not isinstance(gpu, str) or not isinstance(arch, int) or not isinstance(entries, dict):
        raise TypeError("gpu, arch or entries")
    return {
        (arch, key): Choice(Config.from_json(entry["config"]), gpu, float(entry["us"]))
        for key, entry in entries.items()
    }


def choose(database: Database, problem: Problem, arch: int) -> Choice:
    """The measured config of this very problem, or the cost model's best."""
    found = database.get((arch, problem.key))
    if found is not None:
        return found
    gpu = gpu_for(arch)
    best = candidates(problem, gpu)[0]
    return Choice(best, "", predict_us(problem, best, gpu))
