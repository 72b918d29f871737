"""Refusals through the Python binding: wrong files, wrong inputs, a processor that is too old. Nothing crashes."""

from __future__ import annotations

import os
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import aoti_runtime
import numpy as np
import pytest

from compiler.package import elf

LIBRARY = Path(os.environ["AOTI_ODD_LIBRARY"]).resolve()
INDICES = np.array([0, 4, 2])
MATRIX = np.arange(6, dtype=np.float32).reshape(2, 3)


@pytest.fixture(scope="module")
def model() -> Any:
    return aoti_runtime.load(str(LIBRARY))


def error(model: Any, *inputs: object) -> str:
    """The message of a run that fails."""
    with pytest.raises((aoti_runtime.Error, BufferError, TypeError, ValueError)) as caught:
        model.run(*inputs)
    return str(caught.value)


def test_a_sound_run(model: Any) -> None:
    outputs = model.run(INDICES, MATRIX)
    assert np.array_equal(np.from_dlpack(outputs[2]), 2 * MATRIX)
    assert np.array_equal(np.from_dlpack(outputs[7])[1], 2.0 * np.arange(16, 20))


@pytest.mark.parametrize(
    "wrong, words",
    [
        (MATRIX.astype(np.float64), ("'x'", "float32", "float64", "odd_model.py")),
        (MATRIX[:, :2].copy(), ("'x'", "3", "2")),
        (MATRIX.reshape(6), ("'x'", "2", "1")),
        (MATRIX.reshape(3, 2).T, ("'x'", "stride")),
    ],
)
def test_wrong_tensors_are_named(model: Any, wrong: np.ndarray, words: tuple[str, ...]) -> None:
    message = error(model, INDICES, wrong)
    assert [w for w in words if w not in message] == [], message


def test_wrong_counts_and_objects(model: Any) -> None:
    assert "2" in error(model, INDICES)
    assert "2" in error(model, INDICES, MATRIX, MATRIX)
    assert "DLPack" in error(model, INDICES, "a string") or "dlpack" in error(model, INDICES, "a string")


def test_bad_data(model: Any) -> None:
    message = error(model, np.array([0, 5, 2]), MATRIX)
    assert "index out of range" in message and "got 5" in message and "odd_model.py" in message
    test_a_sound_run(model)


@pytest.mark.parametrize("content", [b"", b"not a library", None])
def test_files_that_are_no_library(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "libm.so"
    path.write_bytes(LIBRARY.read_bytes()[:5000] if content is None else content)
    with pytest.raises(aoti_runtime.Error, match=r"libm\.so"):
        aoti_runtime.load(str(path))


def test_missing_file_and_another_library(tmp_path: Path) -> None:
    with pytest.raises(aoti_runtime.Error, match=r"none\.so"):
        aoti_runtime.load(str(tmp_path / "none.so"))
    with pytest.raises(aoti_runtime.Error, match="aoti_runtime"):
        aoti_runtime.load(aoti_runtime.__file__)


def test_another_abi_version(tmp_path: Path) -> None:
    """The version in the library's tables, which begin with their size and the version, is changed in the file, as if
    another release had made it."""
    header = Path("runtime/include/aoti/model_desc.h").read_text()
    version = int(re.findall(r"define AOTI_MODEL_ABI_VERSION (\d+)u", header)[0])
    data = bytearray(LIBRARY.read_bytes())
    (tables,) = [s for s in elf.read(LIBRARY).sections if s.name == ".data.rel.ro"]
    places = range(tables.offset, tables.offset + tables.size_bytes - 8, 8)
    heads = [
        p
        for p in places
        if 64 <= struct.unpack_from("<I", data, p)[0] < 1024
        and struct.unpack_from("<I", data, p + 4)[0] == version
    ]
    assert len(heads) in (1, 2), "expected the model's description and perhaps the table of functions"
    for head in heads:
        data[head + 4] = 99
    path = tmp_path / "libodd_aoti.so"
    path.write_bytes(data)
    with pytest.raises(aoti_runtime.Error) as caught:
        aoti_runtime.load(str(path))
    assert "version 99" in str(caught.value) and str(version) in str(caught.value)


@pytest.mark.parametrize("count", [0, -1, 100000])
def test_wrong_numbers_of_instances(count: int) -> None:
    with pytest.raises((aoti_runtime.Error, TypeError, ValueError)):
        aoti_runtime.load(str(LIBRARY), num_models=count)


def test_old_processor() -> None:
    """In a process of its own, because the choice is made once."""
    program = f"import aoti_runtime; aoti_runtime.load({str(LIBRARY)!r})"
    env = {**os.environ, "AOTI_CPU_ISA": "x86-64-v2", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "the processor has x86-64-v2" in done.stderr and "--isa" in done.stderr


def test_a_copy_elsewhere_runs(tmp_path: Path) -> None:
    """The library needs nothing beside it."""
    moved = aoti_runtime.load(str(shutil.copy(LIBRARY, tmp_path)))
    test_a_sound_run(moved)
