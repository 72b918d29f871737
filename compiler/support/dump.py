"""Writes what each stage and pass made into a folder, and marks those that changed nothing.

Enters: (name, text) after each stage or pass, in the order they run. Leaves: numbered files and `index.txt`, which tells for each
whether it changed the text before it (of the same stage, or the last one of the stage before) and by how many lines.

    00_frontend.txt
    01_fx_passes.decompose.txt
    02_fx_passes.fold.txt         "unchanged since 01_fx_passes.decompose.txt"
    index.txt                     01 fx_passes.decompose   changed: +12 -3 lines
                                  02 fx_passes.fold        unchanged
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

from compiler.support.diagnostics import UserError


class Dumper:
    """Call it with a name and a text; it is a `Context.dump`. Raises UserError when the folder cannot be written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.count = 0
        self.last_text = ""
        self.last_file = ""
        self.index: list[str] = []

    def __call__(self, name: str, text: str) -> None:
        label = f"{self.count:02d}_{name}.txt"
        verdict = "first"
        content = text
        if self.last_file:
            verdict = _difference(self.last_text, text)
            if text == self.last_text:
                content = f"unchanged since {self.last_file}\n"
        self.index.append(f"{self.count:02d} {name:<32} {verdict}\n")
        self.write(label, content)
        self.write("index.txt", "".join(self.index))
        if text != self.last_text:
            self.last_text, self.last_file = text, label
        self.count += 1

    def write(self, name: str, content: str) -> None:
        """A file of the folder, whole or not at all."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            partial = self.folder / f".{name}.partial"
            partial.write_text(content)
            os.replace(partial, self.folder / name)
        except OSError as e:
            raise UserError(
                f"cannot write the dump into {self.folder}: {e.strerror} (choose another folder with --dump=DIR)"
            ) from None


def _difference(before: str, after: str) -> str:
    """Lines that came and went, as sets with repetition: enough to see how much a pass did."""
    if before == after:
        return "unchanged"
    old, new = Counter(before.splitlines()), Counter(after.splitlines())
    return f"changed: +{(new - old).total()} -{(old - new).total()} lines"
