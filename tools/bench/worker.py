"""One process of the bench: does one step for one contender, or serves measurements until it is told to stop.

    python -m tools.bench.worker STEP FILE     FILE: JSON {"contender", "job", "artefact", "cpus"}

Steps: `describe` (model.pt2 -> its cost), `warm_up`, `prepare` (-> artefact), `cold_start` (-> command) and
`serve`; tools/bench/steps.py starts them.
Each answers with one line of JSON on stdout, {"ok": ...} or {"error": "sentence"}; `serve` first answers with
the result of loading and then with one line for each line that it reads:

    {"measure": {"warm_up_s": 0.3, "min_time_s": 1.0, "min_runs": 5, "clock": "wall"}}
      -> {"ok": {"runs": 31, "median_ms": 32.1, "best_ms": 31.8}}
    {"finish": true}
      -> {"ok": {"outputs": FILE, "peak_rss_bytes": 1234}}

Invariants: CPUs are set before anything heavy is imported, so every thread inherits them; what libraries
print to stdout goes to stderr.
"""

from __future__ import annotations

import gc
import json
import os
import statistics
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from tools.bench import registry
from tools.bench.contender import Artefact, Contender, Job, Runner, Unavailable

# The second counts what this process computes, on all its threads: what else the machine runs hardly counts.
_CLOCKS = {"wall": time.perf_counter_ns, "processor": time.process_time_ns}


def main() -> int:
    """Reads the step's file and does the step."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    step, request = sys.argv[1], json.loads(Path(sys.argv[2]).read_text())
    os.sched_setaffinity(0, request["cpus"])
    job = Job.from_json(request["job"])
    try:
        if step == "serve":
            _serve(
                registry.create(request["contender"]), job, Artefact.from_json(request["artefact"]), replies
            )
        else:
            _reply(replies, {"ok": _one_step(step, request, job)})
    except Exception as error:
        traceback.print_exc()
        _reply(replies, {"error": _reason(error)})
        return 1
    return 0


def _one_step(step: str, request: dict[str, Any], job: Job) -> Any:
    if step == "describe":
        return _describe(job)
    contender = registry.create(request["contender"])
    if step == "warm_up":
        return contender.warm_up_compiler(job)
    if step == "prepare":
        return contender.prepare(job).to_json()
    if step == "cold_start":
        return contender.cold_start_command(job, Artefact.from_json(request["artefact"]))
    raise ValueError(f"unknown step {step!r}; expected describe, warm_up, prepare, cold_start or serve")


def _describe(job: Job) -> dict[str, Any]:
    import torch

    from tools.bench import cost

    program = torch.export.load(job.model_dir / "model.pt2")
    named = {node.name: node.meta["val"] for node in program.graph.nodes if node.op == "placeholder"}
    inputs = [str(named[name].dtype).removeprefix("torch.") for name in program.graph_signature.user_inputs]
    (job.model_dir / "types.json").write_text(
        json.dumps({"inputs": inputs, "weights": cost.weights_dtype(program)})
    )
    return cost.of_program(program, job.tensors()).to_json()


def _serve(contender: Contender, job: Job, artefact: Artefact, replies: TextIO) -> None:
    start = time.perf_counter()
    runner = contender.load(job, artefact)
    loaded = time.perf_counter()
    result = runner.run()
    _reply(replies, {"ok": {"load_s": loaded - start, "first_run_s": time.perf_counter() - loaded}})
    del result
    for line in sys.stdin:
        command = json.loads(line)
        if "measure" in command:
            _reply(replies, {"ok": measure(runner.run, **command["measure"])})
        else:
            _reply(replies, {"ok": _finish(runner, job)})


def measure(
    run: Callable[[], Any], warm_up_s: float, min_time_s: float, min_runs: int, clock: str = "wall"
) -> dict[str, Any]:
    """Times single calls for at least `min_time_s` seconds and `min_runs` calls, after untimed ones; all seconds are of `clock`."""
    now = _CLOCKS[clock]
    end = now() + int(warm_up_s * 1e9)
    run()
    while now() < end:
        run()
    samples: list[int] = []
    gc.collect()
    gc.disable()
    end = now() + int(min_time_s * 1e9)
    while now() < end or len(samples) < min_runs:
        begin = now()
        run()
        samples.append(now() - begin)
    gc.enable()
    return {
        "runs": len(samples),
        "median_ms": statistics.median(samples) / 1e6,
        "best_ms": min(samples) / 1e6,
    }


def _finish(runner: Runner, job: Job) -> dict[str, Any]:
    """Peak memory of everything so far, then the outputs in a file."""
    peak = peak_rss_bytes()
    path = job.work_dir / f"outputs-{job.threads}.npz"
    outputs = runner.outputs(runner.run())
    arrays: dict[str, Any] = {f"output_{i}": array for i, array in enumerate(outputs)}
    np.savez(path, **arrays)
    return {"outputs": str(path), "peak_rss_bytes": peak}


def peak_rss_bytes() -> int:
    """The largest resident memory of this process so far (VmHWM)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def _reason(error: BaseException) -> str:
    if isinstance(error, ImportError) and error.name:
        return f"the Python package {error.name} is not installed"
    first_line = str(error).strip().splitlines()[0] if str(error).strip() else "no message"
    return first_line if isinstance(error, Unavailable) else f"{type(error).__name__}: {first_line}"


def _reply(replies: TextIO, data: dict[str, Any]) -> None:
    replies.write(json.dumps(data) + "\n")
    replies.flush()


if __name__ == "__main__":
    sys.exit(main())
