"""A minimal shared library, byte by byte, for tests of whatever reads one."""

from __future__ import annotations

import struct


def shared_library(exported: str = "mine") -> bytes:
    """A minimal shared library: exports `exported`, hides `inside`, imports `malloc` and (weakly) `hook`, needs libc.so.6."""
    name_out = exported.encode() + b"\0"
    strings = b"\0" + name_out + b"inside\0malloc\0hook\0libc.so.6\0libmine.so\0"
    names = b"\0.dynsym\0.dynstr\0.dynamic\0.shstrtab\0"

    def symbol(name: bytes, binding: int, visibility: int, section: int) -> bytes:
        return struct.pack("<IBBHQQ", strings.index(name), binding << 4, visibility, section, 0, 0)

    symbols = (
        bytes(24)
        + symbol(name_out, 1, 0, 1)
        + symbol(b"inside\0", 1, 2, 1)
        + symbol(b"malloc\0", 1, 0, 0)
        + symbol(b"hook\0", 2, 0, 0)
    )
    dynamic = struct.pack("<QQQQQQ", 1, strings.index(b"libc.so.6"), 14, strings.index(b"libmine.so"), 0, 0)
    parts, offset = [], 64
    sections = [struct.pack("<IIQQQQIIQQ", 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)]
    for name, kind, data, link in (
        (b".dynsym", 11, symbols, 2),
        (b".dynstr", 3, strings, 0),
        (b".dynamic", 6, dynamic, 2),
        (b".shstrtab", 3, names, 0),
    ):
        sections.append(
            struct.pack(
                "<IIQQQQIIQQ", names.index(name + b"\0"), kind, 0, 0, offset, len(data), link, 0, 0, 0
            )
        )
        parts.append(data)
        offset += len(data)
    head = (
        b"\x7fELF\x02\x01\x01"
        + bytes(9)
        + struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, 0, offset, 0, 64, 0, 0, 64, len(sections), 4)
    )
    return head + b"".join(parts) + b"".join(sections)
