"""What the three flavours of a model library, and the shared shim, export and import, against committed lists."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.abi.elf_symbols import Symbols, read

TOY = "runtime/model/testing/libtoy_{}.so"
# What a flavour may name as needed. The linker's own library serves thread-local variables.
C_LIBRARIES = {"libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "ld-linux-x86-64.so.2"}
SHIM_PREFIXES = ("aoti_torch_", "aoti_record_", "torch_")


def listed(path: str) -> set[str]:
    return {line for line in Path(path).read_text().splitlines() if line and not line.startswith("#")}


def of_shim(names: frozenset[str]) -> set[str]:
    return {name for name in names if name.startswith(SHIM_PREFIXES)}


@pytest.fixture(scope="module", params=["static", "shared", "torch"])
def flavour(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture()
def library(flavour: str) -> Symbols:
    return read(TOY.format(flavour))


def test_exports_are_the_model_interface(library: Symbols) -> None:
    assert library.exported == listed("shim/abi/model_library.txt") | {"toy_api"}


def test_imports_from_c_are_listed(library: Symbols) -> None:
    """No C++ library, nothing unexpected: a new import is added to the list by a person who has looked at it."""
    assert library.imported - of_shim(library.imported) <= listed("shim/abi/libc_imports.txt")


def test_shim_is_inside_or_imported(flavour: str, library: Symbols) -> None:
    shim = of_shim(library.imported)
    if flavour == "static":
        assert not shim
        assert set(library.needed) <= C_LIBRARIES
        return
    assert shim
    assert set(library.needed) - C_LIBRARIES == {
        "libaoti_shim.so" if flavour == "shared" else "libtorch_cpu.so"
    }
    assert shim <= listed("shim/abi/aoti_shim.txt")
    assert shim <= listed("shim/abi/libtorch_2.13.txt")
    # An older libtorch lacks these; the library works without.
    optional = {"torch_exception_get_what_without_backtrace", "torch_from_blob"}
    assert of_shim(library.weakly_imported) <= optional


def test_shared_shim_exports_its_list() -> None:
    shim = read("shim/libaoti_shim.so")
    assert shim.exported == listed("shim/abi/aoti_shim.txt")
    assert set(shim.needed) <= C_LIBRARIES
    assert shim.imported <= listed("shim/abi/libc_imports.txt")


def test_stand_in_for_libtorch_exports_its_list() -> None:
    exported = read("shim/torch_compat/libtorch_cpu.so").exported
    assert exported == listed("shim/abi/torch_compat.txt")
    assert listed("shim/abi/aoti_shim.txt") <= exported


def test_shim_is_a_part_of_libtorch() -> None:
    """Every function of ours has PyTorch's name, except the accessor of the last error."""
    libtorch = listed("shim/abi/libtorch_2.13.txt") | listed("shim/abi/libtorch_cuda_2.13.txt")
    extra = listed("shim/abi/aoti_shim.txt") - libtorch
    assert extra == {"aoti_torch_get_last_error"}
