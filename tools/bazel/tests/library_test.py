"""A library of the C++ toolchain loads into Python, and small Python tests start without the large packages."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

LIBRARY = Path("tools/bazel/tests/libeverything.so")


def test_python_is_the_locked_version() -> None:
    assert sys.version_info[:2] == (3, 11), sys.version


def test_packages_of_the_machine_are_not_seen() -> None:
    outside = [folder for folder in sys.path if "site-packages" in folder or "dist-packages" in folder]
    assert not outside, outside


def test_library_works_in_python() -> None:
    library = ctypes.CDLL(str(LIBRARY.resolve()))
    library.everything_last_error.restype = ctypes.c_char_p
    assert library.everything_run(4) == 10
    assert library.everything_run(9) == -1
    assert library.everything_last_error() == b"too many: 9"


def test_library_exports_only_its_own_symbols() -> None:
    library = ctypes.CDLL(str(LIBRARY.resolve()))
    assert not hasattr(library, "_ZTISt9exception")
    assert b"GLIBCXX" not in LIBRARY.read_bytes()


def test_large_packages_are_not_imported() -> None:
    assert not {"torch", "numpy"} & set(sys.modules)
