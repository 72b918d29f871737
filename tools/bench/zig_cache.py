"""Keeps zig from making a compilation look faster than a first one: it keeps every object that it has compiled, by its contents, below
ZIG_GLOBAL_CACHE_DIR, and gives it again to whoever compiles the same.

A folder of it that has only what every first compilation on a machine makes (zig's C++ library) is copied for each compilation that is
timed. Other compilers keep nothing and know nothing of the variable.
"""

from __future__ import annotations

import shutil
from pathlib import Path


def environment(folder: Path) -> dict[str, str]:
    """Variables that make zig use this folder."""
    return {"ZIG_GLOBAL_CACHE_DIR": str(folder)}


def copied(folder: Path, to: Path) -> Path:
    """`to`, which is made anew; empty where no zig has used `folder`. Files are copied, not linked: zig writes to some of them."""
    shutil.rmtree(to, ignore_errors=True)
    if folder.is_dir():
        shutil.copytree(folder, to, symlinks=True)
    return to
