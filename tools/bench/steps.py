"""Starts the processes of the bench and talks to them.

    Step(...).run("prepare") -> Reply(value, seconds)       a process that does one thing
    server = Server(step); server.ask({...})                a process that stays, loaded, and measures

Invariants: everything a process prints goes to a log file, whose end is in the reason when it dies without an
answer; a process that does not answer in time is ended and reported; no process outlives its owner.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.bench.contender import Job


class StepFailed(Exception):
    """A process failed; the text is the reason for the report."""


@dataclass(frozen=True)
class Step:
    """What a process needs to know. `contender` is empty for steps that belong to none."""

    contender: str
    job: Job
    cpus: tuple[int, ...]
    environment: dict[str, str] = field(default_factory=dict)
    artefact: dict[str, Any] | None = None
    timeout_s: float = 900.0

    def run(self, name: str) -> tuple[Any, float]:
        """Does the step in a process of its own: (its result, seconds from start to end of the process)."""
        start = time.perf_counter()
        process = _Process(self, name)
        try:
            return process.answer(self.timeout_s), time.perf_counter() - start
        finally:
            process.stop()


class Server:
    """A worker that has loaded a contender's model. `loaded` is what loading reported."""

    def __init__(self, step: Step) -> None:
        self._process = _Process(step, "serve")
        self._timeout_s = step.timeout_s
        try:
            self.loaded: dict[str, float] = self._process.answer(self._timeout_s)
        except StepFailed:
            self._process.stop()
            raise

    def ask(self, command: dict[str, Any]) -> dict[str, Any]:
        """One command of tools/bench/worker.py and its answer. Raises StepFailed."""
        self._process.tell(command)
        answer: dict[str, Any] = self._process.answer(self._timeout_s)
        return answer

    def stop(self) -> None:
        """Ends the process."""
        self._process.stop()


class _Process:
    def __init__(self, step: Step, name: str) -> None:
        self.name = name
        step.job.work_dir.mkdir(parents=True, exist_ok=True)
        request_file = step.job.work_dir / f"{name}-{step.job.threads}.json"
        request = {
            "contender": step.contender,
            "job": step.job.to_json(),
            "artefact": step.artefact,
            "cpus": step.cpus,
        }
        request_file.write_text(json.dumps(request))
        self.log = request_file.with_suffix(".log")
        # The folders on sys.path, so that a process under Bazel finds what this one finds.
        paths = {"PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)}
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tools.bench.worker", name, str(request_file)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, **paths, **step.environment},
            )

    def tell(self, command: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(command) + "\n")
            self.process.stdin.flush()
        except OSError as error:
            raise StepFailed(self._how_it_died()) from error

    def answer(self, timeout_s: float) -> Any:
        """The next line of the process as data."""
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], timeout_s)
        if not ready:
            self.process.kill()
            raise StepFailed(f"no answer within {timeout_s:.0f} s while it should {self.name}")
        line = self.process.stdout.readline()
        if not line:
            raise StepFailed(self._how_it_died())
        reply = json.loads(line)
        if "error" in reply:
            raise StepFailed(reply["error"])
        return reply["ok"]

    def stop(self) -> None:
        if self.process.stdin is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def _how_it_died(self) -> str:
        try:
            status = self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            return f"closed its output while it should {self.name}"
        lines = Path(self.log).read_text(errors="replace").strip().splitlines()
        how = f"signal {-status}" if status < 0 else f"exit status {status}"
        return f"died ({how}) while it should {self.name}: {lines[-1] if lines else 'no message'}"
