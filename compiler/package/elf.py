"""Reads what matters of an ELF file: the symbols that it defines and imports, the libraries that it needs, its sections.

Enters: the path of a shared library or an object file, little-endian, 64 bit. Leaves: an `ElfFile`. The file is data from a stranger:
every offset and count is checked against its length, and a file that does not add up is a UserError that says what is wrong.
The format: System V ABI, chapters "Object Files" and "Dynamic Linking".

    read(Path("libmy_model_aoti.so")).needed   -> ["libc.so.6", "libm.so.6"]
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass, field
from pathlib import Path

from compiler.support.diagnostics import UserError

_SHT_SYMTAB, _SHT_DYNAMIC, _SHT_DYNSYM = 2, 6, 11
_DT_NEEDED, _DT_SONAME, _DT_RUNPATH = 1, 14, 29
_MACHINES = {62: "x86-64", 183: "aarch64"}
_BINDINGS = {0: "local", 1: "global", 2: "weak"}


@dataclass(frozen=True)
class Symbol:
    """`defined`: has a place in this file. `visible`: default or protected visibility."""

    name: str
    binding: str
    defined: bool
    visible: bool
    value: int
    size: int


@dataclass(frozen=True)
class Section:
    name: str
    kind: int
    address: int
    offset: int
    size_bytes: int
    link: int


@dataclass
class ElfFile:
    """`symbols` are those of the dynamic table (of a shared library) or of the full one (of an object)."""

    machine: str
    sections: list[Section] = field(default_factory=list)
    symbols: list[Symbol] = field(default_factory=list)
    needed: list[str] = field(default_factory=list)
    soname: str = ""
    runpath: str = ""

    def imported(self) -> list[str]:
        """Names that something else must define, sorted."""
        return sorted({s.name for s in self.symbols if not s.defined and s.binding != "local" and s.name})

    def exported(self) -> list[str]:
        """Names that others can use, sorted."""
        return sorted(
            {s.name for s in self.symbols if s.defined and s.binding != "local" and s.visible and s.name}
        )


def read(path: Path) -> ElfFile:
    """Raises UserError for a file that cannot be read or is not such an ELF file."""
    try:
        with path.open("rb") as f:
            if f.seek(0, 2) < 64:
                raise UserError(f"{path} is not an ELF file: it has fewer than 64 bytes")
            with mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return _Reader(path, data).read()
    except OSError as e:
        raise UserError(f"cannot read {path}: {e.strerror}") from None


def parse(path: Path, data: bytes) -> ElfFile:
    """The same for bytes that lie inside another file; `path` is for messages."""
    return _Reader(path, data).read()


class _Reader:
    def __init__(self, path: Path, data: mmap.mmap | bytes) -> None:
        self.path = path
        self.data = data

    def fail(self, why: str) -> UserError:
        return UserError(f"{self.path} is not a sound ELF file: {why}")

    def unpack(self, layout: str, offset: int) -> tuple[int, ...]:
        if offset < 0 or offset + struct.calcsize(layout) > len(self.data):
            raise self.fail(f"bytes {offset} and on are asked for, but it has {len(self.data)}")
        return struct.unpack_from(layout, self.data, offset)

    def text(self, section: Section, offset: int) -> str:
        if offset >= section.size_bytes:
            raise self.fail(f"a name lies outside section {section.name or 'of names'}")
        begin = section.offset + offset
        end = self.data.find(b"\0", begin, section.offset + section.size_bytes)
        return self.data[begin : end if end >= 0 else begin].decode("utf-8", "replace")

    def read(self) -> ElfFile:
        if self.data[:6] != b"\x7fELF\x02\x01":
            raise self.fail("it does not begin as a 64-bit little-endian one")
        machine = self.unpack("<H", 18)[0]
        elf = ElfFile(_MACHINES.get(machine, f"machine {machine}"), self._sections())
        tables = [s for s in elf.sections if s.kind == _SHT_DYNSYM] or [
            s for s in elf.sections if s.kind == _SHT_SYMTAB
        ]
        for table in tables:
            self._symbols(elf, table)
        for section in elf.sections:
            if section.kind == _SHT_DYNAMIC:
                self._dynamic(elf, section)
        return elf

    def _sections(self) -> list[Section]:
        (start,) = self.unpack("<Q", 40)
        size, count, names = self.unpack("<HHH", 58)
        if count and size != 64:
            raise self.fail(f"its section headers have {size} bytes, not 64")
        raw = []
        for n in range(count):
            name, kind, _, address, offset, length, link, _, _, _ = self.unpack("<IIQQQQIIQQ", start + n * 64)
            if kind != 8 and offset + length > len(self.data):  # 8: no bits in the file
                raise self.fail(f"section {n} reaches beyond its end")
            raw.append((name, Section("", kind, address, offset, length, link)))
        if not raw:
            return []
        if names >= count:
            raise self.fail("the section of names does not exist")
        table = raw[names][1]
        return [
            Section(self.text(table, n), s.kind, s.address, s.offset, s.size_bytes, s.link) for n, s in raw
        ]

    def _linked(self, elf: ElfFile, section: Section) -> Section:
        if section.link >= len(elf.sections):
            raise self.fail(f"section {section.name} names strings that do not exist")
        return elf.sections[section.link]

    def _symbols(self, elf: ElfFile, table: Section) -> None:
        strings = self._linked(elf, table)
        for offset in range(table.offset, table.offset + table.size_bytes - 23, 24):
            name, info, other, index, value, size = self.unpack("<IBBHQQ", offset)
            binding = _BINDINGS.get(info >> 4, "other")
            elf.symbols.append(
                Symbol(self.text(strings, name), binding, index != 0, other & 3 in (0, 3), value, size)
            )

    def _dynamic(self, elf: ElfFile, section: Section) -> None:
        strings = self._linked(elf, section)
        for offset in range(section.offset, section.offset + section.size_bytes - 15, 16):
            tag, value = self.unpack("<QQ", offset)
            if tag == _DT_NEEDED:
                elf.needed.append(self.text(strings, value))
            elif tag == _DT_SONAME:
                elf.soname = self.text(strings, value)
            elif tag == _DT_RUNPATH:
                elf.runpath = self.text(strings, value)
