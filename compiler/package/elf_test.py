"""The ELF reader on a file built by hand, and on damaged ones."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from compiler.package import elf
from compiler.package.elf_example import shared_library
from compiler.support.diagnostics import UserError


def test_reads_what_matters(tmp_path: Path) -> None:
    path = tmp_path / "lib.so"
    path.write_bytes(shared_library())
    found = elf.read(path)
    assert found.machine == "x86-64"
    assert found.exported() == ["mine"]
    assert found.imported() == ["hook", "malloc"]
    assert (found.needed, found.soname) == (["libc.so.6"], "libmine.so")
    assert [s.name for s in found.sections] == ["", ".dynsym", ".dynstr", ".dynamic", ".shstrtab"]


@pytest.mark.parametrize(
    "data, why", [(b"", "fewer than 64 bytes"), (b"not an elf" * 20, "does not begin as")]
)
def test_files_that_are_none(tmp_path: Path, data: bytes, why: str) -> None:
    path = tmp_path / "lib.so"
    path.write_bytes(data)
    with pytest.raises(UserError, match=why):
        elf.read(path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot read .*No such file"):
        elf.read(tmp_path / "none.so")


def test_every_truncation_and_many_flips_are_refused_or_read(tmp_path: Path) -> None:
    """Nothing but UserError may come out, whatever the bytes."""
    whole, path, refused = shared_library(), tmp_path / "lib.so", 0
    randomness = random.Random(0)
    damaged = [whole[:n] for n in range(0, len(whole), 7)]
    for _ in range(500):
        copy = bytearray(whole)
        for _ in range(4):
            copy[randomness.randrange(len(copy))] = randomness.randrange(256)
        damaged.append(bytes(copy))
    for data in damaged:
        path.write_bytes(data)
        try:
            elf.read(path)
        except UserError:
            refused += 1
    assert refused > len(whole) // 7
