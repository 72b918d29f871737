"""What a library of a real model is: its size, what it needs, what it exports. The smallest model has room for a megabyte."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.abi.elf_symbols import Symbols, read
from tests.abi.symbols_test import C_LIBRARIES, listed, of_shim

SMALLEST_MAX_BYTES = 1 << 20
MY_MODEL = os.environ["AOTI_MY_MODEL_LIBRARY"]
LIBRARIES = {"my_model_aoti": MY_MODEL, "minilm_aoti": os.environ["AOTI_MINILM_LIBRARY"]}


@pytest.fixture(params=LIBRARIES)
def library(request: pytest.FixtureRequest) -> tuple[str, Symbols]:
    return request.param, read(LIBRARIES[request.param])


def test_smallest_model_fits_a_megabyte() -> None:
    assert Path(MY_MODEL).stat().st_size <= SMALLEST_MAX_BYTES


def test_needs_the_c_library_only(library: tuple[str, Symbols]) -> None:
    assert set(library[1].needed) <= C_LIBRARIES
    assert not of_shim(library[1].imported)


def test_exports_the_model_interface_only(library: tuple[str, Symbols]) -> None:
    name, symbols = library
    assert symbols.exported == listed("shim/abi/model_library.txt") | {f"{name}_api"}
