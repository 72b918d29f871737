"""Runs a notebook's cells without Jupyter: one namespace, in order, from the repository's root.

    bazel run //tests/notebook:run                     docs/AOTInductor_example.ipynb, cell by cell
    bazel run //tests/notebook:run -- --write          ... and what the cells printed goes into the file

Enters: a notebook of format 4 whose code cells are plain Python (no magics), so that this and Jupyter run the same.
Leaves: what each cell printed; `CellFailed` with the cell's text and the error for the first that fails.
Invariant: a cell prints; the value of its last expression is not shown, here or, since no cell ends with one, in Jupyter.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from absl import app, flags

FLAGS = flags.FLAGS

NOTEBOOK = "docs/AOTInductor_example.ipynb"


class CellFailed(Exception):
    """A cell raised; the text has the cell, and where in it."""


def read(path: Path) -> dict[str, Any]:
    """The notebook as data."""
    notebook: dict[str, Any] = json.loads(path.read_text())
    return notebook


def text(notebook: dict[str, Any]) -> str:
    """The file of a notebook, in one form."""
    return json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def code_cells(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    """The cells that are run."""
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def run(notebook: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """(cell, what it printed) of every code cell, one after the other."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for cell in code_cells(notebook):
        source = "".join(cell["source"])
        printed = io.StringIO()
        try:
            with contextlib.redirect_stdout(printed):
                exec(compile(ast.parse(source), f"<{cell['id']}>", "exec"), namespace)
        except Exception as error:
            raise CellFailed(
                f"{cell['id']}:\n{source}\n\n{printed.getvalue()}{traceback.format_exc()}"
            ) from error
        yield cell, printed.getvalue()


def set_output(cell: dict[str, Any], number: int, printed: str) -> None:
    """Puts what a cell printed into it, as Jupyter does."""
    cell["execution_count"] = number
    rows = printed.splitlines(keepends=True)
    cell["outputs"] = [{"name": "stdout", "output_type": "stream", "text": rows}] if rows else []


def main(argv: Sequence[str]) -> int:
    """1 where a cell fails."""
    root = Path(os.environ.get("BUILD_WORKSPACE_DIRECTORY", "."))
    path = root / NOTEBOOK
    notebook = read(path)
    try:
        for number, (cell, printed) in enumerate(run(notebook), 1):
            print(f"-- {cell['id']}\n{printed}", flush=True)
            set_output(cell, number, printed)
    except CellFailed as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if FLAGS.write:
        path.write_text(text(notebook))
    return 0


if __name__ == "__main__":
    flags.DEFINE_bool("write", False, "Put the outputs into the notebook.")
    app.run(main)
