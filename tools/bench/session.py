"""One run of the bench: everything in order, and the result as plain data.

Enters: Options. Leaves: the result, also handed to `save` after each part, so that a stopped run leaves
what it has:

    {"machine": machine.describe(), "options": {...}, "complete": true,
     "models": {"minilm": {"title", "cost", "eager_distance",
         "threads": {"1": {"floor_rates", "floor", "contenders": {"ours": {
             "build": {"command_s", "compile_s", "model_bytes", "deploy_bytes", "note"},
             "load_s", "first_run_s", "timing": rounds.Timing, "peak_rss_bytes", "distance",
             "cold_start": {"cold_start_ms", "run_ms", "peak_rss_bytes", "distance", ...}}}}}}},
     "failures": [{"contender", "model", "threads", "step", "reason"}]}

Invariants: one process computes at a time; every contender that was asked for is in the contenders or in the
failures, for each model and number of threads; a failure of one never stops the others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tools.bench import machine
from tools.bench.building import Builder, Built, export
from tools.bench.measuring import measure
from tools.bench.model_names import MODELS
from tools.bench.plan import Options, Plan
from tools.bench.steps import StepFailed


class Session:
    """Use `Session(options, save, progress).run()` once."""

    def __init__(
        self, options: Options, save: Callable[[dict[str, Any]], None], progress: Callable[[str], None]
    ) -> None:
        self._plan = Plan(options)
        self._save = save
        self._progress = progress
        self._builder = Builder(self._plan, progress)
        self._failures: list[dict[str, Any]] = []

    def run(self) -> dict[str, Any]:
        """Measures everything. Raises StepFailed only when a model itself cannot be exported."""
        options = self._plan.options
        result: dict[str, Any] = {
            "machine": machine.describe(self._plan.distributions()),
            "options": options.to_json(),
            "complete": False,
            "models": {},
            "failures": self._failures,
        }
        for model in options.models:
            self._progress(f"{model}: exporting")
            part = {"title": MODELS[model].title, **export(self._plan, model), "threads": {}}
            result["models"][model] = part
            builds = {threads: self._build_all(model, threads) for threads in options.threads}
            for threads in options.threads:
                fail = self._failure_of(model, threads)
                part["threads"][str(threads)] = measure(
                    self._plan, model, threads, part["cost"], builds[threads], fail, self._progress
                )
                self._save(result)
        result["complete"] = True
        self._save(result)
        return result

    def _build_all(self, model: str, threads: int) -> dict[str, Built]:
        """The artefacts of those contenders that could make one."""
        builds: dict[str, Built] = {}
        fail = self._failure_of(model, threads)
        for name in self._plan.contenders:
            try:
                builds[name] = self._builder.build(model, name, threads)
            except StepFailed as error:
                fail(name, "compile", str(error))
        return builds

    def _failure_of(self, model: str, threads: int) -> Callable[[str, str, str], None]:
        """A function (contender, step, reason) that notes a failure."""

        def fail(contender: str, step: str, reason: str) -> None:
            entry = {
                "contender": contender,
                "model": model,
                "threads": threads,
                "step": step,
                "reason": reason,
            }
            self._failures.append(entry)
            self._progress(f"{model}, {contender}, {threads} thread(s): {step} failed: {reason}")

        return fail
