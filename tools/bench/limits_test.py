"""Commands end by themselves or at their limits, and leave nothing behind."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from tools.bench.limits import Limits, call, run, session

ROOMY = Limits(seconds=50, megabytes=4000)


def python(code: str) -> list[str]:
    return [sys.executable, "-S", "-c", code]


def test_a_command_that_ends_by_itself(tmp_path: Path) -> None:
    ended = run(python("print('said')"), tmp_path / "log", ROOMY)
    assert (ended.ok, ended.status, ended.over) == (True, 0, "")
    assert (tmp_path / "log").read_text() == "said\n"


def test_a_command_that_fails(tmp_path: Path) -> None:
    ended = run(python("raise SystemExit(3)"), tmp_path / "log", ROOMY)
    assert (ended.ok, ended.status, ended.over) == (False, 3, "")


def test_time_is_limited(tmp_path: Path) -> None:
    began = time.perf_counter()
    ended = run(python("import time; time.sleep(40)"), tmp_path / "log", Limits(0.5, 4000))
    assert not ended.ok
    assert ended.over == "took longer than 0 s"
    assert time.perf_counter() - began < 20


def test_memory_of_all_processes_is_limited(tmp_path: Path) -> None:
    child = "b = bytearray(150 << 20); import time; time.sleep(40)"
    both = f"import subprocess, sys; subprocess.run([sys.executable, '-S', '-c', {child!r}])"
    ended = run(python(both), tmp_path / "log", Limits(50, 100))
    assert ended.over.startswith("held ")
    assert ended.peak_megabytes > 100


def test_what_a_command_leaves_running_is_ended(tmp_path: Path) -> None:
    child = "import time; time.sleep(40)"
    code = f"import os, subprocess, sys; subprocess.Popen([sys.executable, '-S', '-c', {child!r}]); print(os.getpid())"
    ended = run(python(code), tmp_path / "log", ROOMY)
    assert ended.ok
    deadline = time.perf_counter() + 10
    while session(int((tmp_path / "log").read_text())):
        assert time.perf_counter() < deadline, "the child outlives its session"
        time.sleep(0.05)


def test_a_function_runs_in_a_copy_of_this_process(tmp_path: Path) -> None:
    seen = []

    def function() -> int:
        seen.append(1)
        print("from the copy")
        return 7

    assert call(function, tmp_path / "log", ROOMY).status == 7
    assert (tmp_path / "log").read_text() == "from the copy\n"
    assert seen == []


def test_processor_time_is_that_of_the_child_and_its_children(tmp_path: Path) -> None:
    work = "import time; end = time.process_time() + 0.5\nwhile time.process_time() < end: pass"
    nested = f"import subprocess, sys; subprocess.run([sys.executable, '-S', '-c', {work!r}])"
    assert run(python(nested), tmp_path / "log", ROOMY).cpu_seconds > 0.5
    assert run(python("import time; time.sleep(0.6)"), tmp_path / "log", ROOMY).cpu_seconds < 0.5


def test_a_function_that_raises(tmp_path: Path) -> None:
    def function() -> int:
        raise ValueError("no")

    assert call(function, tmp_path / "log", ROOMY).status == 1
    assert (tmp_path / "log").read_text().endswith("ValueError: no\n")
