"""The limit of the object cache: what goes, and what stays though it is over the limit."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from compiler.package import cache_limit
from compiler.support.diagnostics import UserError


def _object(folder: Path, name: str, hours: float, size: int = 400 << 10) -> Path:
    path = folder / name[:2] / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(size))
    then = time.time() - hours * 3600
    os.utime(path, (then, then))
    return path


def test_what_was_not_used_for_longest_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AOTI_CACHE_MB", "1")
    aged = [_object(tmp_path, f"a{hours}.o", hours) for hours in (9, 8, 7, 6)]
    cache_limit.used(aged[0])
    cache_limit.trim(tmp_path)
    assert [path.exists() for path in aged] == [True, False, False, True]


def test_what_may_be_in_use_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AOTI_CACHE_MB", "0")
    recent, old = _object(tmp_path, "aa.o", 0.5), _object(tmp_path, "bb.o", 2)
    cache_limit.trim(tmp_path)
    assert recent.exists() and not old.exists()


def test_unfinished_files_go_within_the_limit_too(tmp_path: Path) -> None:
    dead, alive = _object(tmp_path, ".making-x.o", 3), _object(tmp_path, ".making-y.o", 0)
    kept = _object(tmp_path, "cc.o", 100)
    cache_limit.trim(tmp_path)
    assert not dead.exists() and alive.exists() and kept.exists()


def test_a_folder_that_is_not_there_and_a_limit_that_is_no_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache_limit.trim(tmp_path / "none")
    monkeypatch.setenv("AOTI_CACHE_MB", "4G")
    with pytest.raises(UserError, match="AOTI_CACHE_MB is '4G': expected a whole number of megabytes"):
        cache_limit.trim(tmp_path)


def test_a_folder_is_looked_through_once_an_hour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AOTI_CACHE_MB", "0")
    _object(tmp_path, "aa.o", 2)
    cache_limit.trim(tmp_path)
    later = _object(tmp_path, "bb.o", 2)
    cache_limit.trim(tmp_path)
    assert later.exists()
    os.utime(tmp_path / ".trimmed", (0, 0))
    cache_limit.trim(tmp_path)
    assert not later.exists()
