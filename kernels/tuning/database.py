"""Measured choices (kernels/tuning/*.json, written by tools/tune), and what is chosen where nothing was measured.

Enters: the files of this folder, data from outside: every field is checked. Leaves: a `Choice` for a problem and an architecture, which
says where it comes from, so that the build can list what it had to guess.

    choice = choose(committed(), Product("bf16", 256, 4096, 4096), arch=90, able=EVERYTHING)
      -> Choice(Config("gemm", ...), measured_on="NVIDIA H200", us=14.2)

A file holds, for each problem, the fastest config for each set of needs (`Config.needs`): who cannot pass tensor maps takes the fastest one
without them.

An architecture is served by the file of a GPU of that architecture; where there are several, the first by name. A miss takes the cost
model's best candidate: `measured_on` is "".
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from kernels.tuning.candidates import candidates
from kernels.tuning.configs import PERSISTENT, Config
from kernels.tuning.cost_model import predict_us, shared_bytes
from kernels.tuning.gpus import gpu_for
from kernels.tuning.problems import LONG, Problem, Product

VERSION = 2


@dataclass(frozen=True)
class Choice:
    config: Config
    measured_on: str
    us: float


Database = dict[tuple[int, str], tuple[Choice, ...]]  # (architecture, key of the problem): fastest first


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
    return {(arch, key): _choices(gpu, entry["configs"]) for key, entry in entries.items()}


def _choices(gpu: str, configs: list[dict[str, Any]]) -> tuple[Choice, ...]:
    found = [Choice(Config.from_json(config), gpu, float(config["us"])) for config in configs]
    return tuple(sorted(found, key=lambda choice: choice.us))


def _measured(database: Database, problem: Problem, arch: int) -> Iterator[Choice]:
    """Fastest first. A product with a long epilogue that was not measured is served by measurements with a short one, but for programs that
    take tiles in turn: they keep the next tile's operands in flight meanwhile, and wait for a long epilogue."""
    exact = database.get((arch, problem.key))
    if exact is not None or not isinstance(problem, Product):
        yield from exact or ()
        return
    for choice in database.get((arch, problem.key.removesuffix(LONG)), ()):
        if choice.config.template != PERSISTENT or not problem.long_epilogue:
            yield choice


@cache
def committed() -> Database:
    """The measurements beside this file."""
    return load(Path(__file__).parent)


def choose(
    database: Database, problem: Problem, arch: int, able: frozenset[str], shared_limit: int | None = None
) -> Choice:
    """The fastest measured config of this very problem that needs nothing but what `able` names, or the cost model's best.
    shared_limit: bytes of shared memory of a program, where the same code also runs on GPUs that have less than `arch`."""
    limit = gpu_for(arch).block_shared_bytes if shared_limit is None else shared_limit

    def usable(config: Config) -> bool:
        return config.needs <= able and (
            config.template == "gemv" or shared_bytes(problem, config) + 1024 <= limit
        )

    for choice in _measured(database, problem, arch):
        if usable(choice.config):
            return choice
    gpu = gpu_for(arch)
    best = next(config for config in candidates(problem, gpu) if usable(config))
    return Choice(best, "", predict_us(problem, best, gpu))
