"""PyTorch's AOTInductor as a contender of bench.py, in a process of its own.

Enters: a model's name, a folder for its package, 0 or 1 for max-autotune, 0 or 1 for a CUDA graph; then, on standard input, numbers of
calls. Leaves on standard output, in lines that begin with "peer: ": that it is ready, then the microseconds of one call for each number.

The package is compiled once for each kind. It is run by PyTorch's package loader; where that is not to be had, by the container runner of
the library inside the package (the loader's own layer below).
"""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from tools.bench.gpu.bench import built, captured, python_calls, time_calls


def package(name: str, max_autotune: bool, scratch: Path) -> Path:
    """The model's package, compiled unless it is there."""
    from torch._inductor import aoti_compile_and_package

    path = scratch / f"{name}_{int(max_autotune)}.pt2"
    if not path.exists():
        module, inputs = built(name)
        with torch.no_grad():
            program = torch.export.export(module, inputs)
            options = {"max_autotune": max_autotune, "max_autotune_gemm_backends": "ATEN,TRITON"}
            aoti_compile_and_package(program, package_path=str(path), inductor_configs=options)
    return path


def runner(path: Path) -> Callable[..., Any]:
    """Calls of the library inside a package, which is unpacked beside it."""
    folder = path.with_suffix("")
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)
    (library,) = folder.rglob("*.so")
    container = torch._C._aoti.AOTIModelContainerRunnerCuda(str(library), 1, "cuda", str(library.parent))
    return lambda *inputs: container.run(list(inputs))


def main() -> None:
    name, scratch = sys.argv[1], Path(sys.argv[2])
    max_autotune, graph = (bool(int(text)) for text in sys.argv[3:5])
    torch.set_grad_enabled(False)
    function = runner(package(name, max_autotune, scratch))
    _, inputs = built(name)
    calls = captured(function, inputs) if graph else python_calls(function, inputs)
    print("peer: ready", flush=True)
    for line in sys.stdin:
        print(f"peer: {time_calls(calls, int(line))}", flush=True)


if __name__ == "__main__":
    main()
