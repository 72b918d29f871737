"""A command or a function in a session of its own, ended when it takes too long or holds too much memory.

    run(["python", "-c", "print(1)"], Path("log"), Limits(seconds=60, megabytes=4000))
      -> Ended(status=0, seconds=0.1, cpu_seconds=0.1, peak_megabytes=9, over="")
    call(function, Path("log"), ...)      the same in a copy of this process, which need not import again what is imported here

Invariants: whatever was started has ended when they return; standard output and error are in the log file.
Memory is the sum of the resident pages of the session's processes, so pages that they share count more than once.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

POLL_S = 0.1
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Limits:
    """Wall-clock seconds, and megabytes of all processes together."""

    seconds: float
    megabytes: int


@dataclass(frozen=True)
class Ended:
    """How it ended: `status` is negative for a signal, `over` says which limit was broken, empty where none was. `cpu_seconds` are
    those of the child and of the processes that it waited for, user and system."""

    status: int
    seconds: float
    cpu_seconds: float
    peak_megabytes: int
    over: str

    @property
    def ok(self) -> bool:
        return self.status == 0 and not self.over


def run_module(
    module: str,
    arguments: Sequence[object],
    log: Path,
    limits: Limits,
    environment: Mapping[str, str] | None = None,
) -> Ended:
    """`python -m module arguments`, which finds what this process finds, under Bazel too."""
    paths = {"PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)}
    command = [sys.executable, "-m", module, *map(str, arguments)]
    return run(command, log, limits, {**paths, **(environment or {})})


def run(
    command: Sequence[str], log: Path, limits: Limits, environment: Mapping[str, str] | None = None
) -> Ended:
    """Runs `command` to its end or to its limit. `environment` is added to this process's."""
    everything = {**os.environ, **(environment or {})}
    return call(lambda: os.execvpe(command[0], list(command), everything), log, limits)


def call(function: Callable[[], int], log: Path, limits: Limits) -> Ended:
    """Calls `function` in a fork of this process, which must have no threads; its result is the exit status, 1 where it raises."""
    began = time.perf_counter()
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        _become(function, log)
    peak, over = 0, ""
    try:
        while not (over or _has_ended(child)):
            time.sleep(POLL_S)
            held = sum(resident_megabytes(pid) for pid in session(child))
            peak = max(peak, held)
            over = _over(limits, time.perf_counter() - began, held)
    finally:
        status, cpu_seconds = _end(child)
    return Ended(status, time.perf_counter() - began, cpu_seconds, peak, over)


def _become(function: Callable[[], int], log: Path) -> NoReturn:
    """The forked child from here to its end."""
    status = 1
    try:
        os.setsid()
        nothing, output = (
            os.open(os.devnull, os.O_RDONLY),
            os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
        )
        for source, target in ((nothing, 0), (output, 1), (output, 2)):
            os.dup2(source, target)
        # What stands in for them here, a test's capture for one, is the parent's.
        sys.stdout, sys.stderr = os.fdopen(1, "w", 1, closefd=False), os.fdopen(2, "w", 1, closefd=False)
        status = function()
    except BaseException:  # also SystemExit: nothing of the parent's may run on in the child
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def _has_ended(child: int) -> bool:
    """Leaves the child's status to be collected."""
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _over(limits: Limits, seconds: float, megabytes: int) -> str:
    if seconds > limits.seconds:
        return f"took longer than {limits.seconds:.0f} s"
    if megabytes > limits.megabytes:
        return f"held {megabytes} MB, more than {limits.megabytes} MB"
    return ""


def _end(child: int) -> tuple[int, float]:
    """Ends the child and what it left running; its exit status and seconds of processor time."""
    for pid in {*session(child), child}:
        if pid != child or not _has_ended(child):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    _, status, usage = os.wait4(child, 0)
    return os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime


def session(leader: int) -> list[int]:
    """The processes of the session that `leader` began."""
    members = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                # After the name, which may hold anything but ends with the last parenthesis: state, parent, group, session.
                fields = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
                if int(fields[3]) == leader:
                    members.append(int(entry))
    return members


def resident_megabytes(pid: int) -> int:
    """Resident memory of a process; 0 for one that has ended."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES // 2**20
    except (OSError, IndexError):
        return 0
