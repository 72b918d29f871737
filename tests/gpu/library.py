"""A model library run on PyTorch's CUDA tensors through its table of functions, with ctypes: no build on the GPU machine.

Enters: the path of a library. Leaves: a `Library` whose `run` takes and gives torch tensors without copies; the library finds the
driver itself and shares context, streams and memory with the torch of the process.

    model = Library("lib.so", device="cuda:0")
    y, = model.run(x)                            # on the current stream of torch
    model.graph_state()                          # "graph"

Invariants: a tensor that `run` gave keeps its memory alive; FIELDS is the order of aoti/model_api.h (library_test.py compares).
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy
import torch

FIELDS = (
    "desc", "last_error", "last_tensor_error", "isa_name", "create_with_device", "delete_container", "run",
    "run_single_threaded", "set_num_threads", "get_num_threads", "get_num_inputs", "get_input_name", "get_num_outputs",
    "get_output_name", "get_call_spec", "get_num_constants", "get_constant_name", "get_constant_original_fqn",
    "get_constant_dtype", "get_constant_data_size", "extract_constants", "update_constants",
    "update_user_managed_constants", "swap_constants", "free_inactive_constants", "create_tensor_from_blob_v2",
    "create_tensor_with_deleter", "empty_strided", "new_tensor_handle", "delete_tensor_object", "get_data_ptr", "get_dtype",
    "get_dim", "get_numel", "get_sizes", "get_strides", "get_storage_offset", "get_storage_size", "get_device_type",
    "get_device_index", "copy_", "set_cuda_graphs", "get_cuda_graph_state", "synchronize_stream", "stream_wait_stream",
    "create_with_options", "set_threads_of_each", "get_state", "create_session", "delete_session", "run_session",
    "get_session_state", "reset_session", "set_seed", "set_tracer",
)  # fmt: skip

# These leave their messages with the shim, the others with the container.
TENSOR_FUNCTIONS = FIELDS[FIELDS.index("create_tensor_from_blob_v2") : FIELDS.index("set_cuda_graphs")]

# dtype number, type string of __cuda_array_interface__, and what torch must be told besides.
DTYPES: dict[torch.dtype, tuple[int, str]] = {
    torch.uint8: (0, "|u1"),
    torch.int8: (1, "|i1"),
    torch.int16: (2, "<i2"),
    torch.int32: (3, "<i4"),
    torch.int64: (4, "<i8"),
    torch.float16: (5, "<f2"),
    torch.float32: (6, "<f4"),
    torch.float64: (7, "<f8"),
    torch.bool: (11, "|b1"),
    torch.bfloat16: (15, "<i2"),
}
_BY_NUMBER = {number: (dtype, text) for dtype, (number, text) in DTYPES.items()}
_CUDA = 1


class LibraryError(Exception):
    """The library's own message."""


class _Memory:
    """An output's memory as torch takes it; deletes the handle with the last tensor over it."""

    def __init__(self, library: Library, handle: ctypes.c_void_p, interface: dict[str, Any]) -> None:
        self.library, self.handle = library, handle
        self.__array_interface__ = self.__cuda_array_interface__ = interface

    def __del__(self) -> None:
        self.library.call("delete_tensor_object", self.handle)


