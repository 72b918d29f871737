"""How compile time grows with the number of layers: one decoder, unrolled (models/suite/deep_decoder.py), stage by stage.

    bazel run //tools/bench:growth -- --layers=6,12,24,48 --peer
    bazel run //tools/bench:growth -- --unequal                       layers of different widths, which have kernels of their own

Enters: flags. Leaves: a table on stdout. A row is one compilation in a process of its own, with a cache that has the runtime's objects and
no kernel of the decoder: seconds of each stage, `CPU s` of the whole command, of all its processes, which what else the machine runs
hardly changes. `growth` is the exponent between a row and the one before: 1 is linear, 2 quadratic. --peer compiles the same with
PyTorch's AOTInductor.

    layers  FX nodes  frontend  ...  CPU s   growth
        24      1925      1.21        6.40
        48      3821      2.40       12.52     0.97
"""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from absl import app, flags

from tools.bench import inductor_cache, limits, zig_cache
from tools.bench.contender import Job
from tools.bench.steps import StepFailed

FLAGS = flags.FLAGS

STAGES = ("frontend", "fx_passes", "lowering", "scheduler", "codegen", "wrapper", "package", "library")
_LIMITS = limits.Limits(seconds=3600, megabytes=16000)
_ROW = re.compile(r"^\s+(\w+)\s+([0-9.]+) s  (.*)$", re.MULTILINE)


def parse_report(text: str) -> tuple[dict[str, float], dict[str, str]]:
    """(seconds, summary) by stage of what the compiler prints."""
    rows = _ROW.findall(text)
    return {name: float(seconds) for name, seconds, _ in rows}, {name: summary for name, _, summary in rows}


def exponent(before: tuple[int, float], after: tuple[int, float]) -> float:
    """Of the power law through two (size, seconds)."""
    return math.log(after[1] / before[1]) / math.log(after[0] / before[0])


def command(
    module: str, log: Path, *arguments: object, environment: dict[str, str] | None = None
) -> tuple[float, str]:
    """(seconds of processor time, output) of a Python module's run. Raises StepFailed."""
    ended = limits.run_module(module, arguments, log, _LIMITS, environment)
    text = log.read_text(errors="replace")
    if not ended.ok:
        raise StepFailed(f"{module} failed: {ended.over or text.strip()[-400:]}")
    return ended.cpu_seconds, text


def export(source: str, function: str, folder: Path) -> Path:
    """The model that a function of a file of models/ makes, exported."""
    path = Path(__file__).resolve().parents[2] / "models" / source
    model = folder / "model.pt2"
    command("compiler.driver.export", folder / "export.log", path, f"--function={function}", "-o", model)
    return model


def ours(model: Path, cache: Path, cxx: str) -> tuple[float, dict[str, float], dict[str, str]]:
    """Processor seconds of the command, seconds and summaries by stage. `cache` and zig's cache in it are used as they are and brought up
    to date."""
    words = [f"--cache={cache}", *([f"--cxx={cxx}"] if cxx else [])]
    out = model.parent / "out"
    log, zig = model.parent / "compile.log", zig_cache.environment(cache / "zig")
    seconds, text = command("compiler.driver", log, model, "-o", out, *words, environment=zig)
    return (seconds, *parse_report(text))


def peer(model: Path, folder: Path, warm_up: bool = False) -> float:
    """Processor seconds of AOTInductor's command for the same."""
    job = Job("decoder", 1, model.parent, folder / "peer", folder, "", {})
    job.work_dir.mkdir(exist_ok=True)
    request = folder / "peer.json"
    data: dict[str, Any] = {
        "contender": "aotinductor",
        "job": job.to_json(),
        "cpus": sorted(os.sched_getaffinity(0)),
    }
    request.write_text(json.dumps(data))
    step = "warm_up" if warm_up else "prepare"
    return command(
        "tools.bench.worker",
        folder / f"{step}.log",
        step,
        request,
        environment=inductor_cache.environment(job),
    )[0]


def main(argv: Sequence[str]) -> int:
    """The table, a row as soon as it is known."""
    layers = sorted(map(int, FLAGS.layers))
    columns = [*STAGES, "CPU s", "growth", *(["AOTInductor", "growth"] if FLAGS.peer else [])]
    print(
        f"{'layers':>6} {'FX nodes':>8} {'kernels':>7} " + " ".join(f"{c:>11}" for c in columns), flush=True
    )
    before: dict[str, tuple[int, float]] = {}
    with tempfile.TemporaryDirectory(prefix="aoti-growth-") as name:
        # Another model before, for what only the first compilation on a machine does and for the runtime's objects.
        small = export("my_model.py", "build", _folder(name, 0))
        primed = Path(FLAGS.cache) if FLAGS.cache else small.parent / "cache"
        ours(small, primed, FLAGS.cxx)
        if FLAGS.peer:
            peer(small, small.parent, warm_up=True)
        for count in layers:
            kind = "unequal" if FLAGS.unequal else "layers"
            model = export("suite/deep_decoder.py", f"{kind}_{count}", _folder(name, count))
            cache = shutil.copytree(primed, model.parent / "cache", symlinks=True)
            total, seconds, summaries = ours(model, cache, FLAGS.cxx)
            cells = [f"{seconds.get(s, 0.0):11.2f}" for s in STAGES] + _timed("ours", count, total, before)
            if FLAGS.peer:
                cells += _timed("peer", count, peer(model, model.parent), before)
            nodes, kernels = (summaries[s].split()[0] for s in ("frontend", "codegen"))
            print(f"{count:6} {nodes:>8} {kernels:>7} " + " ".join(cells), flush=True)
    return 0


def _folder(root: str, layers: int) -> Path:
    folder = Path(root) / str(layers)
    folder.mkdir()
    return folder


def _timed(who: str, layers: int, seconds: float, before: dict[str, tuple[int, float]]) -> list[str]:
    growth = f"{exponent(before[who], (layers, seconds)):11.2f}" if who in before else " " * 11
    before[who] = (layers, seconds)
    return [f"{seconds:11.2f}", growth]


if __name__ == "__main__":
    flags.DEFINE_list("layers", ["6", "12", "24", "48"], "Numbers of layers.")
    flags.DEFINE_string("cxx", "", "C++ compiler, with arguments, for ours; default: the host's.")
    flags.DEFINE_bool(
        "unequal", False, "Layers of different widths, so that they share no kernels but the norms."
    )
    flags.DEFINE_string(
        "cache", "", "Folder for the runtime's objects, to be used again; default: a new one."
    )
    flags.DEFINE_bool("peer", False, "Compile with PyTorch's AOTInductor too (needs g++ or $CXX).")
    app.run(main)
