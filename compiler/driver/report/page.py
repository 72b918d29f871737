"""The report as one HTML file that needs nothing from elsewhere.

Enters: `ReportData`, the rates of a machine. Leaves: the page's text: jinja2 fills page.html.jinja, pygments colours sources, plotly draws.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import jinja2
from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import CppLexer

from compiler.driver.report import charts
from compiler.driver.report.charts import Rates
from compiler.driver.report.data import ReportData

_TEMPLATE = "page.html.jinja"


@dataclass(frozen=True)
class Total:
    """Of a whole run. `floor_us`: the sum of the kernels' floors."""

    bytes: int
    operations: int
    floor_us: float


def render(data: ReportData, rates: Rates) -> str:
    """The page's text."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    kernel_floors = [k.record.cost.floor_us(rates.gigabytes_per_s, rates.gigaflops) for k in data.kernels]
    formatter = HtmlFormatter(style="friendly")
    numbered = HtmlFormatter(style="friendly", linenos="inline", lineanchors="line")
    return environment.get_template(_TEMPLATE).render(
        data=data,
        rates=rates,
        total=Total(
            sum(k.record.cost.bytes for k in data.kernels),
            sum(k.record.cost.operations for k in data.kernels),
            sum(kernel_floors),
        ),
        kernel_floors=kernel_floors,
        colours=[charts.colour(n) for n in range(len(data.kernels))],
        charts={name: Markup(html) for name, html in charts.charts(data, rates).items()},
        sources=[Markup(highlight(k.source, CppLexer(), formatter)) for k in data.kernels],
        has_blocks=any(k.record.block for k in data.kernels),
        wrapper=Markup(highlight(data.wrapper, CppLexer(), numbered)),
        highlight_style=Markup(formatter.get_style_defs(".highlight")),
    )
