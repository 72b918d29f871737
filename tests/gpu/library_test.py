"""The table's fields as tests/gpu/library.py counts them, against the header."""

from __future__ import annotations

import re
from pathlib import Path

from tests.gpu.library import DTYPES, FIELDS


def test_fields_are_those_of_the_header() -> None:
    header = Path("runtime/include/aoti/model_api.h").read_text()
    table = header[header.index("typedef struct AotiModelApi {") : header.index("} AotiModelApi;")]
    declared = re.findall(r"\(\*(\w+)\)\(", table)
    assert ("desc", *(name for name in declared if name != "deleter")) == FIELDS


def test_dtype_numbers_are_those_of_the_header() -> None:
    header = Path("shim/include/aoti/dtypes.h").read_text()
    numbers = {name: int(number) for number, name in re.findall(r"X\(\w+, (\d+), \d+, (\w+)", header)}
    assert {
        str(dtype).removeprefix("torch."): number for dtype, (number, _) in DTYPES.items()
    }.items() <= numbers.items()
