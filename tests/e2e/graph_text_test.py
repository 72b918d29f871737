"""Graph IR as text, over all models of this folder: what is printed after the frontend and after the FX passes reads back, and compiles to
the same Loop IR as the model itself.

Enters, by environment: AOTI_GRAPH_MODELS, files with spaces between; those that are .pt2 count.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from compiler.driver.aot import Request, compile_model
from compiler.driver.pipeline import stage
from compiler.ir.graph_parse import parse_graph
from compiler.ir.graph_text import print_graph
from compiler.support.options import CompileOptions

MODELS = [Path(p) for p in os.environ["AOTI_GRAPH_MODELS"].split() if p.endswith(".pt2")]


def _text(model: Path, last: str, start: Path | None = None) -> str:
    """What `--compile-to=last` prints, from the model or from a text with the model beside it."""
    request = Request(CompileOptions(name="same"), model, None, start_text=start, stop_after=last)
    return stage(last).text(compile_model(request, lambda name, seconds, summary: None))


@pytest.mark.parametrize("model", MODELS, ids=lambda path: path.stem)
def test_the_text_is_the_graph(model: Path, tmp_path: Path) -> None:
    file, lowered = tmp_path / "graph.txt", _text(model, "lowering")
    for after in ("frontend", "fx_passes"):
        text = _text(model, after)
        assert print_graph(parse_graph(text)) == text
        file.write_text(text)
        assert _text(model, "lowering", file) == lowered
