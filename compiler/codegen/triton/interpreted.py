"""Runs generated Triton kernels on the CPU with Triton's interpreter, for tests: numpy instead of a GPU.

Enters: a schedule, its specs, the generated source. Leaves: the outputs of the program as numpy arrays. `TRITON_INTERPRET=1` must be in
the environment before Triton is imported.
Invariants: memory is laid out as the schedule says (one arena, in-place reuse) and filled with a byte pattern first; guard bytes around
each buffer are checked after the run.

libdevice's functions and the trap of an index check exist on GPUs only: their meaning is given here, in float64 rounded once.
"""

from __future__ import annotations

import importlib.util
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
import triton.language as tl
from triton.language.extra import libdevice
from triton.runtime.interpreter import InterpreterBuilder, TensorHandle
from triton.tools.tensor_descriptor import TensorDescriptor

from compiler.ir import random_symbols
from compiler.ir.kernel import KernelSpec, TensorMap
from compiler.ir.loop import Layout, TensorRef
from compiler.ir.schedule import Schedule
from kernels.triton import scalar_math

GUARD_BYTES = 256
PATTERN = 0xCB
# The seed and the run of random numbers, as in the Loop IR's interpreter; other sizes are fixed in tests.
RANDOM = dict.fromkeys(random_symbols.SYMBOLS, 0)
Array = np.ndarray[Any, Any]

_FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{name: getattr(np, name) for name in ("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "sinh",
                                            "cosh", "tanh", "fmod", "copysign", "hypot", "trunc")},
    **{name: getattr(np, "arc" + name[1:]) for name in ("asin", "acos", "atan", "asinh", "acosh", "atanh", "atan2")},
    "erf": np.vectorize(math.erf, otypes=[np.float64]),
    "erfc": np.vectorize(math.erfc, otypes=[np.float64]),
    "lgamma": np.vectorize(math.lgamma, otypes=[np.float64]),
    "pow": np.power,
    "rsqrt": lambda a: 1.0 / np.sqrt(a),
    "nearbyint": np.rint,
    "fast_dividef": np.divide,
}  # fmt: skip


def _on_blocks(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any) -> Any:
        blocks = [a if isinstance(a, tl.tensor) else None for a in args]
        model = next(b for b in blocks if b is not None)
        arrays = [
            np.asarray(b.handle.data if b is not None else a, np.float64)
            for a, b in zip(args, blocks, strict=True)
        ]
        with np.errstate(all="ignore"):
            data = np.asarray(function(*arrays)).astype(model.handle.data.dtype)
        scalar = model.type.scalar
        return tl.tensor(
            TensorHandle(data, scalar), tl.block_type(scalar, list(data.shape)) if data.shape else scalar
        )

    return call


def _stop_if(condition: Any) -> None:
    if np.any(condition.handle.data):
        raise IndexError("an index is out of range")


_create_splat = InterpreterBuilder.create_splat


def _splat(self: InterpreterBuilder, ret_ty: Any, arg: TensorHandle) -> TensorHandle:
    """The interpreter says of a comparison of scalars that it has the operands' type, and would spread it as that."""
    if arg.data.dtype == np.bool_:
        return TensorHandle(np.full(ret_ty.shape, arg.data, np.bool_), tl.int1)
    result: TensorHandle = _create_splat(self, ret_ty, arg)
    return result


def load(files: Mapping[str, str], main: str, folder: Path) -> ModuleType:
    """The module `main` of the generated sources (`emit.write`), with GPU-only functions replaced."""
    InterpreterBuilder.create_splat = _splat
    for name, function in _FUNCTIONS.items():
        setattr(libdevice, name, _on_blocks(function))
    scalar_math.stop_if = _stop_if
    for name, text in files.items():
        (folder / name).write_text(text)
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    path = folder / main
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


