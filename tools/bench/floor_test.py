"""From rates to times, and the floor program itself where Bazel gives it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tools.bench import floor
from tools.bench.contender import Unavailable
from tools.bench.programs import Program, build

SLOW = floor.Floor(threads=1, isa="avx2", fma_gflops=100.0, bfloat16_gflops=0.0, read_gbps=20.0, read_mib=4)
FAST = floor.Floor(threads=1, isa="avx2", fma_gflops=90.0, bfloat16_gflops=180.0, read_gbps=25.0, read_mib=4)


def test_the_larger_time_is_the_floor() -> None:
    assert SLOW.of({"operations": 10**9, "bytes": 10**8, "dtype": "float32"}) == {
        "operations_ms": 10.0,
        "bytes_ms": 5.0,
        "floor_ms": 10.0,
    }
    assert SLOW.of({"operations": 10**8, "bytes": 10**8, "dtype": "float32"})["floor_ms"] == 5.0


def test_bfloat16_has_its_own_rate_where_the_processor_has_it() -> None:
    cost = {"operations": 9 * 10**8, "bytes": 0, "dtype": "bfloat16"}
    assert FAST.of(cost)["floor_ms"] == 5.0
    assert SLOW.of(cost)["floor_ms"] == 9.0


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
    assert measured.bfloat16_gflops == 0 or measured.bfloat16_gflops > measured.fma_gflops / 4
    table = subprocess.run(
        [str(program), "--table", "--seconds=0.001", "--read_mib=8"],
        capture_output=True,
        text=True,
        check=True,
    )
    rows = [line.split() for line in table.stdout.splitlines()]
    assert rows[0][0] == "float32" and [r[0] for r in rows][-2:] == ["memory", "memory"]
    assert all(float(r[-1]) > 0 for r in rows)
    with pytest.raises(Unavailable, match="--threads must be from 1 to 256"):
        floor.measure(program, threads=0, cpus=(cpu,), read_bytes=1)
