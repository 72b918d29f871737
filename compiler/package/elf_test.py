"""The ELF reader on a file built by hand, and on damaged ones."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest

from compiler.package import elf
from compiler.support.diagnostics import UserError


def shared_library() -> bytes:
    """A minimal shared library: exports `mine`, hides `inside`, imports `malloc` and (weakly) `hook`, needs libc.so.6."""
    strings = b"\0mine\0inside\0malloc\0hook\0libc.so.6\0libmine.so\0"
    names = b"\0.dynsym\0.dynstr\0.dynamic\0.shstrtab\0"

    def symbol(name: bytes, binding: int, visibility: int, section: int) -> bytes:
        return struct.pack("<IBBHQQ", strings.index(name), binding << 4, visibility, section, 0, 0)

    symbols = bytes(24) + symbol(b"mine\0", 1, 0, 1) + symbol(b"inside\0", 1, 2, 1) + symbol(b"malloc\0", 1, 0, 0) + symbol(b"hook\0", 2, 0, 0)
    dynamic = struct.pack("<QQQQQQ", 1, strings.index(b"libc.so.6"), 14, strings.index(b"libmine.so"), 0, 0)
    parts, offset = [], 64
    sections = [struct.pack("<IIQQQQIIQQ", 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)]
    for name, kind, data, link in ((b".dynsym", 11, symbols, 2), (b".dynstr", 3, strings, 0), (b".dynamic", 6, dynamic, 2), (b".shstrtab", 3, names, 0)):
        sections.append(struct.pack("<IIQQQQIIQQ", names.index(name + b"\0"), kind, 0, 0, offset, len(data), link, 0, 0, 0))
        parts.append(data)
        offset += len(data)
    head = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, 0, offset, 0, 64, 0, 0, 64, len(sections), 4)
    return head + b"".join(parts) + b"".join(sections)


def test_reads_what_matters(tmp_path: Path) -> None:
    path = tmp_path / "lib.so"
    path.write_bytes(shared_library())
    found = elf.read(path)
    assert found.machine == "x86-64"
    assert found.exported() == ["mine"]
    assert found.imported() == ["hook", "malloc"]
    assert (found.needed, found.soname) == (["libc.so.6"], "libmine.so")
    assert [s.name for s in found.sections] == ["", ".dynsym", ".dynstr", ".dynamic", ".shstrtab"]


@pytest.mark.parametrize("data, why", [(b"", "fewer than 64 bytes"), (b"not an elf" * 20, "does not begin as")])
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
