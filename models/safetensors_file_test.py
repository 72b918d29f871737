"""A whole file is read as it was written; a damaged one is refused with a sentence about the damage."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from models.safetensors_file import SafetensorsError, read_safetensors


def write(path: Path, index: Any, data: bytes) -> Path:
    header = index if isinstance(index, bytes) else json.dumps(index).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + data)
    return path


def entry(dtype: Any = "F32", shape: Any = (2,), offsets: Any = (0, 8)) -> dict[str, Any]:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def test_reads_what_was_written(tmp_path: Path) -> None:
    a, b = torch.randn(2, 3), torch.arange(3, dtype=torch.int64)
    index = {
        "__metadata__": {"format": "pt"},
        "b": entry("I64", (3,), (24, 48)),
        "a": entry("F32", (2, 3), (0, 24)),
        "none": entry("F16", (0, 4), (48, 48)),
        "scalar": entry("BF16", (), (48, 50)),
    }
    data = a.numpy().tobytes() + b.numpy().tobytes() + b"\x80\x3f"
    tensors = read_safetensors(write(tmp_path / "w", index, data))
    assert torch.equal(tensors["a"], a) and torch.equal(tensors["b"], b)
    assert tensors["none"].shape == (0, 4) and tensors["none"].dtype == torch.float16
    assert tensors["scalar"].shape == () and tensors["scalar"].item() == 1.0
    assert set(tensors) == {"a", "b", "none", "scalar"}


def test_writing_to_a_tensor_leaves_the_file_alone(tmp_path: Path) -> None:
    file = write(tmp_path / "w", {"a": entry()}, bytes(8))
    before = file.read_bytes()
    read_safetensors(file)["a"].fill_(1)
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("index", "data", "message"),
    [
        (b"{", b"", "the header is not JSON"),
        (b"\xff\xfe", b"", "the header is not JSON"),
        ([1], b"", "a JSON list, expected an object"),
        ({"a": 3}, b"", "needs dtype, shape and data_offsets"),
        ({"a": {"dtype": "F32"}}, b"", "needs dtype, shape and data_offsets"),
        ({"a": entry("F8")}, bytes(8), "dtype 'F8'; supported are"),
        ({"a": entry(["F32"])}, bytes(8), "supported are"),
        ({"a": entry(shape=(-2,))}, bytes(8), "expected lists of sizes"),
        ({"a": entry(shape=(True, 2))}, bytes(8), "expected lists of sizes"),
        ({"a": entry(shape=(2.0,))}, bytes(8), "expected lists of sizes"),
        ({"a": entry(offsets=(0, 4, 8))}, bytes(8), "expected lists of sizes"),
        ({"a": entry(offsets=(0, 16))}, bytes(8), "needs 8 bytes"),
        ({"a": entry(offsets=(8, 0))}, bytes(8), "needs 8 bytes"),
        ({"a": entry(shape=(2**40, 2**40))}, bytes(8), "needs 4835703278458516698824704 bytes"),
        ({"a": entry(), "b": entry()}, bytes(8), "starts at byte 0 of the data, expected 8"),
        (
            {"a": entry(offsets=(4, 12))},
            bytes(12),
            "starts at byte 4 of the data, expected 0, right after the header",
        ),
        ({"a": entry()}, bytes(9), "1 bytes after 'a' belong to no tensor"),
    ],
)
def test_damage_is_named(tmp_path: Path, index: Any, data: bytes, message: str) -> None:
    with pytest.raises(SafetensorsError, match="w: .*" + message.replace("(", r"\(")):
        read_safetensors(write(tmp_path / "w", index, data))


@pytest.mark.parametrize(
    "content", [b"", b"1234567", (2**63).to_bytes(8, "little"), (3).to_bytes(8, "little") + b"{}"]
)
def test_short_files_are_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "w"
    file.write_bytes(content)
    with pytest.raises(SafetensorsError, match="too short|does not fit"):
        read_safetensors(file)
