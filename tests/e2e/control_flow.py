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
