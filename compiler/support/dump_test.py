"""The dump folder: numbering, marks of unchanged passes, errors."""

from __future__ import annotations

from pathlib import Path

import pytest

from compiler.support.diagnostics import UserError
from compiler.support.dump import Dumper


def test_files_and_index(tmp_path: Path) -> None:
    dump = Dumper(tmp_path / "deep" / "dump")
    for name, text in (
        ("frontend", "a\nb\n"),
        ("fx_passes.fold", "a\nb\n"),
        ("fx_passes.fuse", "a\nc\nd\n"),
        ("lowering", "a\nc\nd\n"),
    ):
        dump(name, text)
    folder = tmp_path / "deep" / "dump"
    assert sorted(p.name for p in folder.iterdir()) == [
        "00_frontend.txt", "01_fx_passes.fold.txt", "02_fx_passes.fuse.txt", "03_lowering.txt", "index.txt"]  # fmt: skip
    assert (folder / "01_fx_passes.fold.txt").read_text() == "unchanged since 00_frontend.txt\n"
    assert (folder / "02_fx_passes.fuse.txt").read_text() == "a\nc\nd\n"
    assert (folder / "03_lowering.txt").read_text() == "unchanged since 02_fx_passes.fuse.txt\n"
    index = (folder / "index.txt").read_text().splitlines()
    assert [line.split(None, 2)[2] for line in index] == [
        "first",
        "unchanged",
        "changed: +2 -1 lines",
        "unchanged",
    ]


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write the dump into .*--dump=DIR"):
        Dumper(tmp_path / "file")("x", "y")
