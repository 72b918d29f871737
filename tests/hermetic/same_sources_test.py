"""Exporter and compiler give the same bytes whatever user, home, language, time zone, folder and hash seed they run under."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path.cwd()
MODEL = ROOT / "tests/hermetic/small_model.py"
ENVIRONMENTS = {
    "one": {
        "HOME": "/home/one",
        "USER": "one",
        "HOSTNAME": "first",
        "LANG": "C",
        "TZ": "UTC",
        "PYTHONHASHSEED": "1",
    },
    "two": {
        "HOME": "/nonexistent/two",
        "USER": "two",
        "HOSTNAME": "second.example",
        "LANG": "de_DE.UTF-8",
        "LC_ALL": "C.UTF-8",
        "TZ": "Asia/Tokyo",
        "PYTHONHASHSEED": "2",
        "COLUMNS": "40",
        "OMP_NUM_THREADS": "2",
    },
}


def run(folder: Path, which: str, program: str, *arguments: str) -> None:
    kept = {name: os.environ[name] for name in ("PATH", "RUNFILES_DIR", "TEST_SRCDIR") if name in os.environ}
    command = [str(ROOT / os.environ[program]), *arguments]
    done = subprocess.run(
        command, cwd=folder, env=kept | ENVIRONMENTS[which], text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr


def everything(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, bytes]]:
    """What exporter and compiler write in each of the two environments, in folders of different depth."""
    made = {}
    for which, place in (("one", "a"), ("two", "some/deeper folder")):
        folder = tmp_path_factory.mktemp(which) / place
        folder.mkdir(parents=True)
        run(folder, which, "AOTI_EXPORT", str(MODEL), "--output=model.pt2", "--recorded=model.npz")
        run(folder, which, "AOTI", "model.pt2", "-o", "out", "--emit=sources", "--name=small_model_aoti")
        made[which] = everything(folder)
    return made


def test_the_same_files_are_written(outputs: dict[str, dict[str, bytes]]) -> None:
    assert list(outputs["one"]) == list(outputs["two"])
    assert {"model.pt2", "model.npz", "out/small_model_aoti.h", "out/wrapper/model.cpp"} <= set(
        outputs["one"]
    )


def test_they_have_the_same_bytes(outputs: dict[str, dict[str, bytes]]) -> None:
    differing = [name for name, data in outputs["one"].items() if data != outputs["two"].get(name)]
    assert not differing


def test_they_name_no_folder_and_no_user(
    outputs: dict[str, dict[str, bytes]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    base = str(tmp_path_factory.getbasetemp()).encode()
    for name, data in outputs["two"].items():
        for word in (base, b"second.example", b"/nonexistent", b"deeper folder"):
            assert word not in data, f"{name} names {word!r}"
