"""The generated tables: sorted, without overlap, and right at characters whose treatment is well known."""

from __future__ import annotations

import itertools
import re
import unicodedata

import pytest

from models.semantic_search import unicode_tables


@pytest.mark.parametrize(
    ("char", "kind"),
    [
        (" ", "kSpace"),
        ("\n", "kSpace"),
        ("\u00a0", "kSpace"),
        ("\u3000", "kSpace"),
        ("\x00", "kDropped"),
        ("\x0b", "kDropped"),
        ("\u200d", "kDropped"),
        ("\u0301", "kDropped"),
        ("\ufffd", "kDropped"),
        ("\ue000", "kDropped"),
        ("$", "kPunctuation"),
        ("`", "kPunctuation"),
        ("\u2019", "kPunctuation"),
        ("\u4e2d", "kIdeograph"),
        ("\uf900", "kIdeograph"),
        ("\ud55c", None),
        ("\u3042", None),
        ("a", None),
        ("7", None),
        ("\u20ac", None),
    ],
)
def test_classes(char: str, kind: str | None) -> None:
    assert unicode_tables.classify(ord(char)) == kind


@pytest.fixture(scope="module")
def ranges() -> list[tuple[int, int, str]]:
    return unicode_tables.class_ranges()


@pytest.fixture(scope="module")
def mappings() -> list[tuple[int, str]]:
    return unicode_tables.mappings()


def test_mappings(mappings: list[tuple[int, str]]) -> None:
    found = dict(mappings)
    assert found[ord("A")] == "a" and found[0xC9] == "e" and found[0x1E69] == "s"
    assert found[0x130] == "i" and found[0x212B] == "a" and found[0x37E] == ";"
    assert ord("a") not in found and 0xAC00 not in found and 0x301 not in found


def test_ranges_are_sorted_and_disjoint(ranges: list[tuple[int, int, str]]) -> None:
    assert all(first <= last for first, last, _ in ranges)
    assert all(a[1] < b[0] for a, b in itertools.pairwise(ranges))


def test_results_are_final(mappings: list[tuple[int, str]]) -> None:
    found = dict(mappings)
    for code, text in found.items():
        assert text, f"U+{code:04X} maps to nothing but is not dropped"
        for char in text:
            assert found.get(ord(char), char) == char, (
                f"U+{code:04X}: U+{ord(char):04X} would be mapped again"
            )
            assert unicode_tables.classify(ord(char)) not in ("kSpace", "kDropped")


def test_header_holds_every_row(ranges: list[tuple[int, int, str]], mappings: list[tuple[int, str]]) -> None:
    text = unicode_tables.header()
    assert f"Unicode {unicodedata.unidata_version}" in text
    assert len(re.findall(r"CharClass::k\w+\}", text)) == len(ranges)
    rows = re.findall(r"\{(0x[0-9a-f]+), (\d+), (\d+)\}", text)
    mapped = text.split("kMapped[] = {")[1].split("}")[0].replace("\n", " ").split(",")
    codes = [chr(int(item, 16)) for item in mapped if item.strip()]
    assert [(int(c, 16), "".join(codes[int(at) : int(at) + int(n)])) for c, at, n in rows] == mappings
    # The C++ struct keeps offsets in 16 bits.
    assert len(codes) < 2**16
