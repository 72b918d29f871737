"""What a library of a real model is: its size, what it needs, what it exports. The smallest model has room for a megabyte."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.abi.elf_symbols import Symbols, read
from tests.abi.symbols_test import C_LIBRARIES, listed, of_shim

SMALLEST_MAX_BYTES = 1 << 20
MY_MODEL = os.environ["AOTI_MY_MODEL_LIBRARY"]
LIBRARIES = {
    "my_model_aoti": MY_MODEL,
    "minilm_aoti": os.environ["AOTI_MINILM_LIBRARY"],
    "resnet18_aoti": os.environ["AOTI_RESNET18_LIBRARY"],
}
# Of the C library's own start-up code; absent from the oldest one.
WEAK_IMPORTS = {"__cxa_finalize"}


@pytest.fixture(params=LIBRARIES)
def library(request: pytest.FixtureRequest) -> tuple[str, Symbols]:
    return request.param, read(LIBRARIES[request.param])


def test_smallest_model_fits_a_megabyte() -> None:
    assert Path(MY_MODEL).stat().st_size <= SMALLEST_MAX_BYTES


def test_needs_the_c_library_only(library: tuple[str, Symbols]) -> None:
    assert set(library[1].needed) <= C_LIBRARIES
    assert not of_shim(library[1].imported)
    assert library[1].imported <= listed("shim/abi/libc_imports.txt")
    assert library[1].weakly_imported <= WEAK_IMPORTS


def test_a_program_over_a_model_needs_the_c_library_only() -> None:
    """semantic_search is C++ with neither Python nor libtorch: of the model library it knows the name."""
    needed = set(read(os.environ["AOTI_SEMANTIC_SEARCH"]).needed)
    assert needed - C_LIBRARIES == {"libminilm_aoti.so"}


def test_exports_the_model_interface_only(library: tuple[str, Symbols]) -> None:
    name, symbols = library
    assert symbols.exported == listed("shim/abi/model_library.txt") | {f"{name}_api"}
