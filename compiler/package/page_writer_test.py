"""Portions of any size arrive in order, and in whole pieces."""

from __future__ import annotations

from pathlib import Path

import pytest

from compiler.package import page_writer
from compiler.package.page_writer import Bytes, PageWriter


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes that reach the file; pieces are 16 bytes."""
    monkeypatch.setattr(page_writer, "PIECE_BYTES", 16)
    sizes: list[int] = []
    write_all = PageWriter._write_all

    def noted(self: PageWriter, data: Bytes) -> None:
        sizes.append(len(memoryview(data)))
        write_all(self, data)

    monkeypatch.setattr(PageWriter, "_write_all", noted)
    return sizes


@pytest.mark.parametrize("portions", [[], [0], [16], [5, 11], [40], [1, 50, 1], [3] * 20, [15, 2, 100]])
def test_portions_arrive_in_whole_pieces(tmp_path: Path, writes: list[int], portions: list[int]) -> None:
    data = bytes(i % 251 for i in range(sum(portions)))
    start = 0
    with PageWriter(tmp_path / "file") as f:
        for size in portions:
            f.write(data[start : start + size])
            start += size
    assert (tmp_path / "file").read_bytes() == data
    assert all(size == 16 for size in writes[:-1]) and sum(writes) == len(data)


def test_copy_keeps_bytes_and_permissions(tmp_path: Path, writes: list[int]) -> None:
    (tmp_path / "a").write_bytes(bytes(range(100)))
    (tmp_path / "a").chmod(0o750)
    page_writer.copy(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == bytes(range(100))
    assert (tmp_path / "b").stat().st_mode & 0o777 == 0o750
    assert writes == [16] * 6 + [4]
