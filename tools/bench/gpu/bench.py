"""Compares a model's CUDA library with its peers on a GPU, in one run. Needs torch with CUDA there, nothing of the compiler.

Enters: a folder of tests.gpu.build with models, and beside it run_loop.so and cold_start (tools/bench/gpu). Leaves: a result file and
a table: medians in microseconds of one call, with the floor that the same machine's copies and matrix products allow.

    python tools/bench/gpu/bench.py gpu_tests results.json [--models=my_model,mlp_1] [--contenders=ours,eager,...]

What is timed: CUDA events around many calls on one stream, long enough that launches are queued ahead. Contenders take turns in
ROUNDS rounds; shown is the median of the rounds. Weights and inputs stay where they are, so what fits the GPU's cache may come from
there, for all contenders alike. Ours and AOTInductor are called from C++ (run_loop.cc), other peers from Python, or, as "+graph", by
replaying a captured CUDA graph, where no language counts. "ours" launches its kernels one by one, "ours+graph" is the library's own graph,
whose inputs and outputs may change from call to call; the peers' cannot.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import lzma
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))

from tests.gpu.library import Library  # noqa: E402

ROUNDS = 7
SAMPLE_SECONDS = 0.02
PACKAGE_SECONDS = 300  # for AOTInductor to compile a model; max-autotune measures hundreds of kernels
CONTENDERS = (
    "ours", "ours+graph", "eager", "eager+graph", "compile", "compile+graph", "aotinductor", "aotinductor+graph",
    "aotinductor-max", "aotinductor-max+graph",
)  # fmt: skip
# Calls `count` times, on the current stream.
Calls = Callable[[int], None]
# Microseconds of one of `count` calls.
Timer = Callable[[int], float]
Built = tuple[torch.nn.Module, tuple[torch.Tensor, ...]]


def built(name: str) -> Built:
    """Module and inputs on the GPU."""
    from models import gpu, gpu_vision, my_model

    torch.manual_seed(0)
    folder = gpu if hasattr(gpu, name) else gpu_vision
    module, inputs = my_model.build() if name == "my_model" else getattr(folder, name)()
    return module.eval().cuda(), tuple(x.cuda() for x in inputs)


def time_calls(calls: Calls, count: int) -> float:
    """Microseconds of one of `count` calls."""
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
    start.record()
    calls(count)
    end.record()
    end.synchronize()
    return 1000 * float(start.elapsed_time(end)) / count


def python_calls(function: Callable[..., Any], inputs: tuple[torch.Tensor, ...]) -> Calls:
    """Calls from Python."""

    def calls(count: int) -> None:
        for _ in range(count):
            function(*inputs)

    return calls


def captured(function: Callable[..., Any], inputs: tuple[torch.Tensor, ...]) -> Calls:
    """Replays of a captured call."""
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    with torch.cuda.stream(stream):
        for _ in range(3):
            function(*inputs)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        kept = function(*inputs)

    def calls(count: int) -> None:
        for _ in range(count):
            graph.replay()

    calls.kept = (kept, inputs)  # type: ignore[attr-defined]
    return calls


def library_calls(loop: ctypes.CDLL, library: Library, inputs: tuple[torch.Tensor, ...]) -> Calls:
    """Calls of our library from C++."""
    handles = (ctypes.c_void_p * len(inputs))(*(library.handle(x).value for x in inputs))

    def calls(count: int) -> None:
        stream = torch.cuda.current_stream().cuda_stream
        status = loop.run_loop(
            ctypes.c_void_p(library.api), library.container, handles, ctypes.c_size_t(len(inputs)),
            ctypes.c_size_t(library.num_outputs), ctypes.c_int64(count), ctypes.c_void_p(stream),
        )  # fmt: skip
        assert status == 0, library.call("last_error")

    calls.kept = inputs  # type: ignore[attr-defined]
    return calls


class Contenders:
    """The contenders of one model; each kind is compiled once, for its calls and its graph."""

    def __init__(self, name: str, path: str, loop: ctypes.CDLL, packages: Path) -> None:
        self.name, self.path, self.loop, self.packages = name, path, loop, packages
        self.functions: dict[str, Callable[..., Any]] = {}

    def timer(self, what: str) -> Timer:
        """A contender by its name, ready."""
        kind, _, graph = what.partition("+")
        if kind.startswith("aotinductor"):
            return Peer(self.name, kind == "aotinductor-max", bool(graph), self.packages, self.loop).time
        return partial(time_calls, self.calls(kind, bool(graph)))

    def calls(self, kind: str, graph: bool) -> Calls:
        module, inputs = built(self.name)
        if kind == "ours":
            library = Library(self.path)
            library.set_graphs(graph)
            return library_calls(self.loop, library, inputs)
        if kind not in self.functions:
            self.functions[kind] = torch.compile(module) if kind == "compile" else module
        function = self.functions[kind]
        return captured(function, inputs) if graph else python_calls(function, inputs)


class Peer:
    """PyTorch's AOTInductor in processes of its own (aotinductor.py): one that fails there leaves the other rows alone."""

    # The compiler that these machines set in CXX links a second C++ runtime whose std::regex, mixed with PyTorch's, crashes; and the check
    # of the processor's instruction set, which a model on a GPU does not need, hangs.
    ENVIRONMENT = {"CXX": "/usr/bin/g++", "TORCHINDUCTOR_VEC_ISA_OK": "1"}

    def __init__(self, name: str, max_autotune: bool, graph: bool, packages: Path, loop: ctypes.CDLL) -> None:
        script = str(Path(__file__).with_name("aotinductor.py"))
        environment = {**os.environ, **self.ENVIRONMENT}
        chosen = [name, str(packages), str(int(max_autotune))]
        made = subprocess.run(
            [sys.executable, script, "package", *chosen],
            env=environment,
            stdout=subprocess.DEVNULL,
            timeout=PACKAGE_SECONDS,
        )
        if made.returncode:
            raise RuntimeError(f"aotinductor.py package ended with status {made.returncode}")
        arguments = ["serve", *chosen, str(int(graph)), loop._name]
        self.process = subprocess.Popen(
            [sys.executable, script, *arguments],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.answer()

    def answer(self) -> str:
        """The next line that is meant for this process."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("peer: "):
                return line.removeprefix("peer: ").strip()
        raise RuntimeError(f"aotinductor.py ended with status {self.process.wait()}")

    def time(self, count: int) -> float:
        assert self.process.stdin is not None
        torch.cuda.synchronize()
        self.process.stdin.write(f"{count}\n")
        self.process.stdin.flush()
        return float(self.answer())


def floor_us(name: str, rates: dict[str, float]) -> float:
    """The larger of bytes (weights, inputs, outputs once) over the copy rate and operations over the matrix rate."""
    module, inputs = built(name)
    operations = 0

    def count(layer: torch.nn.Module, args: Any, output: torch.Tensor) -> None:
        nonlocal operations
        weight = layer.weight
        assert isinstance(weight, torch.Tensor)
        operations += 2 * output.numel() * weight.numel() // weight.shape[0]

    for layer in module.modules():
        if isinstance(layer, (torch.nn.Linear, torch.nn.Conv2d)):
            layer.register_forward_hook(count)
    output = module(*inputs)
    tensors = [*module.parameters(), *inputs, output]
    moved = sum(t.numel() * t.element_size() for t in tensors)
    return 1e6 * float(max(moved / rates["copy_bytes_per_s"], operations / rates["matrix_flops"]))


def machine_rates() -> dict[str, float]:
    """Copies (bytes read plus written) and bfloat16 matrix products of this GPU."""
    a = torch.randn(1 << 28, device="cuda").to(torch.bfloat16)
    copies = python_calls(torch.Tensor.copy_, (torch.empty_like(a), a))
    copy_us = statistics.median(time_calls(copies, 20) for _ in range(5))
    x, y = (torch.randn(8192, 8192, device="cuda").to(torch.bfloat16) for _ in range(2))
    products = python_calls(torch.matmul, (x, y))
    product_us = statistics.median(time_calls(products, 20) for _ in range(5))
    return {"copy_bytes_per_s": 2e6 * (1 << 29) / copy_us, "matrix_flops": 2e6 * 8192**3 / product_us}


def measure(name: str, path: str, chosen: list[str], loop: ctypes.CDLL, packages: Path) -> dict[str, Any]:
    """{contender: microseconds of each round, or why it failed}, contenders taking turns."""
    contenders = Contenders(name, path, loop, packages)
    ready: dict[str, tuple[Timer, int]] = {}
    rows: dict[str, Any] = {}
    for what in chosen:
        started = time.time()
        try:
            timer = contenders.timer(what)
            timer(5)
            once = timer(10)
            ready[what] = (timer, max(5, min(20000, math.ceil(SAMPLE_SECONDS * 1e6 / once))))
            rows[what] = []
        except Exception as error:  # a contender that fails is in the table with its reason
            rows[what] = f"{type(error).__name__}: {str(error)[:200]}"
        print(f"  {what} ready after {time.time() - started:.1f} s", flush=True)
    for _ in range(ROUNDS):
        for what, (timer, count) in ready.items():
            timer(3)
            rows[what].append(timer(count))
    return rows


def cold_starts(folder: Path, path: str) -> dict[str, Any]:
    """Medians of processes, in milliseconds, after one that fills the page cache."""
    program = str(folder / "cold_start")
    results: dict[str, Any] = {}
    for what, arguments in (("bare", []), ("ours", [path, "64x64", "64x64"])):
        runs = []
        for _ in range(6):
            started = time.perf_counter()
            output = subprocess.run([program, *arguments], capture_output=True, text=True, check=True).stdout
            runs.append({"process_ms": 1e3 * (time.perf_counter() - started), **json.loads(output)})
        results[what] = {key: statistics.median(run[key] for run in runs[1:]) for key in runs[0]}
    return results


def table(results: dict[str, Any], chosen: list[str]) -> str:
    """The results as Markdown."""
    lines = ["| model | floor | " + " | ".join(chosen) + " |", "|---" * (len(chosen) + 2) + "|"]
    for name, row in results["models"].items():
        cells = []
        for what in chosen:
            times = row["us"][what]
            cells.append(f"{statistics.median(times):.1f}" if isinstance(times, list) and times else "-")
        lines.append(f"| {name} | {row['floor_us']:.1f} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> int:
    """Measures, writes, prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("built", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("--models", default="")
    parser.add_argument("--contenders", default=",".join(CONTENDERS))
    parser.add_argument("--packages", type=Path, help="where AOTInductor's packages are, and are left")
    arguments = parser.parse_args()
    chosen = arguments.contenders.split(",")
    loop = ctypes.CDLL(str((arguments.built / "run_loop.so").resolve()))
    torch.set_grad_enabled(False)
    results: dict[str, Any] = {
        "machine": {
            "gpu": torch.cuda.get_device_name(0),
            "torch": torch.__version__,
            "date": time.strftime("%Y-%m-%d"),
        },
        "rates": machine_rates(),
        "models": {},
    }
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        available = sorted(folder.name for folder in (arguments.built / "models").iterdir())
        for model in arguments.models.split(",") if arguments.models else available:
            path = scratch / f"lib{model}.so"
            with lzma.open(arguments.built / "models" / model / "lib.so.xz") as packed:
                path.write_bytes(packed.read())
            print(model, flush=True)
            us = measure(model, str(path), chosen, loop, arguments.packages or scratch)
            results["models"][model] = {"us": us, "floor_us": floor_us(model, results["rates"])}
            arguments.results.write_text(json.dumps(results, indent=1) + "\n")
            print(table(results, chosen), flush=True)
        if (scratch / "libmy_model.so").exists():
            results["cold_start"] = cold_starts(arguments.built, str(scratch / "libmy_model.so"))
    arguments.results.write_text(json.dumps(results, indent=1) + "\n")
    for model, row in results["models"].items():
        for what, reason in row["us"].items():
            if isinstance(reason, str):
                print(f"{model}, {what}: {reason}")
    print(json.dumps({key: results[key] for key in ("machine", "rates", "cold_start") if key in results}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
