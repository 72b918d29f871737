"""The files of the source tree that linters look at: what a person wrote, nothing that a build made."""

from __future__ import annotations

import os
from pathlib import Path

_SKIPPED = ("__pycache__", "node_modules")


def source_files(root: Path) -> list[str]:
    """Paths relative to `root`, sorted; hidden folders, Bazel's links and caches are left out."""
    found = []
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(
            name for name in folders if not name.startswith((".", "bazel-")) and name not in _SKIPPED
        )
        relative = Path(folder).relative_to(root)
        found += [(relative / name).as_posix() for name in files]
    return sorted(found)
