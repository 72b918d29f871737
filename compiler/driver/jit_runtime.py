"""What a plan printed as Python (wrapper/python_writer.py) runs on: memory as torch tensors, kernels through ctypes.

Enters: the library of a JIT's kernels (runtime/jit/jit_host.h), its specs, the arena's size and the constants. Leaves: a `JitRuntime`,
the `rt` of `run(rt, args)`.

Invariants
- A tensor is a buffer's memory under a layout. Kernels are handed the first byte of the memory, as in the C++ wrapper: their indices have
  the layout's offset in them.
- One run at a time uses a runtime: the arena and the kernel context are its own.
- Shim calls go to PyTorch's operators: `aoti_torch_cpu_cumsum` is `torch.ops.aten.cumsum.default`; so do calls by a schema.
"""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

from compiler.driver.jit_ops import Call
from compiler.ir.kernel import KernelSpec
from compiler.support.diagnostics import UserError
from compiler.support.kernel_context import KernelContext

ALIGNMENT_BYTES = 64
_MESSAGE_BYTES = 1024
_SHIM_PREFIX = "aoti_torch_cpu_"


class KernelLibrary:
    """The loaded library: its kernels for this processor, and one context."""

    def __init__(self, path: Path, specs: Sequence[KernelSpec], num_threads: int) -> None:
        """Raises UserError where the library has no kernels for this processor, or threads or memory run out."""
        loaded = ctypes.CDLL(str(path))
        message = ctypes.create_string_buffer(_MESSAGE_BYTES)
        loaded.aoti_jit_kernels.restype = ctypes.c_void_p
        loaded.aoti_jit_context_create.restype = ctypes.c_void_p
        loaded.aoti_jit_context_create.argtypes = (
            ctypes.c_int32,
            ctypes.c_int64,
            ctypes.c_char_p,
            ctypes.c_size_t,
        )
        loaded.aoti_jit_context_destroy.argtypes = (ctypes.c_void_p,)
        table = loaded.aoti_jit_kernels(message, ctypes.c_size_t(_MESSAGE_BYTES))
        if table is None:
            raise UserError(message.value.decode())
        scratch = max((s.scratch_bytes_per_thread for s in specs), default=0)
        address = loaded.aoti_jit_context_create(num_threads, scratch, message, _MESSAGE_BYTES)
        if address is None:
            raise UserError(message.value.decode())
        weakref.finalize(self, loaded.aoti_jit_context_destroy, address)
        self.context = KernelContext.from_address(address)
        functions = list({s.function: s for s in specs}.values())
        addresses = (ctypes.c_void_p * len(functions)).from_address(table)
        self.kernels = SimpleNamespace(
            **{s.function: self._kernel(s, a, address) for s, a in zip(functions, addresses, strict=True)}
        )

    @staticmethod
    def _kernel(spec: KernelSpec, address: int, context: int) -> Callable[..., None]:
        pointers = [ctypes.c_void_p] * len(spec.arguments)
        sizes = [ctypes.c_int64] * len(spec.sizes)
        function = ctypes.CFUNCTYPE(None, ctypes.c_void_p, *pointers, *sizes)(address)

        def launch(*args: torch.Tensor | int) -> None:
            function(context, *[first_byte(a) if isinstance(a, torch.Tensor) else a for a in args])

        return launch


