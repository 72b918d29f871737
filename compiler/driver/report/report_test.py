"""The report of a small model: one page that needs nothing from elsewhere and names what is in it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
import torch

from compiler.driver import aot
from compiler.driver.report import page
from compiler.driver.report.charts import Rates
from compiler.driver.report.data import ReportData, gather
from compiler.support.options import CompileOptions


class Net(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = torch.nn.Linear(32, 16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = torch.logcumsumexp(self.fc(x.exp()).relu(), 1).softmax(-1)
        return result


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> ReportData:
    model = tmp_path_factory.mktemp("model") / "net.pt2"
    torch.manual_seed(0)
    program = torch.export.export(Net().eval(), (torch.randn(64, 32),))
    torch.export.save(program, model)
    options = CompileOptions("net_aoti", shim="torch", explain_fusion=True)
    done = aot.compile_model(aot.Request(options, model, None, stop_after="wrapper"), lambda *_: None)
    return gather(done, Path(__file__).parent)


def test_what_is_gathered(data: ReportData) -> None:
    assert {n.op for n in data.nodes} >= {"aten.exp.default", "aten.linear.default", "aten.softmax.int"}
    product = next(k for k in data.kernels if "linear" in k.record.name)
    assert product.record.cost.operations >= 2 * 64 * 32 * 16
    assert product.record.cost.read_bytes >= (64 * 32 + 32 * 16) * 4
    assert any("self.fc(x.exp())" in text for _, text in product.model_lines)
    for life in data.lifetimes:
        assert 0 <= life.first <= life.last < len(data.kernels)
        assert life.offset_bytes + life.size_bytes <= data.arena_bytes
    for a in data.lifetimes:
        for b in data.lifetimes:
            apart_in_time = a.last < b.first or b.last < a.first
            apart_in_space = (
                a.offset_bytes + a.size_bytes <= b.offset_bytes
                or b.offset_bytes + b.size_bytes <= a.offset_bytes
            )
            in_place = a.offset_bytes == b.offset_bytes and (a.last == b.first or b.last == a.first)
            assert a is b or apart_in_time or apart_in_space or in_place


class Links(HTMLParser):
    """Everything that a browser would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.fetched += [v for k in ("src", "href") if (v := named.get(k)) and not v.startswith("#")]


def test_page(data: ReportData) -> None:
    text = page.render(data, Rates(20, 100))
    links = Links()
    links.feed(text)
    assert links.fetched == []
    for kernel in data.kernels:
        assert f"<code>{kernel.record.name}</code>" in text
    assert "fc.weight" in text and "chart-memory" in text
    assert len(re.findall("Plotly.newPlot", text)) == 4
