"""From a model's name to the exported program, and from that to each contender's files. Nothing here is a
measurement of speed but the compile times.

    export(plan, "minilm")                    -> cost, eager's distance; writes model.pt2 and recorded.npz
    Builder(plan).build("minilm", "ours", 1)  -> Built(artefact, facts for the report)

Compile times: `command_s` is a process from its start to its end, with Python's start, imports and reading
model.pt2; `compile_s` is what the contender itself spent of it. What only the first compilation on a machine
does is done before.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tools.bench import numerics
from tools.bench.contender import Artefact
from tools.bench.model_names import MODELS
from tools.bench.plan import Plan
from tools.bench.steps import StepFailed


@dataclass(frozen=True)
class Built:
    """A contender's files for a model, and what the report says of their making."""

    artefact: Artefact
    facts: dict[str, Any]


def export(plan: Plan, model: str) -> dict[str, Any]:
    """{"cost", "eager_distance"} of a model, once its files are written. Raises StepFailed."""
    entry, job = MODELS[model], plan.job(model, "describe", 1)
    job.model_dir.mkdir(parents=True, exist_ok=True)
    command = [
        sys.executable,
        "-m",
        "compiler.driver.export",
        str(entry.source_file()),
        f"--function={entry.function}",
    ]
    command += [f"--output={job.model_dir / 'model.pt2'}", f"--recorded={job.model_dir / 'recorded.npz'}"]
    command += [f"--data={name}={path}" for name, path in job.data.items()]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)}
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if result.returncode != 0:
        raise StepFailed(f"cannot export {model}: {result.stderr.strip()}")
    cost, _ = plan.step(job, "", plan.cpus).run("describe")
    return {"cost": cost, "eager_distance": numerics.distance(job.recorded("eager"), job.recorded("oracle"))}


class Builder:
    """Builds each artefact once, each after its compiler was warmed up."""

    def __init__(self, plan: Plan, progress: Callable[[str], None]) -> None:
        self._plan = plan
        self._progress = progress
        self._warmed_up: set[str] = set()
        self._built: dict[tuple[str, str, int], Built] = {}

    def build(self, model: str, name: str, threads: int) -> Built:
        """The files of contender `name` for a run with `threads` threads. Raises StepFailed."""
        depends = self._plan.contenders[name].threads_change_artefact
        key = (model, name, threads if depends else self._plan.options.threads[0])
        if key not in self._built:
            self._warm_up(*key)
            self._progress(f"{model}, {name}{f', {threads} threads' if depends else ''}: compiling")
            step = self._plan.step(self._plan.job(*key), name, self._plan.cpus)
            data, command_s = step.run("prepare")
            self._built[key] = _built(Artefact.from_json(data), command_s)
        return self._built[key]

    def _warm_up(self, model: str, name: str, threads: int) -> None:
        if name not in self._warmed_up:
            self._progress(f"{name}: warming up its compiler")
            job = self._plan.job(model, f"{name}-warm-up", threads)
            self._plan.step(job, name, self._plan.cpus).run("warm_up")
            self._warmed_up.add(name)


def _built(artefact: Artefact, command_s: float) -> Built:
    compiled = artefact.compile_s is not None
    model_bytes = sum(path.stat().st_size for path in artefact.model_files)
    runtime_bytes = sum(path.stat().st_size for path in artefact.runtime_files)
    facts = {
        "command_s": command_s if compiled else None,
        "compile_s": artefact.compile_s,
        "model_bytes": model_bytes if compiled else None,
        "deploy_bytes": model_bytes + runtime_bytes if compiled else None,
        "note": artefact.note,
    }
    return Built(artefact, facts)
