"""docs/AOTInductor_example.ipynb runs from its first cell to its last, and is a notebook that says what its cells print."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.notebook.run_notebook import NOTEBOOK, CellFailed, code_cells, read, run, text

_PATH = Path(__file__).resolve().parents[2] / NOTEBOOK


def test_every_cell_runs_and_prints_where_it_is_stored_to_print() -> None:
    """Cells hold their own assertions. Which of them print is compared, not what: the generated code in the outputs may lag behind."""
    for cell, printed in run(read(_PATH)):
        assert bool(cell["outputs"]) == bool(printed), f"{cell['id']}: run //tests/notebook:run -- --write"


def test_the_file_is_a_notebook_in_its_one_form() -> None:
    notebook = read(_PATH)
    assert _PATH.read_text() == text(notebook)
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(set(ids)) == len(ids)
    assert [cell["execution_count"] for cell in code_cells(notebook)] == list(
        range(1, len(code_cells(notebook)) + 1)
    )


def test_cells_are_plain_python_that_ends_without_a_value() -> None:
    for cell in code_cells(read(_PATH)):
        last = ast.parse("".join(cell["source"])).body[-1]
        is_value = isinstance(last, ast.Expr) and not isinstance(last.value, ast.Call)
        assert not is_value, f"{cell['id']} ends with a value, which only Jupyter would show"


def test_a_cell_that_fails_is_named() -> None:
    cells = [
        {"cell_type": "code", "id": f"cell-{n}", "source": [s]}
        for n, s in enumerate(("a = 1", "assert a == 2"))
    ]
    with pytest.raises(CellFailed, match="cell-1:\nassert a == 2"):
        list(run({"cells": cells}))
