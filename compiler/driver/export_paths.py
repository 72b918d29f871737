"""Names of source files that do not depend on the folder the export runs in.

Enters: the path of a source file, or a stack trace that names some. Leaves: the same with paths relative to the root that
Python found the file under: `models/x.py`, `torch/nn/modules/linear.py`.

    /home/me/src/models/x.py                         -> models/x.py
    /sandbox/7/execroot/_main/models/x.py            -> models/x.py
    /usr/lib/python3/site-packages/torch/nn/a.py     -> torch/nn/a.py

Invariant: the result is never absolute and never holds a build's output folder.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

# Root of this repository (or of its runfiles), above compiler/driver/.
_REPOSITORY_ROOT = str(Path(__file__).absolute().parents[2])
_BAZEL_OUTPUT_FOLDER = re.compile(r"^bazel-out/[^/]+/(?:bin|genfiles)/")
_TRACE_FILE = re.compile(r'File "([^"]+)"')


def portable_path(path: str) -> str:
    """`path` relative to its import root; its bare name where it has none."""
    spellings = dict.fromkeys((os.path.abspath(path), os.path.realpath(path)))
    for spelling in spellings:
        _, marker, rest = spelling.rpartition("/site-packages/")
        if marker:
            return rest
    # The repository comes first: a run inside one of its folders puts that folder on sys.path as well.
    search_path = sorted(
        {os.path.abspath(entry) for entry in sys.path}, key=lambda entry: (-len(entry), entry)
    )
    for root in (_REPOSITORY_ROOT, *search_path, os.getcwd()):
        for base in dict.fromkeys((root, os.path.realpath(root))):
            for spelling in spellings:
                if spelling.startswith(base.rstrip("/") + "/"):
                    return _BAZEL_OUTPUT_FOLDER.sub("", os.path.relpath(spelling, base))
    return os.path.basename(path)


def portable_trace(trace: str) -> str:
    """A Python stack trace with every `File "..."` made portable. Names such as `<string>` stay."""
    return _TRACE_FILE.sub(lambda m: m[0] if m[1].startswith("<") else f'File "{portable_path(m[1])}"', trace)
