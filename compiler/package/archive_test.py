"""Packages: what is in them, that equal constants are stored once, and what is refused."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from compiler.package.archive import MethodFiles, pack
from compiler.package.elf_example import shared_library
from compiler.support.diagnostics import UserError

SHARED, OWN = bytes(range(64)) * 2, b"x" * 100


def method(
    folder: Path, name: str, weights: bytes, constants: list[dict[str, Any]], **changes: Any
) -> MethodFiles:
    folder.mkdir(exist_ok=True)
    described = {
        "format": 1, "name": f"{name}_aoti", "device": "cpu", "weights": "file", "constants": constants,
        "weights_sha256": hashlib.sha256(weights).hexdigest(), **changes,
    }  # fmt: skip
    files = MethodFiles(name, folder / f"lib{name}.so", folder / f"{name}.json", folder / f"{name}.bin")
    files.library.write_bytes(shared_library("aoti_model_api"))
    files.manifest.write_text(json.dumps(described))
    files.weights.write_bytes(weights)
    return files


def constant(
    fqn: str, offset: int, size: int, mutated: bool = False, shape: tuple[int, ...] = (1,)
) -> dict[str, Any]:
    return {"fqn": fqn, "offset_bytes": offset, "size_bytes": size, "mutated": mutated, "dtype": "float32", "shape": list(shape),
            "strides": [1] * len(shape)}  # fmt: skip


def two_methods(folder: Path) -> list[MethodFiles]:
    first = method(folder, "a", SHARED + OWN + bytes(28), [constant("w", 0, 128), constant("v", 128, 100)])
    second = method(
        folder,
        "b",
        OWN + bytes(28) + SHARED,
        [constant("v", 0, 100), constant("w", 128, 128), constant("s", 128, 128, True)],
    )
    return [first, second]


def test_equal_constants_are_stored_once(tmp_path: Path) -> None:
    out = tmp_path / "p.pt2"
    pack(two_methods(tmp_path), out)
    with zipfile.ZipFile(out) as archive:
        assert archive.testzip() is None
        names = set(archive.namelist())
        assert {
            "p/archive_format",
            "p/data/aotinductor/a/a_aoti.wrapper.so",
            "p/data/aotinductor/b/manifest.json",
        } <= names
        weights = archive.read("p/data/weights/aoti_weights.bin")
        index = json.loads(archive.read("p/extra/aoti_package.json"))
        assert all(i.compress_type == zipfile.ZIP_STORED for i in archive.infolist())
    assert weights == SHARED + OWN + bytes(28)
    assert index["methods"]["a"]["constants"] == [[0, 128], [128, 100]]
    assert index["methods"]["b"]["constants"] == [[128, 100], [0, 128], [0, 128]]
    data = out.read_bytes()
    assert data.index(SHARED) % 4096 == 0
    assert data.index(shared_library("aoti_model_api")) % 64 == 0
    again = tmp_path / "again" / "p.pt2"
    again.parent.mkdir()
    pack(two_methods(tmp_path / "again"), again)
    assert again.read_bytes() == data


def test_refusals(tmp_path: Path) -> None:
    methods, out = two_methods(tmp_path), tmp_path / "p.pt2"
    with pytest.raises(UserError, match="expected one name or more, all different"):
        pack([methods[0], methods[0]], out)
    with pytest.raises(
        UserError, match=r"shared state s: expected two methods or more that change it, found \['b'\]"
    ):
        pack(methods, out, ["s"])
    other = method(tmp_path, "c", SHARED, [constant("s", 0, 128, True, (2,))])
    with pytest.raises(
        UserError, match=r"keep it differently \(b: float32 \[1\] strides \[1\]; c: float32 \[2\]"
    ):
        pack([methods[1], other], out, ["s"])
    methods[0].weights.write_bytes(SHARED)
    with pytest.raises(UserError, match=r"method a: .*a.bin is not the weights file"):
        pack(methods, out)
    methods[0].weights.unlink()
    with pytest.raises(UserError, match="method a: cannot read the weights"):
        pack(methods, out)
    with pytest.raises(UserError, match="method d: .* has format 9; expected 1"):
        pack([method(tmp_path, "d", SHARED, [], format=9)], out)
    methods[1].library.write_bytes(shared_library("something"))
    with pytest.raises(UserError, match=r"method b: .*libb.so is no model library of ours"):
        pack([methods[1]], out)
    assert not out.exists()
    assert not list(tmp_path.glob(".p.pt2-*"))


def test_unwritable_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot write .*No such file or directory"):
        pack(two_methods(tmp_path), tmp_path / "none" / "p.pt2")
