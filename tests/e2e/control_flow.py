"""Branches and loops, with weights, state and outer values in their bodies."""

from __future__ import annotations

from typing import Any

import torch
import torch._higher_order_ops
from torch import Tensor, nn

from tests.e2e.case import combine, integers, net, normal, of, uniform

# Typed as little as PyTorch types them.
_OPERATORS: Any = torch._higher_order_ops
hop_map, scan, while_loop = _OPERATORS.map, _OPERATORS.scan, _OPERATORS.while_loop


class Gated(nn.Module):
    """A layer that is skipped, or not; and one of two."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(32, 32), nn.Linear(32, 32)
        self.norm = nn.LayerNorm(32)

    def forward(self, x: Tensor, gate: Tensor) -> Tensor:
        y = torch.cond(gate.mean() > 0, lambda v: v + self.first(v).relu(), lambda v: v * 1.0, (x,))
        z: Tensor = torch.cond(
            gate.amax() > 100, lambda v: self.first(v), lambda v: self.second(v).tanh(), (y,)
        )
        return self.norm(z + x)  # type: ignore[no-any-return]


class Iterated(nn.Module):
    """The same layer until the values have settled, or eight times."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(16, 16)

    def forward(self, x: Tensor) -> Any:
        def test(i: Tensor, before: Tensor, now: Tensor) -> Tensor:
            return (i < 8) & ((before - now).abs().amax() > 1e-3)

        def step(i: Tensor, before: Tensor, now: Tensor) -> tuple[Tensor, ...]:
            return i + 1, now.clone(), torch.tanh(self.layer(now)) * 0.5

        return while_loop(test, step, (torch.zeros((), dtype=torch.int64), torch.zeros_like(x), x))


