"""Errors of disks are told apart; a file moves whole or not at all, also between file systems."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from compiler.support import disk


def test_no_space_errors_are_told_apart(tmp_path: Path) -> None:
    for code in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
        assert disk.is_no_space(OSError(code, "x"))
        assert "no space left" in str(disk.cannot_write(OSError(code, "x"), tmp_path))
    denied = OSError(errno.EACCES, os.strerror(errno.EACCES))
    assert not disk.is_no_space(denied)
    assert f"cannot write into {tmp_path}: Permission denied" in str(disk.cannot_write(denied, tmp_path))


@pytest.fixture
def other_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Renames out of the folder `from` fail as they do between file systems."""
    rename = os.replace

    def replace(source: Path, final: Path) -> None:
        if source.parent.name == "from":
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        rename(source, final)

    monkeypatch.setattr(os, "replace", replace)


def test_move_to_another_disk(tmp_path: Path, other_disk: None) -> None:
    (tmp_path / "from").mkdir()
    (tmp_path / "from/file").write_text("new")
    (tmp_path / "file").write_text("old")
    disk.move(tmp_path / "from/file", tmp_path / "file")
    assert (tmp_path / "file").read_text() == "new"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "from"]


def test_a_move_that_fails_leaves_the_old_file(
    tmp_path: Path, other_disk: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "from").mkdir()
    (tmp_path / "from/file").write_text("new")
    (tmp_path / "file").write_text("old")

    def half(source: Path, final: Path) -> None:
        final.write_text("n")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(shutil, "copyfile", half)
    with pytest.raises(OSError, match="No space left"):
        disk.move(tmp_path / "from/file", tmp_path / "file")
    assert (tmp_path / "file").read_text() == "old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "from"]
