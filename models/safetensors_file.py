"""Reads a safetensors file: a JSON index in front, raw tensors behind.

Enters: a path. Leaves: tensors by name, backed by a private copy-on-write mapping of the file (nothing is read until used).
The format (https://github.com/huggingface/safetensors#format): 8 bytes little-endian length N, N bytes of JSON
`{name: {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}}`, then the data that the offsets point into.

The file is data from a stranger: every length, offset, shape and dtype is checked before use. Invariant: tensors neither
overlap nor leave the data, and every byte of it belongs to one of them (the format demands both).
"""

from __future__ import annotations

import json
import math
import mmap
from pathlib import Path
from typing import Any

import torch

# The format's own bound, which keeps a damaged length from asking for gigabytes of JSON.
MAX_HEADER_BYTES = 100_000_000

DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


class SafetensorsError(ValueError):
    """The file is not a whole, well-formed safetensors file; the message says where."""


def read_safetensors(path: str | Path) -> dict[str, torch.Tensor]:
    """All tensors of the file by name. Raises SafetensorsError (damaged) or OSError (unreadable)."""
    with open(path, "rb") as file:
        size = file.seek(0, 2)
        if size < 8:
            raise SafetensorsError(
                f"{path}: {size} bytes, too short for a safetensors file (8 bytes of header length come first)"
            )
        mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    header_bytes = int.from_bytes(mapping[:8], "little")
    if header_bytes > min(MAX_HEADER_BYTES, size - 8):
        raise SafetensorsError(
            f"{path}: header length {header_bytes} does not fit into a file of {size} bytes; is it truncated?"
        )
    index = _parse_header(path, mapping[8 : 8 + header_bytes])
    data = memoryview(mapping)[8 + header_bytes :]
    tensors: dict[str, torch.Tensor] = {}
    spans: list[tuple[int, int, str]] = []
    for name, entry in index.items():
        dtype, shape, begin, end = _check_entry(path, name, entry, len(data))
        spans.append((begin, end, name))
        flat = torch.frombuffer(data[begin:end], dtype=dtype) if end > begin else torch.empty(0, dtype=dtype)
        tensors[name] = flat.reshape(shape)
    _check_spans(path, spans, len(data))
    return tensors


def _parse_header(path: str | Path, text: bytes) -> dict[str, Any]:
    """The index without its free-form `__metadata__` entry."""
    try:
        index = json.loads(text.decode("utf-8"))
    except ValueError as error:
        raise SafetensorsError(f"{path}: the header is not JSON: {error}") from error
    if not isinstance(index, dict):
        raise SafetensorsError(f"{path}: the header is a JSON {type(index).__name__}, expected an object")
    index.pop("__metadata__", None)
    return index


def _check_entry(
    path: str | Path, name: str, entry: Any, data_bytes: int
) -> tuple[torch.dtype, list[int], int, int]:
    """(dtype, shape, begin, end) of one entry, once it is known to describe bytes that exist."""
    if not isinstance(entry, dict) or not {"dtype", "shape", "data_offsets"} <= entry.keys():
        raise SafetensorsError(f"{path}: tensor {name!r} needs dtype, shape and data_offsets, got {entry!r}")
    dtype = DTYPES.get(entry["dtype"]) if isinstance(entry["dtype"], str) else None
    if dtype is None:
        raise SafetensorsError(
            f"{path}: tensor {name!r} has dtype {entry['dtype']!r}; supported are {', '.join(DTYPES)}"
        )
    shape, offsets = entry["shape"], entry["data_offsets"]
    if not _are_sizes(shape) or not _are_sizes(offsets) or len(offsets) != 2:
        raise SafetensorsError(
            f"{path}: tensor {name!r} has shape {shape!r} and data_offsets {offsets!r}; expected lists of sizes"
        )
    begin, end = offsets
    need_bytes = math.prod(shape) * dtype.itemsize
    if not begin <= end <= data_bytes or end - begin != need_bytes:
        raise SafetensorsError(
            f"{path}: tensor {name!r}, {entry['dtype']} {shape}, needs {need_bytes} bytes, but data_offsets {offsets} "
            f"name {end - begin} of the file's {data_bytes} bytes of data"
        )
    return dtype, shape, begin, end


def _are_sizes(value: Any) -> bool:
    return isinstance(value, list) and all(type(v) is int and v >= 0 for v in value)


def _check_spans(path: str | Path, spans: list[tuple[int, int, str]], data_bytes: int) -> None:
    """The tensors must tile the data: no overlap, no hole, nothing behind the last."""
    at, before = 0, "the header"
    for begin, end, name in sorted(spans):
        if begin != at:
            raise SafetensorsError(
                f"{path}: tensor {name!r} starts at byte {begin} of the data, expected {at}, right after {before}"
            )
        at, before = end, repr(name)
    if at != data_bytes:
        raise SafetensorsError(f"{path}: {data_bytes - at} bytes after {before} belong to no tensor")
