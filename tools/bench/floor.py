"""What the machine could do at best: runs floor.cc and turns a model's cost into the least time it can take.

    measure(program, threads=1, cpus=(0,), read_bytes=43_000_000) -> Floor(118.2 GFLOP/s, 30.1 GB/s)
    Floor.of({"operations": 2.87e9, "bytes": 4.3e7, "dtype": "float32"}) -> {"operations_ms": 24.3, "bytes_ms": 1.4, ...}

Reads are measured over a buffer as large as what the model reads, again and again, as the model does: where
the last-level cache holds it, so it does for the model. Invariant: the rates are the best of several
measurements spread over the run.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tools.bench.contender import Unavailable


@dataclass(frozen=True)
class Floor:
    """Rates of `threads` threads together: operations (a multiply-add is two) and reads. `bfloat16_gflops` is 0 where the
    processor has no instruction for bfloat16: its products are then float32's."""

    threads: int
    isa: str
    fma_gflops: float
    bfloat16_gflops: float
    read_gbps: float
    read_mib: int

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    def rate_gflops(self, dtype: str) -> float:
        """The rate for products of this dtype."""
        return max(self.fma_gflops, self.bfloat16_gflops) if dtype == "bfloat16" else self.fma_gflops

    def of(self, cost: dict[str, Any]) -> dict[str, float]:
        """Least times of a model in milliseconds; the floor is the larger one."""
        operations_ms = cost["operations"] / self.rate_gflops(cost["dtype"]) * 1e-6
        bytes_ms = cost["bytes"] / self.read_gbps * 1e-6
        return {
            "operations_ms": operations_ms,
            "bytes_ms": bytes_ms,
            "floor_ms": max(operations_ms, bytes_ms),
        }


def measure(
    program: Path, threads: int, cpus: tuple[int, ...], read_bytes: int, seconds: float = 0.3
) -> Floor:
    """Runs the floor program once."""
    command = [
        str(program),
        f"--threads={threads}",
        f"--read_mib={max(threads, -(-read_bytes >> 20))}",
        f"--seconds={seconds}",
        f"--cpus={','.join(map(str, cpus))}",
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise Unavailable(f"the floor program failed: {result.stderr.strip()}")
    return Floor(**json.loads(result.stdout))


def best(floors: list[Floor]) -> Floor:
    """The best rates of several measurements of the same kind."""
    first = floors[0]
    return Floor(
        threads=first.threads,
        isa=first.isa,
        fma_gflops=max(floor.fma_gflops for floor in floors),
        bfloat16_gflops=max(floor.bfloat16_gflops for floor in floors),
        read_gbps=max(floor.read_gbps for floor in floors),
        read_mib=first.read_mib,
    )
