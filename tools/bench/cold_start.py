"""Runs the programs that need no Python: from process start to the first result, then at a steady pace.

    prepare_inputs(job)                     writes model_dir/input_0.bin, ...; gives their --input arguments
    ColdStart(command, ...).run(seconds=0)  one process: {"cold_start_ms", "run_ms", "peak_rss_bytes", ...}

Files are in the page cache after the first, uncounted process. The clock is CLOCK_MONOTONIC in both
processes; the time before `main` (dynamic linking) counts.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tools.bench.contender import Array, Job
from tools.bench.steps import StepFailed

TIMEOUT_S = 300.0


@dataclass(frozen=True)
class ColdStart:
    """A command of tools/bench/cold_start.h's form, with everything but --seconds, and where it runs."""

    command: tuple[str, ...]
    output: Path
    cpus: tuple[int, ...]
    environment: dict[str, str]

    def run(self, seconds: float) -> dict[str, float]:
        """One process. Raises StepFailed with its complaint."""
        own_cpus = os.sched_getaffinity(0)
        os.sched_setaffinity(0, self.cpus)  # the child inherits them
        start_ns = time.monotonic_ns()
        try:
            result = subprocess.run(
                [*self.command, f"--output={self.output}", f"--seconds={seconds}"],
                capture_output=True,
                text=True,
                check=False,
                timeout=TIMEOUT_S,
                env={**os.environ, **self.environment},
            )
        except subprocess.TimeoutExpired as error:
            raise StepFailed(f"{Path(self.command[0]).name} did not end within {TIMEOUT_S:.0f} s") from error
        finally:
            os.sched_setaffinity(0, own_cpus)
        if result.returncode != 0:
            lines = result.stderr.strip().splitlines() or [f"exit status {result.returncode}"]
            raise StepFailed(f"{Path(self.command[0]).name}: {lines[-1]}")
        reply: dict[str, float] = json.loads(result.stdout)
        reply["cold_start_ms"] = (reply.pop("first_result_ns") - start_ns) / 1e6
        return reply

    def first_output(self, like: Array) -> Array:
        """What the last process wrote, in the shape of `like` (its dtype is float32)."""
        return np.fromfile(self.output, dtype=np.float32).reshape(like.shape)


def prepare_inputs(job: Job) -> list[str]:
    """The example inputs as raw files, and the arguments that name them."""
    arguments = []
    for index, array in enumerate(job.inputs()):
        if array.dtype not in (np.float32, np.int64):
            raise StepFailed(
                f"input {index} is {array.dtype}; the cold-start programs read float32 and int64"
            )
        path = job.model_dir / f"input_{index}.bin"
        np.ascontiguousarray(array).tofile(path)
        arguments.append(f"--input={array.dtype}:{','.join(map(str, array.shape))}={path}")
    return arguments


def summarise(cold: list[dict[str, float]], steady: list[dict[str, float]]) -> dict[str, Any]:
    """Medians of the processes' numbers: `cold` ran with no further runs, `steady` with many."""
    return {
        "cold_start_ms": statistics.median(r["cold_start_ms"] for r in cold),
        "cold_start_best_ms": min(r["cold_start_ms"] for r in cold),
        "peak_rss_bytes": int(statistics.median(r["peak_rss_bytes"] for r in cold)),
        "run_ms": statistics.median(r["run_ms"] for r in steady),
        "best_run_ms": min(r["best_ms"] for r in steady),
    }
