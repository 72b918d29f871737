"""Runs generated kernels from Python, for tests: no wrapper, no runtime; the parts of a parallel loop run one after the other, the last
one first, so that a part which relies on an earlier one gives wrong results.

Enters: a schedule, its specs, a shared library of their kernels. Leaves: the outputs of the program as numpy arrays.
Invariants: memory is laid out as the schedule says (one arena, in-place reuse), filled with a byte pattern first, so that a kernel
which reads what nobody wrote gives wrong results. Guard bytes around each buffer are checked after the run.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from compiler.ir.dtypes import DType
from compiler.ir.kernel import KernelSpec
from compiler.ir.loop import Layout, TensorRef
from compiler.ir.schedule import Schedule
from compiler.support.kernel_context import KernelContext

GUARD_BYTES = 256
PATTERN = 0xCB
Array = np.ndarray[Any, Any]


Task = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_int32)
Run = ctypes.CFUNCTYPE(
    None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p
)


class Threads(ctypes.Structure):
    """AotiThreads of runtime/include/aoti/parallel.h."""

    _fields_ = (("num_threads", ctypes.c_int32), ("run", Run))


def threads(count: int) -> Threads:
    """A provider that cuts every loop into up to `count` parts, whatever the grain, and runs them itself."""

    def run(_: int, num_tasks: int, grain: int, task: int, argument: int) -> None:
        parts = min(count, num_tasks)
        bounds = [num_tasks * k // parts for k in range(parts + 1)]
        for k in reversed(range(parts)):
            Task(task)(argument, bounds[k], bounds[k + 1], k)

    return Threads(count, Run(run))


class Memory:
    """Bytes at a 64-byte aligned address between two guards."""

    def __init__(self, size_bytes: int) -> None:
        self.size_bytes = size_bytes
        self._bytes = np.full(size_bytes + 2 * GUARD_BYTES + 64, PATTERN, np.uint8)
        self._start = GUARD_BYTES + -(self._bytes.ctypes.data + GUARD_BYTES) % 64
        self.address = self._bytes.ctypes.data + self._start

    def view(self, layout: Layout, offset_bytes: int = 0) -> Array:
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


def numpy_type(dtype: DType) -> np.dtype[Any]:
    """bfloat16 is handled as its bits."""
    return np.dtype("uint16" if dtype.name == "bfloat16" else dtype.name)


def kernel_table(library: Path, specs: Sequence[KernelSpec]) -> dict[str, int]:
    """Function name -> address. `specs`: all that the library was built from, in order."""
    functions = list(dict.fromkeys(s.function for s in specs))
    loaded = ctypes.CDLL(str(library))
    loaded.family_kernels.restype = ctypes.c_void_p
    table = (ctypes.c_void_p * len(functions)).from_address(loaded.family_kernels())
    return {name: int(address) for name, address in zip(functions, table, strict=True)}


class KernelRunner:
    """Memory for one schedule, and its launches in order."""

    def __init__(
        self, schedule: Schedule, specs: Sequence[KernelSpec], table: Mapping[str, int], num_threads: int = 1
    ) -> None:
        self.schedule, self.specs, self.table = schedule, {s.name: s for s in specs}, table
        self.layouts = schedule.program.layouts()
        self.arena = Memory(schedule.arena_bytes)
        self.memories: dict[str, Memory] = {}
        for name, layout in self.layouts.items():
            if schedule.placement[name].kind in ("input", "constant", "output"):
                self.memories[name] = Memory(layout.storage_numel().value() * layout.dtype.size_bytes)
        scratch = -(-max((s.scratch_bytes_per_thread for s in specs), default=0) // 64) * 64
        self.scratch = Memory(scratch * num_threads)
        self.threads = threads(num_threads) if num_threads > 1 else None
        provider = ctypes.addressof(self.threads) if self.threads is not None else None
        self.context = KernelContext(provider, self.scratch.address, scratch, None, 0)

    def _place(self, buffer: str) -> tuple[Memory, int]:
        root = self.schedule.storage(buffer)
        place = self.schedule.placement[root]
        return (self.arena, place.offset_bytes) if place.kind == "arena" else (self.memories[root], 0)

    def read(self, ref: TensorRef) -> Array:
        memory, offset = self._place(ref.buffer)
        return memory.view(ref.layout, offset)

    def run(self, values: Mapping[str, Array]) -> list[Array]:
        """Sets inputs and constants, launches every kernel, gives the outputs. Raises RuntimeError for a kernel's error."""
        for name, value in values.items():
            self.memories[name].view(self.layouts[name])[...] = value
        for group in self.schedule.groups:
            if group.kind in ("loops", "template"):
                self.launch(self.specs[group.name])
        checked = {**self.memories, "the arena": self.arena, "scratch": self.scratch}
        damaged = [name for name, memory in checked.items() if not memory.guards_intact()]
        if damaged:
            raise RuntimeError(f"memory around {', '.join(damaged)} was overwritten")
        return [
            self.read(o.value).copy() for o in self.schedule.program.outputs if isinstance(o.value, TensorRef)
        ]

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
