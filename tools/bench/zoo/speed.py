"""How fast a library is beside eager and, where it is there, PyTorch's AOTInductor: in turns, on one thread.

    python -m tools.bench.zoo.speed JOB.json RESULT.json

JOB.json: {"entry": name, "job": contender.Job, "artefacts": {"ours": Artefact, "aotinductor": Artefact}, "rounds": 3, "min_time_s": 0.2}
RESULT.json: {"ours": milliseconds, "eager": ..., "aotinductor": ...}, medians of the rounds; "failed": contender -> reason. Milliseconds
are of processor time, so that a run beside other work is worth something.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from tools.bench import registry
from tools.bench.contender import Array, Artefact, Contender, Job, Runner
from tools.bench.rounds import run_rounds
from tools.bench.steps import Server, Step, StepFailed
from tools.bench.torch_in_process import to_arrays
from tools.bench.zoo.entries import ENTRIES

EAGER = "tools.bench.zoo.speed:ZooEager"


class ZooEager(Contender):
    """The library's own module, with the arguments of its example, keywords included."""

    name = "eager"
    title = "PyTorch eager"

    def prepare(self, job: Job) -> Artefact:
        """Nothing to compile."""
        return Artefact()

    def load(self, job: Job, artefact: Artefact) -> Runner:
        """Built as it was for the export, from the same seed."""
        import torch

        from compiler.driver import export_example
        from tools.bench.zoo.models import torchvision_operators

        torchvision_operators.declare()
        entry = ENTRIES[job.model]
        example = export_example.load(entry.source_file(), entry.name, seed=0, data={})
        torch.set_num_threads(job.threads)

        def run() -> Any:
            with torch.inference_mode():
                return example.module(*example.args, **example.kwargs)

        return Runner(run, self._arrays)

    def _arrays(self, result: Any) -> list[Array]:
        return to_arrays(result)


def measure(job: Job, artefacts: dict[str, Any], rounds: int, min_time_s: float) -> dict[str, Any]:
    """Median milliseconds of each contender."""
    cpus = tuple(sorted(os.sched_getaffinity(0)))[: job.threads]
    servers: dict[str, Server] = {}
    failed: dict[str, str] = {}
    try:
        for name, artefact in {**artefacts, "eager": None}.items():
            address = EAGER if name == "eager" else name
            environment = registry.create(address).environment(job)
            try:
                servers[name] = Server(
                    Step(address, job, cpus, environment, artefact or Artefact().to_json())
                )
            except StepFailed as error:
                failed[name] = str(error)
        timings, lost = run_rounds(
            servers, rounds, min_time_s, lambda text: print(text, flush=True), clock="processor"
        )
    finally:
        for server in servers.values():
            server.stop()
    return {name: timing.median_ms for name, timing in timings.items()} | {"failed": failed | lost}


def main() -> int:
    """Reads the request, writes the result."""
    request, result = map(Path, sys.argv[1:])
    data = json.loads(request.read_text())
    measured = measure(Job.from_json(data["job"]), data["artefacts"], data["rounds"], data["min_time_s"])
    result.write_text(json.dumps(measured))
    return 0


if __name__ == "__main__":
    sys.exit(main())
