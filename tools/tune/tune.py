"""Measures the templates' configs on the GPU of this machine and writes the tuning database (kernels/tuning/<gpu>.json).

    python -m tools.tune --out=kernels/tuning/h100.json --sets=linear,decode --tries=16 --seconds=300

Enters: names of sets of problems (shapes.py). Leaves: one JSON file, and a log of every measurement beside it (--log). For each problem: a
varied few configs, then neighbours of the fastest, then programmatic dependent launch of the best; PyTorch's kernel for the same work
in the same process. Configs are compiled by other processes while this one measures. A problem that finds no right config is an error.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import time
from collections.abc import Iterable
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import torch
import triton

from kernels.triton.compile_kernel import Cubin
from kernels.tuning.candidates import candidates
from kernels.tuning.configs import Config
from kernels.tuning.cost_model import predict_us
from kernels.tuning.database import VERSION
from kernels.tuning.gpus import Gpu, gpu_named
from kernels.tuning.problems import Attention, Convolution, Problem
from tools.tune.compiling import compile_config
from tools.tune.driver import Driver
from tools.tune.measure import Bench, Measurement
from tools.tune.operands import operands
from tools.tune.search import neighbours, varied
from tools.tune.shapes import SETS
from tools.tune.timing import time_us


@dataclass
class Work:
    """A problem on its way through the rounds."""

    problem: Problem
    candidates: list[Config]
    pending: list[tuple[Config, Future[Cubin | str]]] = field(default_factory=list)
    measured: dict[Config, Measurement] = field(default_factory=dict)
    peer_us: float = 0.0

    def fastest(self, dependent: bool) -> Measurement | None:
        right = [
            m
            for m in self.measured.values()
            if m.us < float("inf") and bool(m.config.get("PDL")) == dependent
        ]
        return min(right, key=lambda m: m.us, default=None)

    def times(self) -> dict[Config, float]:
        return {c: m.us for c, m in self.measured.items() if not c.get("PDL")}


class Tuner:
    def __init__(self, gpu: Gpu, pool: ProcessPoolExecutor, deadline: float) -> None:
        self.gpu = gpu
        self.pool = pool
        self.deadline = deadline
        self.driver = Driver()

    def submit(self, work: Work, configs: Iterable[Config]) -> None:
        for config in configs:
            if config not in work.measured:
                work.pending.append(
                    (config, self.pool.submit(compile_config, work.problem, config, self.gpu))
                )

    def measure(self, work: Work) -> None:
        """Everything that is pending for a problem."""
        if not work.pending or time.monotonic() > self.deadline:
            return
        given = operands(work.problem)
        bench = Bench(self.driver, work.problem, given, self.gpu)
        if not work.peer_us and given.peer is not None:
            peer, sets = given.peer, given.sets
            peer(sets[0])
            torch.cuda.synchronize()
            work.peer_us = time_us(lambda i: peer(sets[i % len(sets)]), self.floor_us(work.problem) * 2)
        for config, future in work.pending:
            if time.monotonic() > self.deadline:
                break
            expected = predict_us(work.problem, config, self.gpu)
            work.measured[config] = bench.measure(config, future.result(), expected)
        work.pending.clear()

    def floor_us(self, problem: Problem) -> float:
        precision = "ieee" if isinstance(problem, (Attention, Convolution)) else problem.precision
        return self.gpu.floor_us(problem.operations, problem.bytes, problem.dtype, precision)


def first_tries(work: Work, count: int) -> list[Config]:
    """`count` of all, and half as many of those that need nothing of the host: each kind has its best in the database."""
    plain = [c for c in work.candidates if not c.needs]
    return list(dict.fromkeys([*varied(work.candidates, count), *varied(plain, count // 2)]))


def nearby(work: Work, count: int) -> list[Config]:
    """Neighbours of the two fastest, and of the fastest that needs nothing."""
    times = work.times()
    plain = {c: us for c, us in times.items() if not c.needs}
    around = [
        *neighbours(work.candidates, times, 2, count),
        *neighbours([c for c in work.candidates if not c.needs], plain, 1, count // 2),
    ]
    return list(dict.fromkeys(around))


def dependent_variants(work: Work) -> list[Config]:
    """The two fastest configs under programmatic dependent launch; of gemv also with a weight read ahead."""
    times = {c: us for c, us in work.times().items() if us < float("inf")}
    found = []
    for config in sorted(times, key=lambda c: times[c])[:2]:
        found.append(_with(config, PDL=1))
        if config.template == "gemv":
            found.append(_with(config, PDL=1, PREFETCH=1))
    return found


def _with(config: Config, **constants: int) -> Config:
    return Config(
        config.template, (*config.constants, *constants.items()), config.num_warps, config.num_stages
    )


def entry(work: Work, tuner: Tuner) -> dict[str, Any]:
    """The fastest config for each set of needs, unless one that needs less is as fast."""
    fastest: list[Measurement] = []
    for m in sorted(work.measured.values(), key=lambda m: m.us):
        if m.us < float("inf") and not any(f.config.needs <= m.config.needs for f in fastest):
            fastest.append(m)
    best = fastest[0]
    return {
        "configs": [{**m.config.to_json(), "us": round(m.us, 2)} for m in fastest],
        "floor_us": round(tuner.floor_us(work.problem), 2),
        "torch_us": round(work.peer_us, 2),
        "predicted_us": round(predict_us(work.problem, best.config, tuner.gpu), 2),
        "error": float(f"{best.error:.2g}"),
        "tried": len(work.measured),
    }


def write(path: Path, works: list[Work], tuner: Tuner) -> None:
    """The database; all of it or nothing. What it holds of other problems, measured on such a GPU, is kept."""
    kept = json.loads(path.read_text()) if path.exists() else {}
    same = (kept.get("version"), kept.get("gpu")) == (VERSION, tuner.gpu.name)
    measured = {w.problem.key: entry(w, tuner) for w in works if w.fastest(False) is not None}
    data = {
        "version": VERSION,
        "gpu": tuner.gpu.name,
        "arch": tuner.gpu.arch,
        "measured": {
            "date": date.today().isoformat(),
            "torch": torch.__version__,
            "triton": triton.__version__,
        },
        "entries": {**(kept["entries"] if same else {}), **measured},
    }
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(data, indent=1, sort_keys=True) + "\n")
    partial.replace(path)


def write_log(path: Path, works: list[Work]) -> None:
    """Every measurement, one JSON object a line."""
    with path.open("w") as log:
        for work in works:
            for m in work.measured.values():
                line = {
                    "problem": work.problem.key,
                    "config": str(m.config),
                    "us": m.us,
                    "error": m.error,
                    "why": m.reason,
                }
                log.write(json.dumps(line) + "\n")


def table(works: list[Work], tuner: Tuner) -> str:
    lines = [f"{'problem':60} {'floor':>8} {'torch':>8} {'ours':>8} {'pdl':>8} {'share':>6}  config"]
    for work in works:
        best, dependent = work.fastest(False), work.fastest(True)
        if best is None:
            reasons = {m.reason for m in work.measured.values()}
            lines.append(
                f"{work.problem.key:60} none of {len(work.measured)}: {'; '.join(sorted(reasons))[:200]}"
            )
            continue
        floor = tuner.floor_us(work.problem)
        quick = f"{dependent.us:8.2f}" if dependent else f"{'-':>8}"
        lines.append(
            f"{work.problem.key:60} {floor:8.2f} {work.peer_us:8.2f} {best.us:8.2f} {quick} {floor / best.us:6.2f}  {best.config}"
        )
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="tune", description="Measures the templates and writes the tuning database."
    )
    parser.add_argument("--out", type=Path, required=True, help="the database file to write")
    parser.add_argument("--log", type=Path, help="every measurement, one JSON object a line")
    parser.add_argument("--sets", default=",".join(SETS), help=f"some of {','.join(SETS)}")
    parser.add_argument("--tries", type=int, default=16, help="configs of each round of a problem")
    parser.add_argument("--seconds", type=float, default=3600, help="no measurement starts later than this")
    options = parser.parse_args(arguments)
    gpu = gpu_named(torch.cuda.get_device_name())
    keyed = {p.key: p for name in options.sets.split(",") for p in SETS[name]()}
    works = [Work(p, candidates(p, gpu)) for p in keyed.values()]
    torch.backends.cudnn.benchmark = True
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max(1, (os.cpu_count() or 2) - 1), context) as pool:
        tuner = Tuner(gpu, pool, time.monotonic() + options.seconds)
        for work in works:
            tuner.submit(work, first_tries(work, options.tries))
        for following in (
            lambda w: nearby(w, options.tries),
            dependent_variants,
            None,
        ):
            for work in works:
                tuner.measure(work)
                if following is not None:
                    tuner.submit(work, following(work))
            write(options.out, works, tuner)
            if options.log:
                write_log(options.log, works)
            print(f"{time.monotonic() - tuner.deadline + options.seconds:.0f} s", flush=True)
        pool.shutdown(wait=False, cancel_futures=True)
    print(table(works, tuner))
    return 0 if all(work.fastest(False) for work in works) else 1
