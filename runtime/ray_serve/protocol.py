"""Inference requests and responses of the Open Inference Protocol (KServe v2) in JSON, as arrays of numpy.

Enters: a parsed body {"inputs": [{"name", "shape", "datatype", "data"}, ...], "outputs": [{"name"}, ...]}, data from a stranger,
and what the model takes (`TensorInfo`). Leaves: one array for each input of the model, in its order; and the way back. What does
not fit raises ProtocolError with a sentence that names the input.

    {"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1.5, 2]}]}  ->  [array([[1.5, 2.]], float32)]

The C++ server (runtime/server) speaks the same protocol, with binary tensors and gRPC besides.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

_DATATYPES = {
    "BOOL": "bool",
    "UINT8": "uint8",
    "UINT16": "uint16",
    "UINT32": "uint32",
    "UINT64": "uint64",
    "INT8": "int8",
    "INT16": "int16",
    "INT32": "int32",
    "INT64": "int64",
    "FP16": "float16",
    "FP32": "float32",
    "FP64": "float64",
}
_NAMES = {dtype: name for name, dtype in _DATATYPES.items()}


class TensorInfo(Protocol):
    """aoti_runtime.TensorInfo."""

    @property
    def name(self) -> str: ...
    @property
    def dtype(self) -> str: ...
    @property
    def shape(self) -> tuple[int | tuple[int, int | None], ...]: ...


class ProtocolError(ValueError):
    """A request that the protocol, or the model, does not have."""


def datatype_of(info: TensorInfo) -> str:
    if info.dtype not in _NAMES:
        raise ProtocolError(f"'{info.name}' is {info.dtype}, which this protocol cannot carry in JSON")
    return _NAMES[info.dtype]


def metadata(infos: Sequence[TensorInfo]) -> list[dict[str, Any]]:
    """The protocol's description of tensors; -1 for a size that may differ from call to call."""
    return [
        {
            "name": info.name,
            "datatype": _NAMES.get(info.dtype, info.dtype),
            "shape": [size if isinstance(size, int) else -1 for size in info.shape],
        }
        for info in infos
    ]


def read_request(body: Any, inputs: Sequence[TensorInfo]) -> list[np.ndarray[Any, Any]]:
    given = {str(tensor.get("name")): tensor for tensor in _tensors(body)}
    expected = [info.name for info in inputs]
    if len(given) != len(body["inputs"]) or sorted(given) != sorted(expected):
        names = [str(tensor.get("name")) for tensor in body["inputs"]]
        raise ProtocolError(f"the inputs are {names}; expected each of {expected} once")
    return [_array(given[info.name], info) for info in inputs]


def write_response(
    model: str, request: Any, infos: Sequence[TensorInfo], arrays: Sequence[np.ndarray[Any, Any] | None]
) -> dict[str, Any]:
    """The response to a request that read_request took; a None of the model's has no place in it."""
    wanted = _wanted_outputs(request, [info.name for info in infos])
    response: dict[str, Any] = {"model_name": model, "outputs": []}
    if isinstance(request.get("id"), str):
        response["id"] = request["id"]
    for info, array in zip(infos, arrays, strict=True):
        if array is None or info.name not in wanted:
            continue
        response["outputs"].append(
            {
                "name": info.name,
                "datatype": datatype_of(info),
                "shape": list(array.shape),
                "data": array.reshape(-1).tolist(),
            }
        )
    return response


def _tensors(body: Any) -> list[dict[str, Any]]:
    tensors = body.get("inputs") if isinstance(body, dict) else None
    if not isinstance(tensors, list) or not all(isinstance(tensor, dict) for tensor in tensors):
        raise ProtocolError('expected an object {"inputs": [{"name", "shape", "datatype", "data"}, ...]}')
    return tensors


def _wanted_outputs(request: Any, names: list[str]) -> list[str]:
    outputs = request.get("outputs")
    if outputs is None:
        return names
    wanted = [str(output.get("name")) for output in outputs if isinstance(output, dict)]
    if not isinstance(outputs, list) or len(wanted) != len(outputs) or not set(wanted) <= set(names):
        raise ProtocolError(f"the outputs asked for are {outputs}; the model's are {names}")
    return wanted


def _array(tensor: dict[str, Any], info: TensorInfo) -> np.ndarray[Any, Any]:
    expected = datatype_of(info)
    if tensor.get("datatype") != expected:
        raise ProtocolError(f"input '{info.name}' is {tensor.get('datatype')}; expected {expected}")
    shape = tensor.get("shape")
    if not isinstance(shape, list) or not all(type(size) is int and size >= 0 for size in shape):
        raise ProtocolError(f"input '{info.name}' has the shape {shape}; expected a list of sizes")
    try:
        array = np.asarray(tensor.get("data"))
        is_number = array.dtype.kind in ("b" if expected == "BOOL" else "iuf" if expected[0] == "F" else "iu")
        values = array.astype(_DATATYPES[expected]) if is_number or array.size == 0 else None
    except (ValueError, TypeError, OverflowError):
        values = None
    if values is None or (expected[0] != "F" and not np.array_equal(values, array)):
        raise ProtocolError(
            f"the data of input '{info.name}' are not {expected} in one list, flat or nested evenly"
        )
    if values.size != math.prod(shape):
        raise ProtocolError(f"input '{info.name}' has {values.size} values for the shape {shape}")
    return values.reshape(shape)
