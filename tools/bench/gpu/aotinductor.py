"""PyTorch's AOTInductor as a contender of bench.py, in processes of its own.

    aotinductor.py package NAME SCRATCH MAX                  compiles SCRATCH/NAME_MAX.pt2 unless it is there
    aotinductor.py serve NAME SCRATCH MAX GRAPH RUN_LOOP     runs it; needs the package

MAX: 1 with max-autotune, else 0. GRAPH: 1 under a CUDA graph. RUN_LOOP: run_loop.so, which calls a library from C++, as ours is called.
`serve` reads numbers of calls from standard input. Leaves on standard output, in lines that begin with "peer: ": that it is ready, then the
microseconds of one call for each number. Before that it holds the outputs against eager's, and fails where they are not the same model's.

The library inside the package is called through the C interface that it exports, on handles that libtorch makes, as a C++ program without
PyTorch's loader does. Facts: names and signatures of torch/csrc/inductor/aoti_runtime/interface.h and aoti_torch/c/shim.h; of the two
functions that run a model the single-threaded one can be captured.
"""

from __future__ import annotations

import ctypes
import os
import sys
import zipfile
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from tests.gpu.library import FIELDS, TENSOR_FUNCTIONS, Library, LibraryError
from tools.bench.gpu.bench import Calls, built, captured, library_calls, time_calls

# Of the largest value: twice what bfloat16 loses in these models.
MAX_RELATIVE_ERROR = 0.05


def package_path(name: str, max_autotune: bool, scratch: Path) -> Path:
    """Where `package` leaves it."""
    return scratch / f"{name}_{int(max_autotune)}.pt2"


def package(name: str, max_autotune: bool, scratch: Path) -> None:
    """Compiles the model's package unless it is there; whole or not at all."""
    from torch._inductor import aoti_compile_and_package

    path = package_path(name, max_autotune, scratch)
    if path.exists():
        return
    module, inputs = built(name)
    with torch.no_grad():
        program = torch.export.export(module, inputs)
        options = {"max_autotune": max_autotune, "max_autotune_gemm_backends": "ATEN,TRITON"}
        made = aoti_compile_and_package(
            program, package_path=str(path.with_suffix(".new.pt2")), inductor_configs=options
        )
    os.replace(made, path)


class PeerLibrary(Library):
    """A library of AOTInductor behind the table of functions that `Library` and run_loop.cc call."""

    def __init__(self, path: Path) -> None:
        # The library holds a copy of parts of the C++ runtime; without DEEPBIND its calls mix with those of PyTorch's copy.
        self._library = ctypes.CDLL(str(path), mode=os.RTLD_NOW | os.RTLD_DEEPBIND)
        shim = ctypes.CDLL(str(Path(torch.__file__).parent / "lib" / "libtorch_cpu.so"))
        found: dict[str, Any] = {"run": self._library.AOTInductorModelContainerRunSingleThreaded}
        found.update((n, getattr(shim, f"aoti_torch_{n}", None)) for n in TENSOR_FUNCTIONS)
        self._functions = {name: function for name, function in found.items() if function is not None}
        pointers = [ctypes.cast(found[n], ctypes.c_void_p).value if found.get(n) else None for n in FIELDS]
        self._table = (ctypes.c_void_p * (len(FIELDS) + 1))(None, *pointers)
        self.api = ctypes.addressof(self._table)
        self.container = ctypes.c_void_p()
        self._made(
            "CreateWithDevice",
            ctypes.byref(self.container),
            ctypes.c_size_t(1),
            b"cuda",
            str(path.parent).encode(),
        )
        count = ctypes.c_size_t()
        self._made("GetNumOutputs", self.container, ctypes.byref(count))
        self.num_outputs = count.value

    def check(self, name: str, *args: Any) -> None:
        """Raises LibraryError when a function of the table fails."""
        if self.call(name, *args) != 0:
            raise LibraryError(f"{name} of AOTInductor's library failed; it says why on standard error")

    def _made(self, name: str, *args: Any) -> None:
        if getattr(self._library, f"AOTInductorModelContainer{name}")(*args) != 0:
            raise LibraryError(f"AOTInductorModelContainer{name} failed; it says why on standard error")


def unpacked(path: Path) -> Path:
    """The library inside a package, which is unpacked beside it."""
    folder = path.with_suffix("")
    if not folder.exists():
        with zipfile.ZipFile(path) as archive:
            archive.extractall(folder)
    (library,) = folder.rglob("*.so")
    return library


def hold_against_eager(library: Library, module: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
    """Raises ValueError where the outputs are not eager's."""
    expected = module(*inputs)
    for made, wanted in zip(
        library.run(*inputs), [expected] if torch.is_tensor(expected) else expected, strict=True
    ):
        error = float((made.float() - wanted.float()).abs().max() / wanted.float().abs().max())
        if made.shape != wanted.shape or not error <= MAX_RELATIVE_ERROR:
            raise ValueError(
                f"output {tuple(made.shape)} is {error:.3g} away from eager's {tuple(wanted.shape)}"
            )


def calls_of(library: PeerLibrary, inputs: tuple[torch.Tensor, ...], graph: bool, loop: str) -> Calls:
    """Calls from C++, or replays of one that was captured."""
    if not graph:
        return library_calls(ctypes.CDLL(loop), library, inputs)

    def start(*given: torch.Tensor) -> Any:
        return library.start(given, torch.cuda.current_stream().cuda_stream)

    return captured(start, inputs)


def serve(name: str, scratch: Path, max_autotune: bool, graph: bool, loop: str) -> None:
    module, inputs = built(name)
    library = PeerLibrary(unpacked(package_path(name, max_autotune, scratch)))
    hold_against_eager(library, module, inputs)
    calls = calls_of(library, inputs, graph, loop)
    print("peer: ready", flush=True)
    for line in sys.stdin:
        print(f"peer: {time_calls(calls, int(line))}", flush=True)


def main() -> None:
    what, name, scratch, max_autotune = sys.argv[1], sys.argv[2], Path(sys.argv[3]), sys.argv[4] == "1"
    torch.set_grad_enabled(False)
    if what == "package":
        package(name, max_autotune, scratch)
    else:
        serve(name, scratch, max_autotune, sys.argv[5] == "1", sys.argv[6])


if __name__ == "__main__":
    main()
