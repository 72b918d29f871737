"""What is done in the forks of a zoo run: the compiler's own command lines, called in a process that has imported them.

preload(["torchvision"])     in the parent, once
export(...), compile(...), judge(...)      in a fork; exit statuses, reasons on the output
"""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tools.bench import registry
from tools.bench.contender import Job
from tools.bench.zoo.entries import Entry

_MODULES = (
    "compiler.codegen.cpp.emit", "compiler.driver.aot", "compiler.driver.cli", "compiler.driver.export", "compiler.driver.export_program",
    "compiler.driver.export_recorded", "compiler.frontend.load", "compiler.fx_passes.pipeline", "compiler.lowering.lower",
    "compiler.scheduler.pipeline", "compiler.wrapper.cpp_writer", "compiler.wrapper.plan", "tests.harness.recorded_test",
    "tools.bench.zoo.judge",
)  # fmt: skip


def preload(libraries: Iterable[str]) -> None:
    """Imports what the steps need. Nothing is computed, so no thread is started that a fork would lack."""
    os.environ |= {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    torchvision = importlib.import_module("tools.bench.zoo.models.torchvision_operators")
    torchvision.declare()
    for name in (*_MODULES, *libraries):
        importlib.import_module(name)


def export(entry: Entry, model: Path, recorded: Path) -> int:
    """The model's .pt2 and recorded outputs. Raises UserError."""
    from compiler.driver.export import Request, export_file

    print(export_file(Request(entry.source_file(), entry.name, model, recorded, 0, {})))
    return 0


def compile(model: Path, library: Path, options: Sequence[str], environment: Mapping[str, str]) -> int:
    """The library and what is beside it. `environment` is added to this process's."""
    from compiler.driver import cli

    os.environ.update(environment)
    name = library.stem.removeprefix("lib")
    return cli.main(["zoo", str(model), f"--out={library.parent}", f"--name={name}", *options])


def judge(library: Path, recorded: Path, verdict: Path) -> int:
    """The verdict's file; 0 also for a library that is wrong."""
    from tools.bench.zoo.judge import judge as judged

    verdict.write_text(json.dumps(judged(library, recorded)))
    return 0


def warm_up_aotinductor(job: Job) -> int:
    """What only the first compilation on a machine does."""
    contender = registry.create("aotinductor")
    os.environ.update(contender.environment(job))
    contender.warm_up_compiler(job)
    return 0


def compile_with_aotinductor(entry: Entry, job: Job, facts: Path) -> int:
    """The peer's package in the job's folder, and what it took: {"seconds": wall clock of its compiler, "cpu_seconds": with reading
    model.pt2, as ours}. It reads a library's own types only where these are registered, so the model is built first."""
    from compiler.driver import export_example

    export_example.load(entry.source_file(), entry.name, seed=0, data={})
    contender = registry.create("aotinductor")
    os.environ.update(contender.environment(job))
    began = _processor_seconds()
    seconds = contender.prepare(job).compile_s
    facts.write_text(json.dumps({"seconds": seconds, "cpu_seconds": _processor_seconds() - began}))
    return 0


def _processor_seconds() -> float:
    """User and system time of this process and of those that it waited for."""
    return sum(os.times()[:4])
