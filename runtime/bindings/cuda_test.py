"""CUDA tensors in and out of Python, on the stand-in driver: devices, streams, graphs, no copies."""

from __future__ import annotations

import ctypes
import struct
from typing import Any

import aoti_runtime
import pytest

LIBRARY = "runtime/cuda/testing/libtoy_cuda.so"
COLUMNS = 8
CUDA = 2


class DlTensor(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p),
        ("device_type", ctypes.c_int32),
        ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
        ("context", ctypes.c_void_p),
        ("deleter", ctypes.c_void_p),
    ]


class GpuArray:
    """[rows, 8] float32 that says it is on a GPU; the stand-in's device memory is the host's."""

    def __init__(self, values: list[float], device: int = 0) -> None:
        self.buffer = ctypes.create_string_buffer(4 * len(values) + 64)
        self.address = -(-ctypes.addressof(self.buffer) // 64) * 64
        ctypes.memmove(self.address, struct.pack(f"{len(values)}f", *values), 4 * len(values))
        self.shape = (ctypes.c_int64 * 2)(len(values) // COLUMNS, COLUMNS)
        self.device = device
        self.streams: list[Any] = []

    def __dlpack_device__(self) -> tuple[int, int]:
        return CUDA, self.device

    def __dlpack__(self, *, stream: Any = None) -> Any:
        self.streams.append(stream)
        self.tensor = DlTensor(self.address, CUDA, self.device, 2, 2, 32, 1, self.shape, None, 0, None, None)
        new = ctypes.pythonapi.PyCapsule_New
        new.restype, new.argtypes = ctypes.py_object, (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
        return new(ctypes.addressof(self.tensor), b"dltensor", None)


def values_of(tensor: aoti_runtime.Tensor) -> list[float]:
    """Reads a tensor of the stand-in's device memory through its capsule."""
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
    capsule = tensor.__dlpack__(stream=-1)
    described = DlTensor.from_address(pointer(capsule, b"dltensor"))
    assert (described.device_type, described.ndim) == (CUDA, 2)
    count = described.shape[0] * described.shape[1]
    return list((ctypes.c_float * count).from_address(described.data))


def expected(values: list[float]) -> list[float]:
    return [v * (i % COLUMNS + 1) for i, v in enumerate(values)]


def test_outputs_are_on_the_gpu_and_can_be_inputs() -> None:
    model = aoti_runtime.load(LIBRARY)
    values = [float(i % 5) for i in range(4 * COLUMNS)]
    array = GpuArray(values)
    sums, products = model.run(array)
    assert array.streams == [1], "the default stream has the number 1 in DLPack"
    assert products.__dlpack_device__() == (CUDA, 0)
    assert values_of(products) == expected(values)
    assert values_of(sums) == [v + 8 for v in expected(values)]
    (_, again) = model.run(products)
    assert values_of(again) == expected(expected(values))
    with pytest.raises(BufferError) as refused:
        memoryview(products)
    assert "on a GPU" in str(refused.value.__cause__)


def test_streams_are_put_in_order() -> None:
    fake = ctypes.CDLL("runtime/cuda/testing/libfake_cuda.so")
    fake.fake_stream.restype = ctypes.c_void_p
    stream, other = fake.fake_stream(0), fake.fake_stream(0)
    model = aoti_runtime.load(LIBRARY, device="cuda:0")
    array = GpuArray([1.0] * COLUMNS)
    (_, products) = model.run(array, stream=stream)
    assert array.streams == [stream]
    before = fake.fake_waits()
    products.__dlpack__(stream=stream)
    products.__dlpack__(stream=-1)
    assert fake.fake_waits() == before, "the consumer's stream is the one that made the values"
    products.__dlpack__(stream=other)
    products.__dlpack__()
    assert fake.fake_waits() == before + 2
    model.synchronize(stream)


def test_graphs_and_devices() -> None:
    model = aoti_runtime.load(LIBRARY, device="cuda:1")
    array = GpuArray([1.0] * COLUMNS, device=1)
    for state in ("the first run of these sizes", "graph being recorded", "graph"):
        model.run(array)
        assert model.cuda_graph_state == state
    with pytest.raises(aoti_runtime.Error, match=r"on cuda:0; this container runs on cuda:1"):
        model.run(GpuArray([1.0] * COLUMNS))
    with pytest.raises(aoti_runtime.Error, match="CUDA device 7 does not exist"):
        aoti_runtime.load(LIBRARY, device="cuda:7")
    with pytest.raises(aoti_runtime.Error, match='compiled for "cuda"'):
        aoti_runtime.load(LIBRARY, device="cpu")
