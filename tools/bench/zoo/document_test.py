"""docs/zoo.md is what the generator makes of the committed results, and says what they say."""

from __future__ import annotations

from pathlib import Path

from tools.bench.zoo import results
from tools.bench.zoo.document import page

_ROOT = Path(__file__).resolve().parents[3]
_MACHINE = {"versions": {"python": "3.11", "torch": "2.13.0", "g++": "12"}}


def row(name: str, **steps: dict[str, object]) -> dict[str, object]:
    return {"name": name, "family": "convnet", "library": "torch", **steps}


OK = {"why": "", "seconds": 4.0, "cpu_seconds": 5.0, "megabytes": 1}
ROWS = [
    row("right", export=OK, compile={**OK, "kernels": 3}, judge={**OK, "distance": 0.0, "eager_distance": 0.0},
        aotinductor={**OK, "seconds": 16.0, "cpu_seconds": 10.0}, speed={**OK, "ours": 1.0, "eager": 4.0, "aotinductor": 2.0}),
    row("wrong", export=OK, compile=OK, judge={**OK, "why": "output 0\nis off"}),
    row("refused", export=OK, compile={**OK, "why": "aten.`x` is not lowered"}),
    row("closed", export={**OK, "why": "it branches on data"}),
]  # fmt: skip


def test_counts_rows_and_reasons() -> None:
    text = page(ROWS, _MACHINE)
    assert "**3 of 4 export; of these 2 compile and 1 are right (33.3 %).**" in text
    assert "| right | convnet | yes | yes | yes | 3 | 5.0 | 0.50 | 1 | 0.25 | 0.50 |" in text
    assert "| wrong | convnet | yes | yes | **no** |  | 5.0 |  |" in text
    assert "| refused | convnet | yes | **no** |  |" in text
    assert "| closed | convnet | **no** |  |  |" in text
    assert "- **wrong**: `output 0 is off`" in text
    assert "- **refused**: `aten.'x' is not lowered`" in text
    assert (
        "Processor time of compilation, as a multiple of AOTInductor's: median 0.50, largest 0.50 over 1."
        in text
    )


def test_the_page_is_the_generators() -> None:
    rows, machine = results.read_all(_ROOT / "tools/bench/zoo/results.json")
    assert (_ROOT / "docs/zoo.md").read_text() == page(rows, machine), "run //tools/bench/zoo:document"


def test_the_result_file_is_in_its_canonical_form() -> None:
    path = _ROOT / "tools/bench/zoo/results.json"
    assert path.read_text() == results.text(*results.read_all(path))