class JitRuntime:
    """`rt` of a printed plan."""

    def __init__(
        self,
        library: KernelLibrary,
        arena_bytes: int,
        constants: Sequence[torch.Tensor],
        ops: Mapping[str, Call],
    ) -> None:
        """`ops`: who calls the operators of the plan, by schema."""
        self.library = library
        self.kernels = library.kernels
        self.shim = _Shim()
        self.constants = constants
        self.seed = torch.initial_seed() - (1 << 64 if torch.initial_seed() >= 1 << 63 else 0)
        self._runs = 0
        self._arena = _aligned(arena_bytes)
        self._slots: dict[int, torch.Tensor] = {}
        self._ops = ops

    def arena(self, offset: int, size: Sequence[int], stride: Sequence[int], dtype: str) -> torch.Tensor:
        """A buffer at `offset` bytes of the arena."""
        return _over(self._arena, int(self._arena.storage_offset()) + offset, size, stride, 0, dtype)

    def slot(self, number: int, size: Sequence[int], stride: Sequence[int], dtype: str) -> torch.Tensor:
        """A buffer of sizes known at run time only. A slot holds one at a time; it grows, and what outgrew its memory gets new memory."""
        elements = (
            1 + sum((n - 1) * s for n, s in zip(size, stride, strict=True)) if min(size, default=1) else 0
        )
        needed = elements * getattr(torch, dtype).itemsize
        if number not in self._slots or self._slots[number].numel() < needed:
            self._slots[number] = _aligned(needed)
        memory = self._slots[number]
        return _over(memory, int(memory.storage_offset()), size, stride, 0, dtype)

    def empty_strided(self, size: Sequence[int], stride: Sequence[int], dtype: str) -> torch.Tensor:
        """Memory of its own, for an output."""
        return torch.empty_strided(size, stride, dtype=getattr(torch, dtype))

    def view(
        self, base: torch.Tensor, size: Sequence[int], stride: Sequence[int], offset: int, dtype: str
    ) -> torch.Tensor:
        """The memory of `base` under another layout; `offset` counts elements from the start of that memory."""
        start = first_byte(base) - base.untyped_storage().data_ptr()
        return _over(base, start, size, stride, offset, dtype)

    def next_run(self) -> tuple[int, int]:
        """Seed and number of this run, for random numbers; PyTorch's generator chose the seed when the graph was compiled."""
        self._runs += 1
        return self.seed, self._runs - 1

    def check(self, kernel: str) -> None:
        """Raises IndexError where `kernel` reported bad data."""
        context = self.library.context
        if context.error:
            message, value = context.error.decode(), context.error_value
            context.error = None
            raise IndexError(f"{kernel}: {message}: {value}")

    def read_size(self, source: torch.Tensor, lo: int | None, hi: int | None, where: str) -> int:
        """A number that steers sizes. Raises ValueError where it is outside its range."""
        value = int(source.item())
        if (lo is not None and value < lo) or (hi is not None and value > hi):
            least, most = ("any" if limit is None else limit for limit in (lo, hi))
            raise ValueError(f"{where} gives {value}; expected {least} to {most}")
        return value

    def check_sizes(self, holds: bool, condition: str, origin: str, **sizes: int) -> None:
        """Raises ValueError where a relation between sizes does not hold."""
        if not holds:
            here = ", ".join(f"{name} = {value}" for name, value in sizes.items())
            raise ValueError(f"expected {condition}; here {here}; {origin}")

    def op(self, schema: str, args: Sequence[Any], outputs: Sequence[torch.Tensor]) -> None:
        """Calls the operator with this schema (`jit_ops`)."""
        self._ops[schema](args, outputs)

    def copy_(self, target: torch.Tensor, source: torch.Tensor) -> None:
        """The elements of `source`, of the same type and size."""
        target.copy_(source)

    def item(self, predicate: torch.Tensor) -> bool:
        """The value of a scalar that steers control flow."""
        return bool(predicate.item())


class _Shim:
    """`rt.shim.aoti_torch_cpu_<op>(...)` as PyTorch's operator."""

    def __getattr__(self, function: str) -> Callable[..., Any]:
        operator = _operator(function)
        setattr(self, function, operator)
        return operator


def _operator(function: str) -> Callable[..., Any]:
    """aoti_torch_cpu_sort_stable -> aten.sort.stable: the overload is what follows the longest name that is an operator's."""
    words = function.removeprefix(_SHIM_PREFIX).split("_")
    for length in range(len(words), 0, -1):
        packet = getattr(torch.ops.aten, "_".join(words[:length]), None)
        overload = "_".join(words[length:]) or "default"
        if packet is not None and overload in packet.overloads():
            found: Callable[..., Any] = getattr(packet, overload)
            return found
    raise UserError(
        f"{function} is no function of PyTorch's C shim that names an operator of the installed torch"
    )


def first_byte(tensor: torch.Tensor) -> int:
    """The address where a buffer's memory starts; a view made by `JitRuntime.view` may start later."""
    start: int = getattr(tensor, "aoti_first_byte", None) or tensor.data_ptr()
    return start


def _aligned(size_bytes: int) -> torch.Tensor:
    memory = torch.empty(size_bytes + ALIGNMENT_BYTES, dtype=torch.uint8)
    return memory[-memory.data_ptr() % ALIGNMENT_BYTES :]


def _over(
    memory: torch.Tensor,
    start_bytes: int,
    size: Sequence[int],
    stride: Sequence[int],
    offset: int,
    dtype: str,
) -> torch.Tensor:
    made = torch.empty(0, dtype=getattr(torch, dtype))
    storage = memory.untyped_storage()
    made.set_(storage, start_bytes // made.itemsize + offset, tuple(size), tuple(stride))
    if offset:
        made.aoti_first_byte = storage.data_ptr() + start_bytes  # type: ignore[attr-defined]
    return made