class Memory:
    """Bytes of a buffer between two guards, as a tensor that Triton takes for device memory."""

    def __init__(self, size_bytes: int) -> None:
        self.size_bytes = size_bytes
        self._all = torch.full((size_bytes + 2 * GUARD_BYTES,), PATTERN, dtype=torch.uint8)

    def pointer(self, offset_bytes: int, dtype: torch.dtype) -> torch.Tensor:
        size = dtype.itemsize
        usable = max(0, self.size_bytes - offset_bytes) // size * size
        return self._all[GUARD_BYTES + offset_bytes :][:usable].view(dtype)

    def view(self, layout: Layout, offset_bytes: int = 0) -> torch.Tensor:
        flat = self.pointer(offset_bytes, getattr(torch, layout.dtype.name))
        sizes, strides = [s.value() for s in layout.size], [s.value() for s in layout.stride]
        return torch.as_strided(flat, sizes, strides, flat.storage_offset() + layout.offset.value())

    def guards_intact(self) -> bool:
        return bool(
            (self._all[:GUARD_BYTES] == PATTERN).all()
            and (self._all[GUARD_BYTES + self.size_bytes :] == PATTERN).all()
        )


class InterpretedRunner:
    """Memory for one schedule, and its launches in order."""

    def __init__(self, schedule: Schedule, specs: Sequence[KernelSpec], module: ModuleType) -> None:
        self.schedule, self.specs, self.module = schedule, specs, module
        self.layouts = schedule.program.layouts()
        self.arena = Memory(schedule.arena_bytes)
        self.memories = {
            name: Memory(layout.storage_numel().value() * layout.dtype.size_bytes)
            for name, layout in self.layouts.items()
            if schedule.placement[name].kind in ("input", "constant", "output")
        }

    def _place(self, buffer: str) -> tuple[Memory, int]:
        root = self.schedule.storage(buffer)
        place = self.schedule.placement[root]
        return (self.arena, place.offset_bytes) if place.kind == "arena" else (self.memories[root], 0)

    def run(self, values: Mapping[str, Array]) -> list[Array]:
        """Sets inputs and constants, launches every kernel, gives the outputs (bfloat16 as float32)."""
        for name, value in values.items():
            self.memories[name].view(self.layouts[name]).copy_(torch.from_numpy(np.array(value)))
        other = False  # the one before is for other architectures
        for spec in self.specs:
            if not other:
                self.launch(spec)
            other = bool(spec.archs) and not other
        damaged = [
            name for name, m in {**self.memories, "the arena": self.arena}.items() if not m.guards_intact()
        ]
        if damaged:
            raise RuntimeError(f"memory around {', '.join(damaged)} was overwritten")
        return [self._read(o.value) for o in self.schedule.program.outputs if isinstance(o.value, TensorRef)]

    def _read(self, ref: TensorRef) -> Array:
        memory, offset = self._place(ref.buffer)
        value = memory.view(ref.layout, offset).clone()
        array: Array = (value.float() if value.dtype == torch.bfloat16 else value).numpy()
        return array

    def launch(self, spec: KernelSpec) -> None:
        assert spec.grid is not None
        grid = tuple(e.value() for e in spec.grid)
        pointers = {}
        for a in spec.arguments:
            memory, offset = self._place(a.buffer)
            pointers[a.name] = memory.pointer(offset, getattr(torch, a.dtype.name))
        if not all(grid):
            return
        launch = spec.template_launch
        values: list[Any] = [*pointers.values(), *(RANDOM[s] for s in spec.sizes)]
        if launch:
            values += [_descriptor(m, pointers[m.pointer.name]) for m in launch.maps]
        if launch and launch.semaphores:
            semaphores = torch.zeros(launch.semaphores, dtype=torch.int32)
            values += [torch.full((launch.workspace_floats,), float("nan")), semaphores]
        getattr(self.module, spec.function)[grid](*values)
        if launch and launch.semaphores and semaphores.any():
            raise RuntimeError(f"{spec.name} leaves semaphores that are not zero")


def _descriptor(m: TensorMap, memory: torch.Tensor) -> TensorDescriptor:
    sizes, strides = ([e.value() for e in part] for part in (m.sizes, m.strides))
    return TensorDescriptor(memory[m.pointer.offset.value() :], sizes, strides, list(m.block))
