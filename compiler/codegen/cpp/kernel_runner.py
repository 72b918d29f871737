"""Compiles and runs generated kernels from Python, for tests: no wrapper, no runtime, one thread unless a pool is given.

Enters: a schedule, its specs and files, a compiler's command. Leaves: the outputs of the program as numpy arrays.
Invariants: memory is laid out as the schedule says (one arena, in-place reuse), filled with a byte pattern first, so that a kernel
which reads what nobody wrote gives wrong results. Guard bytes around each buffer are checked after the run.

    library = build(files, Toolchain("clang++", roots), "x86-64-v3", directory)
    outputs = KernelRunner(schedule, specs, library).run({"x": array})
"""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from compiler.ir.dtypes import DType
from compiler.ir.kernel import KernelSpec
from compiler.ir.loop import Layout, TensorRef
from compiler.ir.schedule import Schedule

GUARD_BYTES = 256
PATTERN = 0xCB
FLAGS = (
    "-std=c++17", "-O3", "-fPIC", "-shared", "-ffp-contract=fast", "-fno-math-errno", "-fno-exceptions", "-fno-rtti", "-Wall", "-Wextra",
    "-Werror", "-Wno-unused-command-line-argument", "-Wno-pass-failed",
)  # fmt: skip


@dataclass(frozen=True)
class Toolchain:
    """A compiler's command, and the roots that includes are relative to."""

    command: tuple[str, ...]
    roots: tuple[Path, ...]
    engine: tuple[Path, ...] = ()  # sources that templates call into

    def compile(self, sources: Sequence[Path], isa: str, output: Path, extra: Sequence[str] = ()) -> str:
        """Compiles and links; the compiler's messages. Raises RuntimeError with them when it fails."""
        march = isa if self.command[0].endswith("g++") else isa.replace("-", "_")
        includes = [f"-I{r}" for r in self.roots]
        defines = [f"-march={march}", f"-DAOTI_ISA={isa.replace('-', '_')}"]
        command = [*self.command, *FLAGS, *extra, *defines, *includes, *map(str, sources), "-o", str(output)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}\n{done.stderr}")
        return done.stderr


