"""docs/ops.md is what the generator makes of the committed results."""

from __future__ import annotations

from pathlib import Path

from tests.ops.document import page
from tests.ops.results import read, text

_ROOT = Path(__file__).resolve().parents[2]


def test_the_page_is_the_generators() -> None:
    results = read(_ROOT / "tests/ops/results.json")
    assert (_ROOT / "docs/ops.md").read_text() == page(results), (
        "run //tests/ops:document after a sweep: docs/ops.md is generated"
    )


def test_the_result_file_is_in_its_canonical_form() -> None:
    path = _ROOT / "tests/ops/results.json"
    assert path.read_text() == text(read(path))
