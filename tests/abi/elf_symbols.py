"""The dynamic symbols of an ELF library, read from the file.

Enters: a path to a 64-bit little-endian shared library. Leaves: names it exports, names it imports, libraries it needs.

    read("libmy_model_aoti.so").exported    ->    {"AOTInductorModelContainerRun", "aoti_model_api", ...}
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

_DYNAMIC, _DYNSYM = 6, 11  # section types
_NEEDED = 1
_LOCAL, _WEAK = 0, 2  # bindings


@dataclass(frozen=True)
class Symbols:
    exported: frozenset[str]
    imported: frozenset[str]
    weakly_imported: frozenset[str]
    needed: tuple[str, ...]


def _text(data: bytes, at: int) -> str:
    return data[at : data.index(0, at)].decode()


def read(path: str) -> Symbols:
    data = Path(path).read_bytes()
    if data[:6] != b"\x7fELF\x02\x01":
        raise ValueError(f"{path}: not a 64-bit little-endian ELF file")
    table, size, count = *struct.unpack_from("<Q", data, 40), *struct.unpack_from("<HH", data, 58)
    sections = [struct.unpack_from("<IIQQQQIIQQ", data, table + i * size) for i in range(count)]
    exported: set[str] = set()
    imported: set[str] = set()
    weak: set[str] = set()
    needed: list[str] = []
    for section in sections:
        kind, offset, length = section[1], section[4], section[5]
        if kind not in (_DYNAMIC, _DYNSYM):
            continue
        strings = sections[section[6]][4]
        if kind == _DYNAMIC:
            entries = struct.iter_unpack("<QQ", data[offset : offset + length])
            needed += [_text(data, strings + value) for tag, value in entries if tag == _NEEDED]
            continue
        for name, info, _, index, _, _ in struct.iter_unpack("<IBBHQQ", data[offset : offset + length]):
            if info >> 4 == _LOCAL:
                continue
            target = exported if index else weak if info >> 4 == _WEAK else imported
            target.add(_text(data, strings + name))
    return Symbols(frozenset(exported), frozenset(imported), frozenset(weak), tuple(needed))
