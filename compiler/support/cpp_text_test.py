"""Text for C++: names and literals mean what they should."""

from __future__ import annotations

import pytest

from compiler.support import cpp_text


@pytest.mark.parametrize(
    "name, wanted",
    [
        ("x", "x"),
        ("class", "class_"),
        ("NULL", "NULL_"),
        ("1st", "v1st"),
        ("a.b-c", "a_b_c"),
        ("__x", "x"),
        ("", "v"),
        ("taken", "taken_"),
        ("ä", "v"),
    ],
)
def test_identifiers(name: str, wanted: str) -> None:
    assert cpp_text.identifier(name, {"taken"}) == wanted


@pytest.mark.parametrize(
    "text, wanted",
    [
        ("plain", '"plain"'),
        ('a"b\\', '"a\\"b\\\\"'),
        ("line\n", '"line\\012"'),
        ("ä", '"\\303\\244"'),
        ("what??!", '"what?\\?!"'),
    ],
)
def test_strings(text: str, wanted: str) -> None:
    assert cpp_text.string(text) == wanted


def test_comments_stay_on_their_line() -> None:
    assert cpp_text.comment("a\n b\\") == "a b"
