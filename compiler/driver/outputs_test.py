"""Outputs appear whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from compiler.driver.outputs import OutputPaths, Scratch
from compiler.support.diagnostics import UserError
from compiler.support.disk import cannot_write


def paths(folder: Path) -> OutputPaths:
    return OutputPaths(
        folder / "wrapper",
        folder / "kernels",
        folder / "m.h",
        folder / "m.weights.bin",
        folder / "m.manifest.json",
        None,
    )


def test_publish(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    (out / "wrapper").mkdir(parents=True)
    (out / "wrapper" / "old.cpp").write_text("of an earlier run")
    (out / "wrapper" / "notes.txt").write_text("a person's")
    with Scratch(paths(out), "m") as scratch:
        tree = scratch.write_tree("wrapper", {"model.cpp": "new"})
        header = scratch.write("m.h", "header")
        assert not (out / "m.h").exists()
        scratch.publish_tree(tree, out / "wrapper")
        scratch.publish(header, out / "m.h")
    assert (out / "wrapper" / "model.cpp").read_text() == "new"
    assert (out / "m.h").read_text() == "header"
    assert sorted(p.name for p in (out / "wrapper").iterdir()) == ["model.cpp", "notes.txt"]
    assert not [p for p in out.iterdir() if p.name.startswith(".")]


def test_nothing_is_left_by_a_failure(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(RuntimeError), Scratch(paths(out), "m") as scratch:
        scratch.write("m.h", "header")
        raise RuntimeError
    assert list(out.iterdir()) == []


def test_other_disk_or_folder(tmp_path: Path) -> None:
    """The header may go elsewhere: its folder is made when it is there to be written."""
    made = OutputPaths(
        tmp_path / "a/w",
        tmp_path / "a/k",
        tmp_path / "b/c/m.h",
        tmp_path / "a/w.bin",
        tmp_path / "a/m.json",
        None,
    )
    with Scratch(made, "m") as scratch:
        scratch.publish(scratch.write("m.h", "header"), made.header)
    assert made.header.read_text() == "header"


def test_errors_say_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(UserError, match="cannot write into .*choose another folder with -o"),
        Scratch(paths(tmp_path / "file"), "m"),
    ):
        pass
    assert "no space left" in str(cannot_write(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), tmp_path))
