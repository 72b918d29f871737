"""The few functions of the CUDA driver that a measurement needs, called as the delivered runtime calls them (libcuda, no toolkit).

Enters: cubins, addresses on the device, a stream. Leaves: launched kernels, tensor maps. Names, values and structures are those of cuda.h
(12.x). Every status is checked; an error says which call failed and what the driver calls it.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from kernels.triton.compile_kernel import Cubin

_MAX_DYNAMIC_SHARED = 8  # CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
_PROGRAMMATIC = 6  # CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION
_L2_PROMOTION_256B = 3
# Triton numbers element types of tensor maps as the device's instructions do; cuda.h has float64 and bfloat16 earlier
_ELEMENT_TYPE = {8: 10, 9: 8, 10: 9}


class _Attribute(ctypes.Structure):
    _fields_ = [("id", ctypes.c_int), ("pad", ctypes.c_int), ("value", ctypes.c_int * 16)]


class _LaunchConfig(ctypes.Structure):
    _fields_ = [
        ("grid", ctypes.c_uint * 3),
        ("block", ctypes.c_uint * 3),
        ("shared_bytes", ctypes.c_uint),
        ("stream", ctypes.c_void_p),
        ("attributes", ctypes.POINTER(_Attribute)),
        ("num_attributes", ctypes.c_uint),
    ]


class DriverError(Exception):
    pass


class Driver:
    """Needs a current context (torch makes one)."""

    def __init__(self) -> None:
        self.cuda = ctypes.CDLL("libcuda.so.1")

    def check(self, status: int, what: str) -> None:
        if status:
            name = ctypes.c_char_p()
            self.cuda.cuGetErrorName(status, ctypes.byref(name))
            raise DriverError(f"{what}: {(name.value or b'?').decode()} ({status})")

    def load(self, cubin: Cubin) -> Kernel:
        module, function = ctypes.c_void_p(), ctypes.c_void_p()
        self.check(self.cuda.cuModuleLoadData(ctypes.byref(module), cubin.image), "cuModuleLoadData")
        self.check(
            self.cuda.cuModuleGetFunction(ctypes.byref(function), module, cubin.name.encode()), cubin.name
        )
        status = self.cuda.cuFuncSetAttribute(function, _MAX_DYNAMIC_SHARED, cubin.shared_bytes)
        self.check(status, f"{cubin.name}: {cubin.shared_bytes} bytes of shared memory")
        return Kernel(self, module, function, cubin)

    def tensor_map(
        self, address: int, meta: Any, sizes: Sequence[int], strides: Sequence[int]
    ) -> ctypes.Array[Any]:
        """For memory at `address`; sizes and strides in elements, outermost first. Rows that lie outside are read as zeros."""
        rank = len(sizes)
        room = ctypes.create_string_buffer(128 + 64)
        aligned = (ctypes.addressof(room) + 63) // 64 * 64
        element = meta["elem_size"]
        status = self.cuda.cuTensorMapEncodeTiled(
            ctypes.c_void_p(aligned),
            _ELEMENT_TYPE.get(meta["elem_type"], meta["elem_type"]),
            rank,
            ctypes.c_void_p(address),
            (ctypes.c_uint64 * rank)(*reversed(sizes)),
            (ctypes.c_uint64 * (rank - 1))(*(element * s for s in reversed(strides[:-1]))),
            (ctypes.c_uint32 * rank)(*reversed(meta["block_size"])),
            (ctypes.c_uint32 * rank)(*[1] * rank),
            0,
            meta["swizzle"],
            _L2_PROMOTION_256B,
            0,
        )
        self.check(status, f"cuTensorMapEncodeTiled of {list(sizes)} strides {list(strides)} {meta}")
        return (ctypes.c_char * 128).from_buffer_copy((ctypes.c_char * 128).from_address(aligned))


@dataclass
class Kernel:
    """A loaded function; unloaded by `close`."""

    driver: Driver
    module: ctypes.c_void_p
    function: ctypes.c_void_p
    cubin: Cubin
    config: _LaunchConfig = field(default_factory=_LaunchConfig)

    def launch(
        self, grid: tuple[int, int, int], values: Sequence[Any], stream: int, dependent: bool = False
    ) -> None:
        """values: ctypes objects in the order of the cubin's parameters, without Triton's two scratch pointers."""
        if self.cubin.global_scratch_bytes:
            raise DriverError(f"{self.cubin.name} wants global scratch, which no template needs")
        every = [*values, ctypes.c_uint64(0), ctypes.c_uint64(0)]
        addresses = (ctypes.c_void_p * len(every))(*(ctypes.addressof(v) for v in every))
        attribute = _Attribute(_PROGRAMMATIC, 0, (ctypes.c_int * 16)(1))
        config = _LaunchConfig(
            (ctypes.c_uint * 3)(*grid),
            (ctypes.c_uint * 3)(32 * self.cubin.num_warps, 1, 1),
            self.cubin.shared_bytes,
            stream,
            ctypes.pointer(attribute),
            1 if dependent else 0,
        )
        status = self.driver.cuda.cuLaunchKernelEx(ctypes.byref(config), self.function, addresses, None)
        self.driver.check(status, f"launch of {self.cubin.name}")

    def close(self) -> None:
        self.driver.check(self.driver.cuda.cuModuleUnload(self.module), "cuModuleUnload")
