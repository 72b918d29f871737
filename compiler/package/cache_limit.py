"""How large the folder of compiled objects may grow.

Enters: a folder of `objects/3f/NAME.o`. Leaves: the same with what was not used for longest removed, down to the limit. A use is noted
as the file's time. What was used within the last hour stays, whatever the size: another process may be about to link it. Unfinished
files of processes that were killed go after the same time. A folder is looked through once an hour at most.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from compiler.support.diagnostics import UserError

DEFAULT_MB = 4096
IN_USE_S = 3600.0


def limit_bytes() -> int:
    """`$AOTI_CACHE_MB`, in bytes. Raises UserError where it is no number."""
    text = os.environ.get("AOTI_CACHE_MB", str(DEFAULT_MB))
    if not text.isdecimal():
        raise UserError(
            f"AOTI_CACHE_MB is '{text}': expected a whole number of megabytes, such as {DEFAULT_MB}"
        )
    return int(text) << 20


def used(path: Path) -> None:
    """Notes that an object was used now."""
    with contextlib.suppress(OSError):  # a cache that only another user may write is used all the same
        os.utime(path)


def _is_due(stamp: Path, before: float) -> bool:
    """Whether the folder was last looked through before that time; notes that it is now."""
    try:
        if stamp.stat().st_mtime > before:
            return False
    except OSError:
        pass  # never, or no folder yet
    with contextlib.suppress(OSError):
        stamp.touch()
    return True


def trim(folder: Path) -> None:
    """Removes the objects in `folder` that were not used for longest until the rest is within the limit."""
    limit, before = limit_bytes(), time.time() - IN_USE_S
    if not _is_due(folder / ".trimmed", before):
        return
    found = []
    for path in folder.glob("*/*"):
        try:
            state = path.stat()
        except OSError:
            continue  # removed by another process
        found.append((state.st_mtime, state.st_size, path))
    excess = sum(size for _, size, _ in found) - limit
    for last_use, size, path in sorted(found):
        unfinished = path.name.startswith(".making-")
        if last_use > before or (excess <= 0 and not unfinished):
            continue
        try:
            path.unlink()
            excess -= size
        except OSError:
            continue  # removed by another process, or not ours to remove
