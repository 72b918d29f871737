"""What aoti_cc_library links: exported symbols, both instruction sets, embedded weights, each flavour of the shim."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest

FOLDER = Path("tools/bazel/tests/rules")
SHIMS = ("static", "shared", "torch")


def load(shim: str) -> ctypes.CDLL:
    if shim == "torch":
        ctypes.CDLL(str((FOLDER / "stub/libtorch_cpu.so").resolve()))  # the process brings libtorch
    return ctypes.CDLL(str((FOLDER / f"libstandin_{shim}.so").resolve()))


@pytest.mark.parametrize("shim", SHIMS)
def test_weights_and_both_kernel_variants_are_inside(shim: str) -> None:
    library = load(shim)
    assert library.AOTInductorModelContainerRun(3, 1) == 42
    assert library.AOTInductorModelContainerRun(4, 2) == 43


@pytest.mark.parametrize("shim", SHIMS)
def test_exports_are_the_interface_and_nothing_else(shim: str) -> None:
    exported = dynamic_symbols(FOLDER / f"libstandin_{shim}.so", defined=True)
    assert exported == {"AOTInductorModelContainerRun", "aoti_model_api", "standin_static_api"}


@pytest.mark.parametrize(
    ("shim", "needed"),
    [("static", set()), ("shared", {"aoti_torch_standin"}), ("torch", {"aoti_torch_standin"})],
)
def test_shim_functions_are_where_the_flavour_says(shim: str, needed: set[str]) -> None:
    imported = dynamic_symbols(FOLDER / f"libstandin_{shim}.so", defined=False)
    assert {name for name in imported if name.startswith("aoti_")} == needed


@pytest.mark.parametrize(
    ("shim", "library"), [("shared", b"libstandin_shim.so\0"), ("torch", b"libtorch_cpu.so\0")]
)
def test_needed_library_is_named(shim: str, library: bytes) -> None:
    assert library in (FOLDER / f"libstandin_{shim}.so").read_bytes()


@pytest.mark.parametrize("shim", SHIMS)
def test_no_path_of_the_build_is_inside(shim: str) -> None:
    data = (FOLDER / f"libstandin_{shim}.so").read_bytes()
    assert b"weights.bin" not in data
    assert b"bazel-out" not in data
    assert b"execroot" not in data


def dynamic_symbols(path: Path, *, defined: bool) -> set[str]:
    """Names in the dynamic symbol table that the library defines, or those that it wants."""
    data = path.read_bytes()

    def number(at: int, size: int) -> int:
        return int.from_bytes(data[at : at + size], "little")

    headers = [number(40, 8) + i * number(58, 2) for i in range(number(60, 2))]
    table = next(h for h in headers if number(h + 4, 4) == 11)  # SHT_DYNSYM
    strings = number(headers[number(table + 40, 4)] + 24, 8)
    names = set()
    for at in range(number(table + 24, 8) + 24, number(table + 24, 8) + number(table + 32, 8), 24):
        start = strings + number(at, 4)
        if (number(at + 6, 2) != 0) == defined:
            names.add(data[start : data.index(b"\0", start)].decode())
    return names
