"""The report's pictures, drawn by plotly: the graph, time at the floor by kernel, the memory plan, weights.

Enters: `ReportData` and the rates of a machine. Leaves: HTML fragments; the first one brings plotly's script along, so the page needs
nothing from elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import networkx
import plotly.graph_objects as go
from plotly.colors import qualitative

from compiler.driver.report.data import ReportData

_PALETTE = [*qualitative.Set3, *qualitative.Pastel]
_MARGIN = {"l": 60, "r": 20, "t": 30, "b": 50}
_MAX_WEIGHTS = 60


@dataclass(frozen=True)
class Rates:
    """Of the machine that the floors are for."""

    gigabytes_per_s: float
    gigaflops: float


def charts(data: ReportData, rates: Rates) -> dict[str, str]:
    """Name -> HTML."""
    figures = {
        "graph": graph(data),
        "floors": floors(data, rates),
        "memory": memory(data),
        "weights": weights(data),
    }
    made: dict[str, str] = {}
    for name, figure in figures.items():
        figure.update_layout(margin=_MARGIN, template="plotly_white", font={"family": "inherit"})
        made[name] = figure.to_html(
            full_html=False, include_plotlyjs=not made, div_id=f"chart-{name}", config={"displaylogo": False}
        )
    return made


def colour(number: int) -> str:
    """Of the kernel with this number."""
    return str(_PALETTE[number % len(_PALETTE)])


def graph(data: ReportData) -> go.Figure:
    """FX nodes in layers by distance from the inputs, coloured by kernel; those of bodies are squares."""
    made = networkx.DiGraph()
    made.add_nodes_from(n.name for n in data.nodes)
    made.add_edges_from((e.source, e.target) for e in data.edges)
    place = {}
    for depth, layer in enumerate(networkx.topological_generations(made)):
        names = sorted(layer)
        for position, name in enumerate(names):
            place[name] = (depth, position - (len(names) - 1) / 2)
    xs: list[float | None] = []
    ys: list[float | None] = []
    for source, target in made.edges:
        xs += [place[source][0], place[target][0], None]
        ys += [place[source][1], place[target][1], None]
    numbers: dict[str, int] = {}
    for number, kernel in enumerate(data.kernels):
        numbers.setdefault(kernel.record.name, number)
    lines = go.Scatter(x=xs, y=ys, mode="lines", hoverinfo="skip", line={"color": "#bbb", "width": 1})
    points = go.Scatter(
        x=[place[n.name][0] for n in data.nodes],
        y=[place[n.name][1] for n in data.nodes],
        mode="markers",
        marker={
            "size": 13,
            "color": [colour(numbers[n.kernels[0]]) if n.kernels else "#fff" for n in data.nodes],
            "symbol": ["square" if "." in n.name else "circle" for n in data.nodes],
            "line": {"color": "#555", "width": 1},
        },
        text=[
            f"<b>{n.name}</b><br>{n.op}<br>{n.location}<br>{', '.join(n.kernels) or 'no kernel: a view, or folded'}"
            for n in data.nodes
        ],
        hoverinfo="text",
    )
    figure = go.Figure([lines, points])
    figure.update_layout(showlegend=False, height=420, xaxis_title="distance from the inputs")
    figure.update_yaxes(visible=False)
    return figure


def floors(data: ReportData, rates: Rates) -> go.Figure:
    """For each launch the time that its bytes and its operations need."""
    numbers, names = list(range(len(data.kernels))), [k.record.name for k in data.kernels]
    by_bytes = [k.record.cost.bytes / rates.gigabytes_per_s / 1e3 for k in data.kernels]
    by_operations = [k.record.cost.operations / rates.gigaflops / 1e3 for k in data.kernels]
    figure = go.Figure(
        [
            go.Bar(name=f"bytes at {rates.gigabytes_per_s:g} GB/s", x=numbers, y=by_bytes, hovertext=names),
            go.Bar(
                name=f"operations at {rates.gigaflops:g} G/s", x=numbers, y=by_operations, hovertext=names
            ),
        ]
    )
    figure.update_layout(
        height=340,
        xaxis_title="launch",
        yaxis_title="µs at least",
        barmode="group",
        legend={"orientation": "h", "y": 1.15},
    )
    return figure


def memory(data: ReportData) -> go.Figure:
    """The arena over time: each buffer from the launch that writes it to the last one that reads it."""
    lifetimes = data.arena.lifetimes
    names = [k.record.name for k in data.kernels]
    figure = go.Figure(
        go.Bar(
            x=[(life.first + life.last) / 2 for life in lifetimes],
            width=[life.last - life.first + 1 for life in lifetimes],
            base=[life.offset_bytes for life in lifetimes],
            y=[life.size_bytes for life in lifetimes],
            marker={
                "color": [colour(life.writer) for life in lifetimes],
                "line": {"color": "#555", "width": 1},
            },
            hovertext=[
                f"<b>{life.buffer}</b><br>{life.size_bytes:,} bytes at {life.offset_bytes:,}<br>"
                f"launches {life.first} to {life.last}, from {names[life.writer]}"
                for life in lifetimes
            ],
            hoverinfo="text",
        )
    )
    figure.update_layout(
        height=420,
        xaxis_title="launch",
        yaxis_title=f"bytes of the arena ({data.arena.size_bytes:,})",
        barmode="overlay",
    )
    figure.update_xaxes(range=[-0.5, max(len(names), 1) - 0.5])
    figure.update_yaxes(range=[0, max(data.arena.size_bytes, 1)])
    return figure


def weights(data: ReportData) -> go.Figure:
    """The largest constants."""
    shown = data.weights[:_MAX_WEIGHTS]
    names = [slot.fqn or slot.name for slot in shown]
    figure = go.Figure(
        go.Bar(
            x=[
                name if names.count(name) == 1 else f"{name} ({slot.packing or 'as it is'})"
                for name, slot in zip(names, shown, strict=True)
            ],
            y=[slot.size_bytes for slot in shown],
            hovertext=[
                f"{slot.layout.dtype} {list(slot.original.size)} {slot.packing or 'as it is'}"
                for slot in shown
            ],
        )
    )
    figure.update_layout(height=360, yaxis_title="bytes")
    figure.update_xaxes(showticklabels=len(shown) <= 30)
    return figure
