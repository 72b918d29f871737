"""Files that appear whole or not at all, and words for a disk that takes no more.

Enters: OSErrors, finished files. Leaves: errors for people; files under their final names.
"""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

from compiler.support.diagnostics import UserError


def no_space(what: str, folder: Path) -> UserError:
    """The error for a full disk, or a file that may not grow, wherever it strikes."""
    return UserError(
        f"{what}: no space left in {folder} (the disk is full, or a limit on file size was hit). Free some space, or choose another "
        "place with -o (outputs), --cache (compiled objects) or TMPDIR (the compiler's own files)"
    )


def is_no_space(error: OSError) -> bool:
    """Whether an OSError means that nothing more can be written."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def cannot_write(error: OSError, folder: Path) -> UserError:
    """The error for outputs that cannot be written."""
    if is_no_space(error):
        return no_space("writing the outputs", folder)
    return UserError(f"cannot write into {folder}: {error.strerror}; choose another folder with -o")


def move(source: Path, final: Path) -> None:
    """Renames; across disks copies under a hidden name first."""
    try:
        os.replace(source, final)
    except OSError:
        partial = final.with_name(f".{final.name}.partial")
        try:
            shutil.copyfile(source, partial)
            os.replace(partial, final)
        finally:
            partial.unlink(missing_ok=True)
