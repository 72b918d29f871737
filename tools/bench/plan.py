"""What a run of the bench was asked to do, and how its processes are set up from that.

Plan(options).job("minilm", "openvino", threads=2)  -> Job with its folders below options.folder
Plan(options).step(job, "openvino", cpus)           -> Step with the contender's environment
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tools.bench import registry
from tools.bench.contender import Artefact, Contender, Job
from tools.bench.model_names import locate_data
from tools.bench.steps import Step


@dataclass(frozen=True)
class Options:
    """What to measure. The command line explains the fields (tools/bench/bench.py)."""

    models: tuple[str, ...]
    contenders: tuple[str, ...]
    threads: tuple[int, ...]
    rounds: int
    min_time_s: float
    reference: str
    cxx: str
    cold_start: bool
    model_data: Mapping[str, Mapping[str, str]]  # model -> argument -> path
    folder: Path  # for everything that is made on the way; empty at first

    def to_json(self) -> dict[str, Any]:
        """Plain data for the result, without paths."""
        data = asdict(self)
        del data["model_data"], data["folder"]
        return data


class Plan:
    """Options with the contenders made and the CPUs known."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.contenders: dict[str, Contender] = {name: registry.create(name) for name in options.contenders}
        self.cpus = tuple(sorted(os.sched_getaffinity(0)))
        self.programs_dir = options.folder / "programs"
        self.programs_dir.mkdir(parents=True, exist_ok=True)

    def distributions(self) -> list[str]:
        """Python packages whose versions belong into the report."""
        return [name for contender in self.contenders.values() for name in contender.distributions]

    def job(self, model: str, contender: str, threads: int) -> Job:
        """`contender` may be any name of a folder, also of what belongs to no contender."""
        model_dir = self.options.folder / model
        return Job(
            model=model,
            threads=threads,
            model_dir=model_dir,
            work_dir=model_dir / f"{contender.replace(':', '.')}-{threads}",
            programs_dir=self.programs_dir,
            cxx=self.options.cxx,
            data=locate_data(model, self.options.model_data.get(model, {})),
        )

    def step(self, job: Job, contender: str, cpus: tuple[int, ...], artefact: Artefact | None = None) -> Step:
        """A process for `contender`; an empty name is for a step of no contender."""
        environment = self.contenders[contender].environment(job) if contender else {}
        return Step(contender, job, cpus, environment, artefact.to_json() if artefact else None)
