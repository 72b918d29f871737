"""The report of models of every kind: one page that needs nothing from elsewhere and shows all that is in them, bodies too."""

from __future__ import annotations

import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch

from compiler.driver import aot, provenance
from compiler.driver.pipeline import Compilation
from compiler.driver.report import page
from compiler.driver.report.charts import Rates
from compiler.driver.report.data import ReportData, gather
from compiler.driver.report.report_models import MODELS
from compiler.support.diagnostics import UserError
from compiler.support.options import CompileOptions

HERE = Path(__file__).parent
# What computes nothing: other sizes and strides of the same memory, and one of several results.
VIEWS = frozenset(("getitem", "select", "slice", "split", "unbind", "transpose", "flatten", "t", "view"))
all_models = pytest.mark.parametrize("name", MODELS)


@cache
def compiled(name: str) -> Compilation:
    torch.manual_seed(0)
    module, inputs, shapes = MODELS[name]()
    program = torch.export.export(module.eval(), inputs, dynamic_shapes=shapes)
    options = CompileOptions(f"{name}_aoti", shim="torch", explain_fusion=True)
    with TemporaryDirectory() as folder:
        model = Path(folder) / "model.pt2"
        torch.export.save(program, model)
        return aot.compile_model(aot.Request(options, model, None, stop_after="wrapper"), lambda *_: None)


@cache
def data(name: str) -> ReportData:
    return gather(compiled(name), HERE)


@cache
def rendered(name: str) -> str:
    return page.render(data(name), Rates(20, 100))


