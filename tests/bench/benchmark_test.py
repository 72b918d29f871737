"""NAME_benchmark: what it prints, as a table and as JSON, and how it refuses wrong flags."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

LIBRARY = f"--library={os.environ['AOTI_LIBRARY']}"
SHORT = ("--rounds=2", "--round-ms=10", "--warmup-ms=1", "--startup-runs=2", "--threads=1")


def benchmark(*flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([os.environ["AOTI_BENCHMARK"], *flags], capture_output=True, text=True, check=False)


def test_json() -> None:
    done = benchmark(LIBRARY, "--json", *SHORT)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["model"], said["threads"]) == ("my_model_aoti", 1)
    assert said["isa"].startswith("x86-64-")
    assert said["runs"] >= 6
    assert 0 < said["min_ms"] <= said["median_ms"]
    assert said["startup_ms"] > 0 and said["peak_mb"] > 0


def test_its_threads_end_before_the_library_goes() -> None:
    for _ in range(8):  # each starts 4 processes; without the wait every third of them died
        done = benchmark(LIBRARY, "--rounds=1", "--round-ms=1", "--startup-runs=4", "--threads=2")
        assert done.returncode == 0, done.stderr


def test_table() -> None:
    done = benchmark(LIBRARY, *SHORT)
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["model", "run", "start-up", "peak"]


@pytest.mark.parametrize(
    ("flag", "sentence"),
    [
        ("--threads=none", "--threads"),
        ("--no-such-flag=1", "--no-such-flag"),
        ("--library=absent.so", "absent.so"),
    ],
)
def test_wrong_flags_are_named(flag: str, sentence: str) -> None:
    done = benchmark(LIBRARY, flag)
    assert done.returncode != 0
    assert done.stderr.startswith("benchmark: ") and sentence in done.stderr


def test_help() -> None:
    done = benchmark("--help")
    assert done.returncode == 0 and "--startup-runs=N" in done.stdout
