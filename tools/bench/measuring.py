"""All measurements of one model with one number of threads.

    measure(plan, "minilm", 1, cost, builds, fail, progress)
      -> {"floor_rates", "floor", "contenders": {"ours": {...}}}

Every contender's worker is loaded before the first round and stays until the last, so that rounds only run
models. The floor is measured before, between and after. `fail(contender, step, reason)` is told of whatever
could not be measured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tools.bench import cold_start, floor, numerics
from tools.bench.building import Built
from tools.bench.contender import Unavailable
from tools.bench.plan import Plan
from tools.bench.programs import Program, build
from tools.bench.rounds import run_rounds
from tools.bench.steps import Server, StepFailed

COLD_STARTS = 5
STEADY_PROCESSES = 3

Fail = Callable[[str, str, str], None]
Progress = Callable[[str], None]


def measure(
    plan: Plan,
    model: str,
    threads: int,
    cost: dict[str, int],
    builds: Mapping[str, Built],
    fail: Fail,
    progress: Progress,
) -> dict[str, Any]:
    """Floors, rounds, numerics, memory and cold starts."""
    cpus = plan.cpus[:threads]
    floors = [_floor(plan, threads, cpus, cost["bytes"])]
    contenders = _measure_workers(plan, model, threads, builds, fail, progress)
    floors.append(_floor(plan, threads, cpus, cost["bytes"]))
    if plan.options.cold_start:
        progress(f"{model}, {threads} thread(s): cold starts")
        for name, facts in _measure_cold_starts(plan, model, threads, builds, fail).items():
            contenders.setdefault(name, {"build": builds[name].facts})["cold_start"] = facts
    floors.append(_floor(plan, threads, cpus, cost["bytes"]))
    rates = floor.best(floors)
    return {"floor_rates": rates.to_json(), "floor": rates.of(cost), "contenders": contenders}


def _floor(plan: Plan, threads: int, cpus: tuple[int, ...], read_bytes: int) -> floor.Floor:
    compiler = plan.options.cxx or "c++"
    program = build(Program("floor", "floor.cc", compiler, ("-lpthread",)), plan.programs_dir)
    return floor.measure(program, threads, cpus, read_bytes)


def _measure_workers(
    plan: Plan, model: str, threads: int, builds: Mapping[str, Built], fail: Fail, progress: Progress
) -> dict[str, dict[str, Any]]:
    """Contender -> everything that its worker can tell."""
    servers: dict[str, Server] = {}
    facts: dict[str, dict[str, Any]] = {}
    try:
        for name, built in builds.items():
            progress(f"{model}, {name}, {threads} thread(s): loading")
            step = plan.step(plan.job(model, name, threads), name, plan.cpus[:threads], built.artefact)
            try:
                servers[name] = Server(step)
            except StepFailed as error:
                fail(name, "load", str(error))
                continue
            facts[name] = {"build": dict(built.facts), **servers[name].loaded}
            if plan.contenders[name].compiles_at_first_run:
                facts[name]["build"]["compile_s"] = servers[name].loaded["first_run_s"]
        progress(f"{model}, {threads} thread(s): measuring {', '.join(servers)}")
        timings, failed = run_rounds(servers, plan.options.rounds, plan.options.min_time_s, progress)
        for name, reason in failed.items():
            fail(name, "run", reason)
        for name, timing in timings.items():
            facts[name]["timing"] = timing.to_json()
            facts[name] |= _finish(plan, model, threads, name, servers[name], fail)
    finally:
        for server in servers.values():
            server.stop()
    return facts


def _finish(plan: Plan, model: str, threads: int, name: str, server: Server, fail: Fail) -> dict[str, Any]:
    """Peak memory and distance from the oracle."""
    try:
        answer = server.ask({"finish": True})
    except StepFailed as error:
        fail(name, "outputs", str(error))
        return {}
    with np.load(Path(answer["outputs"])) as data:
        outputs = [data[f"output_{i}"] for i in range(len(data.files))]
    oracle = plan.job(model, name, threads).recorded("oracle")
    return {"peak_rss_bytes": answer["peak_rss_bytes"], "distance": numerics.distance(outputs, oracle)}


def _measure_cold_starts(
    plan: Plan, model: str, threads: int, builds: Mapping[str, Built], fail: Fail
) -> dict[str, dict[str, Any]]:
    """Contender -> facts of processes without Python; in turn, like the rounds."""
    programs: dict[str, cold_start.ColdStart] = {}
    for name, built in builds.items():
        try:
            programs[name] = _cold_start(plan, model, threads, name, built)
        except (StepFailed, Unavailable) as error:
            fail(name, "cold start", str(error))
    cold: dict[str, list[dict[str, float]]] = {name: [] for name in programs}
    steady: dict[str, list[dict[str, float]]] = {name: [] for name in programs}
    processes = [(cold, 0.0)] * COLD_STARTS + [(steady, plan.options.min_time_s)] * STEADY_PROCESSES
    for results, seconds in processes:
        for name, program in list(programs.items()):
            try:
                results[name].append(program.run(seconds))
            except StepFailed as error:
                fail(name, "cold start", str(error))
                del programs[name]
    facts = {name: cold_start.summarise(cold[name], steady[name]) for name in programs}
    for name, program in programs.items():
        oracle = plan.job(model, name, threads).recorded("oracle")[0]
        facts[name]["distance"] = numerics.distance([program.first_output(oracle)], [oracle])
    return facts


def _cold_start(plan: Plan, model: str, threads: int, name: str, built: Built) -> cold_start.ColdStart:
    """The contender's program, after one uncounted run that brings its files into the page cache."""
    job = plan.job(model, name, threads)
    command, _ = plan.step(job, name, plan.cpus, built.artefact).run("cold_start")
    program = cold_start.ColdStart(
        command=(*command, f"--threads={threads}", *cold_start.prepare_inputs(job)),
        output=job.work_dir / "first_output.bin",
        cpus=plan.cpus[:threads],
        environment=plan.contenders[name].environment(job),
    )
    program.run(0.0)
    return program
