"""Round-robin measuring of processes that wait in between, and the statistics of it.

Enters: a server for each contender. Leaves: a Timing for each. In every round each contender measures once,
one at a time, in an order that changes from round to round. A pause before each lets the threads of the one
before stop spinning. What slows the machine for some seconds so hits all; the median over rounds forgets it.

    medians of three rounds: ours 31, 30, 31; theirs 34, 50, 33
      -> ours 31 ms (30 - 31), theirs 34 ms (33 - 50)
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from tools.bench.steps import Server, StepFailed

# libgomp and OpenMP runtimes keep their threads spinning for up to 0.2 s after a parallel region.
PAUSE_S = 0.25
# A model slower than min_time_s is timed for as many runs.
MIN_RUNS = 5


@dataclass(frozen=True)
class Timing:
    """Of one contender, over all rounds, in milliseconds a run."""

    median_ms: float  # median of the rounds' medians
    best_round_ms: float  # least of the rounds' medians
    worst_round_ms: float  # largest of them
    best_run_ms: float  # fastest single run
    runs: int

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def summarise(measurements: list[dict[str, Any]]) -> Timing:
    """One Timing from what a worker's `measure` gave in each round."""
    medians = [m["median_ms"] for m in measurements]
    return Timing(
        median_ms=statistics.median(medians),
        best_round_ms=min(medians),
        worst_round_ms=max(medians),
        best_run_ms=min(m["best_ms"] for m in measurements),
        runs=sum(m["runs"] for m in measurements),
    )


def run_rounds(
    servers: Mapping[str, Server],
    rounds: int,
    min_time_s: float,
    progress: Callable[[str], None],
    clock: str = "wall",
) -> tuple[dict[str, Timing], dict[str, str]]:
    """(timings, reasons of those that failed on the way). A contender that fails once is not asked again."""
    settings = {"min_time_s": min_time_s, "min_runs": MIN_RUNS, "clock": clock}
    command = {"measure": {"warm_up_s": 0.3 * min_time_s, **settings}}
    order = random.Random(0)
    measurements: dict[str, list[dict[str, Any]]] = {name: [] for name in servers}
    failed: dict[str, str] = {}
    for number in range(rounds):
        names = [name for name in servers if name not in failed]
        order.shuffle(names)
        for name in names:
            time.sleep(PAUSE_S)
            try:
                measurements[name].append(servers[name].ask(command))
            except StepFailed as error:
                failed[name] = str(error)
        last = {name: f"{measurements[name][-1]['median_ms']:.4g}" for name in servers if name not in failed}
        progress(
            f"round {number + 1} of {rounds}, ms: " + ", ".join(f"{name} {ms}" for name, ms in last.items())
        )
    return {name: summarise(measurements[name]) for name in servers if name not in failed}, failed