def write_files(files: Mapping[str, str], directory: Path) -> list[Path]:
    """Writes the kernels tree; its C++ sources."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (directory / name).write_text(text)
    return sorted(directory / name for name in files if name.endswith(".cpp"))


def build(files: Mapping[str, str], toolchain: Toolchain, isa: str, directory: Path, with_templates: bool = False) -> Path:
    """The kernels as a shared library."""
    sources = write_files(files, directory) + (list(toolchain.engine) if with_templates else [])
    roots = Toolchain(toolchain.command, (directory, *toolchain.roots))
    library = directory / f"kernels_{isa}.so"
    roots.compile(sources, isa, library)
    return library


class KernelContext(ctypes.Structure):
    """AotiKernelContext of runtime/include/aoti/kernel_context.h."""

    _fields_ = (
        ("threads", ctypes.c_void_p),
        ("scratch", ctypes.c_void_p),
        ("scratch_bytes_per_thread", ctypes.c_int64),
        ("error", ctypes.c_char_p),
        ("error_value", ctypes.c_int64),
    )


class Memory:
    """Bytes at a 64-byte aligned address between two guards."""

    def __init__(self, size_bytes: int) -> None:
        self.size_bytes = size_bytes
        self._bytes = np.full(size_bytes + 2 * GUARD_BYTES + 64, PATTERN, np.uint8)
        start = GUARD_BYTES + -(self._bytes.ctypes.data + GUARD_BYTES) % 64
        self._start = start
        self.address = self._bytes.ctypes.data + start

    def view(self, layout: Layout, offset_bytes: int = 0) -> np.ndarray:
        """The tensor of this layout at an offset."""
        dtype = numpy_type(layout.dtype)
        start = self._start + offset_bytes
        usable = (self.size_bytes - offset_bytes) // dtype.itemsize * dtype.itemsize
        flat = self._bytes[start : start + usable].view(dtype)[layout.offset.value() :]
        strides = [s.value() * dtype.itemsize for s in layout.stride]
        return np.lib.stride_tricks.as_strided(flat, [s.value() for s in layout.size], strides)

    def guards_intact(self) -> bool:
        end = self._start + self.size_bytes
        return bool((self._bytes[: self._start] == PATTERN).all() and (self._bytes[end:] == PATTERN).all())


def numpy_type(dtype: DType) -> np.dtype:
    """bfloat16 is handled as its bits."""
    if dtype.name == "bfloat16":
        return np.dtype(np.uint16)
    return np.dtype({"bool": "bool"}.get(dtype.name, dtype.name))


def kernel_table(library: Path, specs: Sequence[KernelSpec], isa: str) -> dict[str, int]:
    """Function name -> address, from the generated table."""
    functions = list(dict.fromkeys(s.function for s in specs))
    loaded = ctypes.CDLL(str(library))
    table = (ctypes.c_void_p * len(functions)).in_dll(loaded, f"aoti_kernels_{isa.replace('-', '_')}")
    return {name: int(address) for name, address in zip(functions, table, strict=True)}


class KernelRunner:
    """Memory for one schedule, and its launches in order."""

    def __init__(self, schedule: Schedule, specs: Sequence[KernelSpec], library: Path, isa: str) -> None:
        self.schedule, self.specs = schedule, {s.name: s for s in specs}
        self.table = kernel_table(library, specs, isa)
        self.layouts = schedule.program.layouts()
        self.arena = Memory(schedule.arena_bytes)
        self.memories: dict[str, Memory] = {}
        for name, layout in self.layouts.items():
            if schedule.placement[name].kind in ("input", "constant", "output"):
                self.memories[name] = Memory(layout.storage_numel().value() * layout.dtype.size_bytes)
        scratch = max((s.scratch_bytes_per_thread for s in specs), default=0)
        self.scratch = Memory(scratch)
        self.context = KernelContext(None, self.scratch.address, scratch, None, 0)

    def _place(self, buffer: str) -> tuple[Memory, int]:
        place = self.schedule.placement[self.schedule.storage(buffer)]
        if place.kind == "arena":
            return self.arena, place.offset_bytes
        return self.memories[self.schedule.storage(buffer)], 0

    def read(self, ref: TensorRef) -> np.ndarray:
        memory, offset = self._place(ref.buffer)
        return memory.view(ref.layout, offset)

    def run(self, values: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """Sets inputs and constants, launches every kernel, gives the outputs. Raises RuntimeError for a kernel's error."""
        for name, value in values.items():
            self.memories[name].view(self.layouts[name])[...] = value
        for group in self.schedule.groups:
            if group.kind in ("loops", "template"):
                self.launch(self.specs[group.name])
        damaged = [n for n, m in {**self.memories, "the arena": self.arena, "scratch": self.scratch}.items() if not m.guards_intact()]
        if damaged:
            raise RuntimeError(f"memory around {', '.join(damaged)} was overwritten")
        return [self.read(o.value).copy() for o in self.schedule.program.outputs if isinstance(o.value, TensorRef)]

    def launch(self, spec: KernelSpec) -> None:
        pointers = []
        for a in spec.arguments:
            memory, offset = self._place(a.buffer)
            pointers.append(memory.address + offset)
        signature = ctypes.CFUNCTYPE(None, ctypes.c_void_p, *([ctypes.c_void_p] * len(pointers)))
        self.context.error = None
        signature(self.table[spec.function])(ctypes.addressof(self.context), *pointers)
        if self.context.error:
            raise RuntimeError(f"{spec.name}: {self.context.error.decode()}: {self.context.error_value}")


__all__ = ["KernelRunner", "Toolchain", "build", "kernel_table", "write_files"]