class Page(HTMLParser):
    """Everything that a browser would fetch, and the text that it shows."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.shown = ""
        self._hidden = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.fetched += [v for k in ("src", "href") if (v := named.get(k)) and not v.startswith("#")]
        self._hidden += tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        self.shown += "" if self._hidden else data


@all_models
def test_every_kernel_with_its_source_and_its_line_of_the_model_is_on_the_page(name: str) -> None:
    shown = Page(rendered(name)).shown
    specs = {s.name for s in compiled(name).specs}
    assert specs <= {k.record.name for k in data(name).kernels}
    for kernel in data(name).kernels:
        record = kernel.record
        assert record.name in shown and record.block in shown
        if record.kind in ("loops", "template"):
            assert re.search(rf"\bvoid (AOTI_KERNEL\()?{record.function}(_\w+)?\)?\(", kernel.source)
        assert kernel.source and kernel.source in shown, record
        assert kernel.model_lines, record
        for location, text in kernel.model_lines:
            assert location.startswith("report_models.py:") and location in shown
            assert text and text in shown


@all_models
def test_launches_have_their_lines_of_the_wrapper(name: str) -> None:
    rows = data(name).wrapper.splitlines()
    lines = [k.record.wrapper_line for k in data(name).kernels]
    assert lines == sorted(set(lines)) and lines[0] > 0
    for kernel, number in zip(data(name).kernels, lines, strict=True):
        row, record = rows[number - 1], kernel.record
        expected = {"control": ("if (*", "for (;;)"), "size": (f"const int64_t {record.name} =",)}
        assert any(part in row for part in expected.get(record.kind, (record.function,))), (record, row)
    calls = [row for row in rows if re.search(r"\bkernels->\w+\(|\baoti_torch_cpu_\w+\(.*handle", row)]
    assert len(calls) == sum(k.record.kind in ("loops", "template", "extern") for k in data(name).kernels)


@all_models
def test_every_operator_is_there(name: str) -> None:
    names = [n.name for n in data(name).nodes]
    assert len(names) == len(set(names))
    kernels = {k.record.name for k in data(name).kernels}
    for node in data(name).nodes:
        assert set(node.kernels) <= kernels
        assert node.kernels or re.sub(r"_\d+$", "", node.name.rpartition(".")[2]) in VIEWS, node
        assert f"<b>{node.name}<" in rendered(name).replace("\\u003c", "<").replace("\\u003e", ">")
    for edge in data(name).edges:
        assert {edge.source, edge.target} <= set(names)
    unreached = set(names) - {e.source for e in data(name).edges} - {e.target for e in data(name).edges}
    assert not {n for n in unreached if "." in n and not n.endswith("getitem")}, unreached


def test_nodes_of_bodies_are_told_apart() -> None:
    by_name = {n.name: n for n in data("bodies").nodes}
    inner = [n for n in by_name if n.endswith(".sin")]
    assert "sin" in by_name and inner and all(len(n.split(".")) == 3 for n in inner)
    blocks = {k.record.name: k.record.block for k in data("bodies").kernels}
    assert {blocks[k] for k in by_name["sin"].kernels} == {""}
    assert {blocks[k] for n in inner for k in by_name[n].kernels} == {"cond0.then"}
    loop = next(k.record for k in data("bodies").kernels if k.record.name == "while0")
    assert loop.kind == "control" and loop.cost.bytes == loop.cost.operations == 0
    assert {k.record.block for k in data("recurrent").kernels} >= {"while0.body", "while1.body"}


@all_models
def test_the_arena_has_room_for_all_that_is_alive(name: str) -> None:
    arena = data(name).arena
    assert arena.lifetimes
    for life in arena.lifetimes:
        assert 0 <= life.first <= life.writer <= life.last < len(data(name).kernels)
        assert life.size_bytes > 0 and life.offset_bytes + life.size_bytes <= arena.size_bytes
    for a in arena.lifetimes:
        for b in arena.lifetimes:
            apart_in_time = a.last < b.first or b.last < a.first
            a_end, b_end = a.offset_bytes + a.size_bytes, b.offset_bytes + b.size_bytes
            apart_in_space = a_end <= b.offset_bytes or b_end <= a.offset_bytes
            in_place = a.offset_bytes == b.offset_bytes and (a.last == b.first or b.last == a.first)
            assert a is b or apart_in_time or apart_in_space or in_place, (a, b)
    placed = {n for n, p in _placements(compiled(name)) if p == "arena"}
    assert placed == {life.buffer for life in arena.lifetimes}
    assert set(arena.own) == {n for n, p in _placements(compiled(name)) if p == "own"}


def _placements(c: Compilation) -> set[tuple[str, str]]:
    """(buffer, kind of place) of what launches write, in all blocks."""
    assert c.schedule is not None
    return {
        (node.name, launch.schedule.placement[node.name].kind)
        for launch in provenance.launches(c.schedule)
        for node in launch.group.nodes
        if node.name not in launch.group.local
    }


def test_dynamic_sizes_are_said_on_the_page() -> None:
    shown = Page(rendered("dynamic")).shown
    assert "s0 = 16" in shown and "the upper bound" in shown and "dimension 0 of tokens" in shown
    assert "s1 = 1024" in shown and "an example: there is no upper bound" in shown
    assert "u0 = 100" in shown and "read by aten.index.Tensor" in shown
    fixed = compiled("dynamic").plan
    assert fixed is not None and data("dynamic").arena.size_bytes > fixed.arena_bytes > 0
    assert data("dynamic").arena.own
    small = gather(compiled("dynamic"), HERE, {"s0": 2, "s1": 8})
    assert fixed.arena_bytes < small.arena.size_bytes < data("dynamic").arena.size_bytes / 100
    assert small.kernels[4].record.cost.operations == 2 * 2 * 8 * 32 * 32
    with pytest.raises(UserError, match="s9: no dynamic size of this model; it has s0, s1, s2, u0"):
        gather(compiled("dynamic"), HERE, {"s9": 2})
    with pytest.raises(UserError, match="s0=17: expected 0 to 16"):
        gather(compiled("dynamic"), HERE, {"s0": 17})


def test_costs() -> None:
    product = next(k for k in data("static").kernels if "relu" in k.record.name)
    assert product.record.cost.operations >= 2 * 64 * 32 * 16
    assert product.record.cost.read_bytes >= (64 * 32 + 32 * 16) * 4
    assert any("self.fc(x.exp())" in text for _, text in product.model_lines)


@all_models
def test_the_page_needs_nothing_from_elsewhere(name: str) -> None:
    text = rendered(name)
    assert Page(text).fetched == []
    assert len(re.findall("Plotly.newPlot", text)) == 4
    for part in ("graph", "kernels", "floors", "memory", "weights", "wrapper", "fusion"):
        assert f'<h2 id="{part}">' in text and f'href="#{part}"' in text
    for kernel in data(name).kernels:
        at = f"line-{kernel.record.wrapper_line}"
        assert f'href="#{at}"' in text and (f'id="{at}"' in text or f'name="{at}"' in text)
    if name == "static":
        assert "fc.weight" in Page(text).shown
