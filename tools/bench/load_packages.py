"""Time to load one model from a package: ours, and PyTorch's AOTInductor, whose loader unpacks the package first.

    bazel run //tools/bench:load_packages -- --ours=$PWD/minilm.pt2 --exported=$PWD/minilm_exported.pt2 --work=/tmp/load

Enters: our package, and the exported program that it was compiled from. PyTorch's package is compiled of that once, into --work
(g++ is needed). Leaves: for each, the first load of fresh processes, in turn, with the files in the page cache: from the call to
a model that can run, imports left out. The exit status is 0 when ours is within --limit.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path

from absl import app, flags

_OURS = flags.DEFINE_string("ours", None, "Our package.", required=True)
_EXPORTED = flags.DEFINE_string("exported", None, "The exported program.", required=True)
_WORK = flags.DEFINE_string("work", None, "A folder for PyTorch's package.", required=True)
_ROUNDS = flags.DEFINE_integer("rounds", 7, "Processes of each.")
_LIMIT = flags.DEFINE_float("limit", 5.0, "What ours may take, in ms.")

_HEAD = "import sys, time, json\nsys.path[:] = json.loads(sys.argv[2])\n"
_TIMED = "begin = time.perf_counter()\n{load}\nprint((time.perf_counter() - begin) * 1e3)\n"
_LOAD = {
    "ours": "import aoti_runtime\n"
    + _TIMED.format(
        load="package = aoti_runtime.Package(sys.argv[1]); model = package.load(package.methods[0])"
    ),
    "PyTorch": "import torch, torch._inductor\n"
    + _TIMED.format(load="model = torch._inductor.aoti_load_package(sys.argv[1])"),
}
_COMPILE = """import torch, torch._inductor
torch._inductor.aoti_compile_and_package(torch.export.load(sys.argv[1]), package_path=json.loads(sys.argv[3]))
"""


def _run(code: str, *words: str) -> str:
    command = [sys.executable, "-c", _HEAD + code, words[0], json.dumps(sys.path), *words[1:]]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"load_packages: failed on {words[0]}:\n{done.stderr}")
    return done.stdout


def main(argv: list[str]) -> int:
    if len(argv) > 1:
        raise app.UsageError(f"unknown argument {argv[1]}")
    theirs = Path(_WORK.value, "pytorch.pt2").absolute()
    theirs.parent.mkdir(parents=True, exist_ok=True)
    if not theirs.exists():
        _run(_COMPILE, _EXPORTED.value, json.dumps(str(theirs)))
    paths = {"ours": _OURS.value, "PyTorch": str(theirs)}
    times: dict[str, list[float]] = {name: [] for name in paths}
    for _ in range(_ROUNDS.value):
        for name, path in paths.items():
            times[name].append(float(_run(_LOAD[name], path)))
    medians = {name: statistics.median(values) for name, values in times.items()}
    for name, values in times.items():
        print(
            f"{name:8} first load {medians[name]:8.2f} ms (median of {len(values)}, {min(values):.2f} to {max(values):.2f})"
        )
    is_fast = medians["ours"] <= _LIMIT.value
    print(f"ours at most {_LIMIT.value} ms: {'pass' if is_fast else 'FAIL'}")
    print(f"PyTorch's takes {medians['PyTorch'] / medians['ours']:.0f} times as long")
    return 0 if is_fast else 1


if __name__ == "__main__":
    app.run(main)
