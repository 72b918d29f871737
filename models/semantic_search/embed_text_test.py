"""The generated C++ constant, read back by the rules of C++ string literals, is the text."""

from __future__ import annotations

import ast
import re

from models.semantic_search import embed_text


def read_back(source: str) -> tuple[bytes, int]:
    """The literals joined (their escapes mean in a Python bytes literal what they mean in C++), and the size given."""
    literals = re.findall(r'^    ("(?:[^"\\]|\\.)*")', source, re.MULTILINE)
    match = re.search(r"^    (\d+)\);", source, re.MULTILINE)
    assert match is not None
    return b"".join(ast.literal_eval("b" + text) for text in literals), int(match[1])


def test_round_trip() -> None:
    text = 'plain\n"quoted" \\ back\n\n\u00e9\u4e2d\U0001f600 7\ttab \x01 2\n??/ trigraph\n'
    source = embed_text.source(text, "space", "kName")
    data, size = read_back(source)
    assert data == text.encode() and size == len(data)
    assert "namespace space {" in source and "const std::string_view kName(" in source
    assert source.isascii()


def test_last_newline_is_added() -> None:
    assert read_back(embed_text.source("a\nb", "n", "k"))[0] == b"a\nb\n"