class Library:
    """A container of a loaded library."""

    def __init__(self, path: str, device: str = "cuda:0", instances: int = 1) -> None:
        self._library = ctypes.CDLL(path)
        self._library.aoti_model_api.restype = ctypes.c_void_p
        self.api = base = self._library.aoti_model_api()
        pointers = (ctypes.c_void_p * len(FIELDS)).from_address(base + 8)
        self._functions = {
            name: ctypes.CFUNCTYPE(ctypes.c_char_p if name.startswith("last") else ctypes.c_int)(
                pointers[i] or 0
            )
            for i, name in enumerate(FIELDS)
            if i > 0 and pointers[i]
        }
        self.container = ctypes.c_void_p()
        self.check(
            "create_with_device",
            ctypes.byref(self.container),
            ctypes.c_size_t(instances),
            device.encode(),
            None,
        )
        count = ctypes.c_size_t()
        self.check("get_num_outputs", self.container, ctypes.byref(count))
        self.num_outputs = count.value

    def call(self, name: str, *args: Any) -> Any:
        """A function of the table, by name."""
        return self._functions[name](*args)

    def check(self, name: str, *args: Any) -> None:
        """The same; raises LibraryError when it fails."""
        if self.call(name, *args) != 0:
            raise LibraryError(
                self.call("last_tensor_error" if name in TENSOR_FUNCTIONS else "last_error").decode()
            )

    def close(self) -> None:
        """Deletes the container; outputs may live on."""
        self.call("delete_container", self.container)

    def run(self, *inputs: torch.Tensor, stream: int | None = None) -> list[torch.Tensor]:
        """One run, queued on `stream` (a CUstream; the current one of torch by default)."""
        stream = torch.cuda.current_stream().cuda_stream if stream is None else stream
        return [self.tensor(output) for output in self.start(inputs, stream)]

    def start(self, inputs: Sequence[torch.Tensor], stream: int) -> list[ctypes.c_void_p]:
        """The same without any call of torch: handles of the outputs."""
        handles = (ctypes.c_void_p * len(inputs))(*(self.handle(x).value for x in inputs))
        outputs = (ctypes.c_void_p * self.num_outputs)()
        self.check("run", self.container, handles, ctypes.c_size_t(len(inputs)), outputs,
                   ctypes.c_size_t(self.num_outputs), ctypes.c_void_p(stream), None)  # fmt: skip
        return [ctypes.c_void_p(output) for output in outputs]

    def handle(self, x: torch.Tensor) -> ctypes.c_void_p:
        """A handle over a tensor's memory; a run consumes it."""
        handle, ndim = ctypes.c_void_p(), x.dim()
        sizes, strides = (ctypes.c_int64 * ndim)(*x.shape), (ctypes.c_int64 * ndim)(*x.stride())
        device = (_CUDA, x.device.index) if x.is_cuda else (0, 0)
        self.check("create_tensor_from_blob_v2", ctypes.c_void_p(x.data_ptr()), ctypes.c_int64(ndim), sizes, strides,
                   ctypes.c_int64(0), DTYPES[x.dtype][0], *device, ctypes.byref(handle), 0, None,
                   ctypes.c_int64(0))  # fmt: skip
        return handle

    def tensor(self, handle: ctypes.c_void_p) -> torch.Tensor:
        """A torch tensor over an output, which owns the handle."""
        ndim, data = ctypes.c_int64(), ctypes.c_void_p()
        number, device = ctypes.c_int32(), ctypes.c_int32()
        sizes, strides = ctypes.POINTER(ctypes.c_int64)(), ctypes.POINTER(ctypes.c_int64)()
        kind = ctypes.c_int32()
        for name, value in (("get_dim", ndim), ("get_sizes", sizes), ("get_strides", strides), ("get_data_ptr", data),
                            ("get_dtype", number), ("get_device_index", device), ("get_device_type", kind)):  # fmt: skip
            self.check(name, handle, ctypes.byref(value))
        dtype, text = _BY_NUMBER[number.value]
        shape = tuple(sizes[: ndim.value])
        interface = {
            "shape": shape,
            "strides": tuple(s * dtype.itemsize for s in strides[: ndim.value]),
            "typestr": text,
            "data": (data.value or 0, False),
            "version": 3,
        }
        memory = _Memory(self, handle, interface)
        if kind.value != _CUDA:
            return torch.from_numpy(numpy.asarray(memory)).view(dtype)
        if 0 in shape:
            return torch.empty(shape, dtype=dtype, device=f"cuda:{device.value}")
        return torch.as_tensor(memory, device=f"cuda:{device.value}").view(dtype)

    def set_graphs(self, enabled: bool) -> None:
        """CUDA graphs of later runs, on or off."""
        self.check("set_cuda_graphs", self.container, ctypes.c_bool(enabled))

    def graph_state(self) -> str:
        """What the last run did: "graph", "graph being recorded", or why there was none."""
        state = ctypes.c_char_p()
        self.check("get_cuda_graph_state", self.container, ctypes.byref(state))
        return (state.value or b"").decode()