class Recurrent(nn.Module):
    """A GRU cell over time, and a map over rows."""

    def __init__(self) -> None:
        super().__init__()
        self.cell_in, self.cell_state = nn.Linear(8, 48), nn.Linear(16, 48)

    def step(self, h: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        (ir, iz, i_n), (hr, hz, hn) = self.cell_in(x).chunk(3, -1), self.cell_state(h).chunk(3, -1)
        z = torch.sigmoid(iz + hz)
        new = (1 - z) * torch.tanh(i_n + torch.sigmoid(ir + hr) * hn) + z * h
        return new, new * 2

    def forward(self, x: Tensor) -> Any:
        last, every = scan(self.step, x.new_zeros(x.shape[1], 16), x)
        return last, every, hop_map(lambda row: row.softmax(-1).cumsum(-1), every)


def choose(x: Tensor, which: Tensor) -> Any:
    """Three ways, by branches in branches."""
    return torch.cond(
        (which == 0).all(),
        lambda v: v.sin(),
        lambda v: torch.cond(v.sum() > 0, lambda w: w.flip(-1), lambda w: w.cumsum(-1), (v,)),
        (x,),
    )


def write_rows(x: Tensor, steps: Tensor) -> Any:
    """Writes one row of a carried tensor in each turn."""
    start = torch.zeros(1, dtype=torch.int64)
    return while_loop(
        lambda i, a: (i < steps).all(),
        lambda i, a: (i + 1, a.index_copy(0, i, a[:1].exp() + i)),
        (start, x + 0),
    )


def zero() -> Tensor:
    return torch.zeros((), dtype=torch.int64)


def loop_in_loop(x: Tensor, steps: Tensor) -> Any:
    """Each turn adds the square root of its number, which an inner loop approaches until it has settled."""

    def root(number: Tensor) -> Tensor:
        start = (number + 1.0, number * 0.5 + 1)
        return while_loop(  # type: ignore[no-any-return]
            lambda before, now: (before - now).abs() > 1e-6,
            lambda before, now: (now.clone(), 0.5 * (now + number / now)),
            start,
        )[1]

    return while_loop(lambda i, v: i < steps, lambda i, v: (i + 1, v + root(v.abs().mean() + i)), (zero(), x))


def loop_in_branch(x: Tensor) -> Any:
    """A loop on one side, a scan on the other; each side reads a value from outside."""
    scale = x.abs().amax() + 1

    def settle(v: Tensor) -> tuple[Tensor, Tensor]:
        n, result = while_loop(
            lambda i, w: w.abs().amax() > 0.1, lambda i, w: (i + 1, w / scale), (zero(), v)
        )
        return result, n

    def accumulate(v: Tensor) -> tuple[Tensor, Tensor]:
        last, every = scan(lambda c, row: (c + row, c * row), v[0] * 0, v)
        return every / scale, last.to(torch.int64).sum()

    return torch.cond(x.sum() > 0, settle, accumulate, (x,))


def scan_in_scan(x: Tensor) -> Any:
    """A running sum along the rows, within one over the rows that starts at the end of the last."""

    def row(carry: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        last, every = scan(lambda c, v: (c * 0.5 + v, c + v), carry, values)
        return last.sin(), every

    return scan(row, x[0, 0] * 0, x)


def map_of_loops(x: Tensor) -> Any:
    """Halves each row until it is short enough: another number of turns for each."""

    def shorten(row: Tensor) -> tuple[Tensor, Tensor]:
        n, short = while_loop(lambda i, v: v.norm() > 1, lambda i, v: (i + 1, v * 0.5), (zero(), row))
        return short, n

    return hop_map(shorten, x)


class ThreeDeep(nn.Module):
    """A loop over time whose step is short or is a loop over a layer: weights at each level. (Of a `while_loop` with weights within a
    `scan`, export itself cannot make a graph.)"""

    def __init__(self) -> None:
        super().__init__()
        self.enter, self.layer, self.leave = nn.Linear(5, 8), nn.Linear(8, 8), nn.Linear(8, 3)

    def think(self, h: Tensor) -> Tensor:
        return while_loop(  # type: ignore[no-any-return]
            lambda i, v: (i < 4) & (v.amax() < 0.9),
            lambda i, v: (i + 1, torch.tanh(v + self.layer(v))),
            (zero(), h),
        )[1]

    def step(self, i: Tensor, h: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        now = x.index_select(0, i.view(1))[0]
        return i + 1, torch.cond(
            now.sum() > 0, lambda v: self.think(v), lambda v: v * 0.5, (h + self.enter(now),)
        )

    def forward(self, x: Tensor) -> Tensor:
        start = (zero(), x.new_zeros(x.shape[1], 8))
        last = while_loop(lambda i, h: i < x.shape[0], lambda i, h: self.step(i, h, x), start)[1]
        return self.leave(last)  # type: ignore[no-any-return]


class Lstm(nn.Module):
    """An LSTM that is given its state: hidden, then cell."""

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.layers = nn.LSTM(7, 12, **options)

    def forward(self, x: Tensor, hidden: Tensor, cell: Tensor) -> Any:
        return self.layers(x, (hidden, cell))


CASES = [
    net("gated", Gated, normal(5, 32), uniform(4, low=0.1, high=1.0)),
    net("gated_not", Gated, normal(5, 32), uniform(4, low=-1.0, high=-0.1)),
    net("iterated", Iterated, normal(3, 16)),
    net("recurrent", Recurrent, normal(9, 4, 8)),
    of("choose_first", choose, normal(6, 7), integers(1, low=0, high=1)),
    of("choose_second", choose, uniform(6, 7), integers(1, low=1, high=2)),
    of("choose_third", choose, uniform(6, 7, low=-1.0, high=0.0), integers(1, low=1, high=2)),
    of("write_rows", write_rows, uniform(6, 5), integers(1, low=4, high=5)),
    of("no_turn", write_rows, uniform(6, 5), integers(1, low=-2, high=-1)),
    of("loop_in_loop", loop_in_loop, normal(4, 5), integers(low=5, high=6)),
    of("loop_in_loop_never", loop_in_loop, normal(4, 5), integers(low=0, high=1)),
    of("loop_in_branch", loop_in_branch, uniform(5, 6)),
    of("scan_in_branch", loop_in_branch, uniform(5, 6, low=-1.0, high=0.0)),
    of("scan_in_scan", scan_in_scan, normal(6, 9)),
    of("map_of_loops", map_of_loops, normal(7, 5, scale=4.0)),
    net("three_deep", ThreeDeep, normal(9, 2, 5)),
    net("lstm", lambda: Lstm(num_layers=2), normal(40, 3, 7), normal(2, 3, 12), normal(2, 3, 12)),
    net(
        "lstm_bidirectional",
        lambda: nn.LSTM(7, 12, num_layers=2, bidirectional=True, batch_first=True),
        normal(3, 9, 7),
    ),
    net(
        "lstm_projected",
        lambda: Lstm(proj_size=5, bias=False),
        normal(6, 3, 7),
        normal(1, 3, 5),
        normal(1, 3, 12),
    ),
    net("lstm_unbatched", lambda: nn.LSTM(7, 12), normal(5, 7)),
    net(
        "gru",
        lambda: nn.GRU(7, 12, num_layers=2, bidirectional=True, bias=False),
        normal(9, 3, 7),
        normal(4, 3, 12),
    ),
    net("rnn_tanh", lambda: nn.RNN(7, 12), normal(9, 3, 7)),
    net("rnn_relu_one_step", lambda: nn.RNN(7, 12, nonlinearity="relu", batch_first=True), normal(3, 1, 7)),
]


def build() -> tuple[nn.Module, tuple[Tensor, ...]]:
    """All cases as one model."""
    return combine(CASES)
