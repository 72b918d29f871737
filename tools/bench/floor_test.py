"""From rates to times, and the floor program itself where Bazel gives it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tools.bench import floor
from tools.bench.contender import Unavailable
from tools.bench.programs import Program, build

SLOW = floor.Floor(threads=1, isa="avx2", fma_gflops=100.0, read_gbps=20.0, read_mib=4)
FAST = floor.Floor(threads=1, isa="avx2", fma_gflops=90.0, read_gbps=25.0, read_mib=4)


def test_the_larger_time_is_the_floor() -> None:
    assert SLOW.of({"operations": 10**9, "bytes": 10**8}) == {
        "operations_ms": 10.0,
        "bytes_ms": 5.0,
        "floor_ms": 10.0,
    }
    assert SLOW.of({"operations": 10**8, "bytes": 10**8})["floor_ms"] == 5.0


def test_best_takes_each_rate_where_it_was_best() -> None:
    combined = floor.best([SLOW, FAST])
    assert (combined.fma_gflops, combined.read_gbps) == (100.0, 25.0)


def test_the_program_measures_and_refuses(tmp_path: Path) -> None:
    ready = Path(__file__).parent / "floor"
    program = (
        ready if ready.exists() else build(Program("floor", "floor.cc", "c++", ("-lpthread",)), tmp_path)
    )
    cpu = min(os.sched_getaffinity(0))
    measured = floor.measure(program, threads=1, cpus=(cpu,), read_bytes=3_000_000, seconds=0.01)
    assert (measured.threads, measured.read_mib) == (1, 3)
    assert measured.fma_gflops > 1
    assert measured.read_gbps > 0.1
    with pytest.raises(Unavailable, match="--threads must be from 1 to 256"):
        floor.measure(program, threads=0, cpus=(cpu,), read_bytes=1)
