"""Views, joins, slices, indexing, constants: what moves elements and computes nothing."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tests.e2e.case import combine, integers, net, normal, of, permuted


class Constants(nn.Module):
    """Returns what it computes nothing of: a parameter, its view, a buffer, a tensor that `forward` makes; the last one used too."""

    steps: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, 4))
        self.register_buffer("steps", torch.arange(5))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        made = torch.tensor([0.1, -2.0, 3.5])
        return self.weight, self.weight.t(), self.steps, made, x + made, self.weight


CASES = [
    of("reshape", lambda x: (x.reshape(6, 20), x.reshape(-1), x.view(2, 60)), normal(2, 3, 4, 5)),
    of("reshape_permuted", lambda x: x.permute(2, 0, 1).reshape(4, 6) + 1, normal(2, 3, 4)),
    of("permute", lambda x: (x.permute(3, 1, 0, 2) * 2, x.transpose(0, 2)), normal(2, 3, 4, 5)),
    of("contiguous", lambda x: x.transpose(0, 1).contiguous().view(-1), normal(7, 9)),
    of("squeeze", lambda x: (x.squeeze(1) + 1, x.squeeze(), x.unsqueeze(-1)), normal(3, 1, 4)),
    of("flatten", lambda x: (x.flatten(1), x.flatten(0, 1), x.unflatten(2, (2, 2))), normal(2, 3, 4)),
    of("expand", lambda x: (x.expand(4, 5) * 2, x.expand(3, 4, 5).sum(0)), normal(4, 1)),
    of("repeat", lambda x: (x.repeat(2, 3), x.repeat_interleave(2, dim=1), x.tile(2)), normal(3, 4)),
    of("cat", lambda x, y: (torch.cat((x, y), 0), torch.cat((x, x.exp(), y), 0)), normal(3, 5), normal(2, 5)),
    of("cat_last", lambda x, y: torch.cat((x * 2, y.relu()), -1) + 1, normal(4, 3), normal(4, 6)),
    of("cat_then_use", lambda x, y: torch.cat((x, y), 1).softmax(1), normal(4, 3), normal(4, 6)),
    of("unbind_stack", lambda x: torch.stack((x * 2, x / 3, x + 1), -1).unbind(-1), normal(7)),
    of("stack", lambda x, y: (torch.stack((x, y)), torch.stack((x, y), -1)), normal(3, 4), normal(3, 4)),
    of("split", lambda x: [p * (i + 1) for i, p in enumerate(x.split((2, 3, 5), 1))], normal(3, 10)),
    of("chunk", lambda x: (p := x.chunk(3, -1))[0] * p[1] + p[2], normal(5, 12)),
    of("unbind", lambda x: (p := x.unbind(0))[0] * p[1] - p[2], normal(3, 8)),
    of("slice", lambda x: (x[1:5], x[:, ::2] + 1, x[2:-1, 3:9:3], x[..., -1]), normal(7, 11)),
    of("select", lambda x: (x[0], x.select(1, 2) * 2, x[1, 2, 3]), normal(2, 3, 4)),
    of("narrow", lambda x: x.narrow(1, 2, 4).relu(), normal(5, 8)),
    of("flip", lambda x: (x.flip(0), x.flip(0, 1)), normal(4, 5)),
    of("roll", lambda x: (x.roll(2, 1), x.roll((1, -1), (0, 1))), normal(4, 5)),
    of("shift_and_add", lambda x: x[1:] + x[:-1], normal(9, 3)),
    of(
        "patches",
        lambda x: x.reshape(1, 3, 2, 4, 2, 4).permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2),
        normal(1, 3, 8, 8),
    ),
    of("heads", lambda x: x.view(2, 6, 3, 4).transpose(1, 2).reshape(6, 6, 4).exp(), normal(2, 6, 12)),
    of("gather", lambda x, i: x.gather(1, i), normal(4, 9), integers(4, 5, low=0, high=9)),
    of(
        "index_select",
        lambda x, i: (x.index_select(0, i), x.index_select(1, i)),
        normal(6, 6),
        integers(8, low=0, high=6),
    ),
    of("index", lambda x, i: (x[i], x[:, i], x[i, i]), normal(6, 6), integers(5, low=-6, high=6)),
    of(
        "index_pairs",
        lambda x, i, j: x[i[:, None], j],
        normal(5, 7),
        integers(3, low=0, high=5),
        integers(4, low=0, high=7),
    ),
    of("diagonal", lambda x: (x.diagonal(), x.tril(), x.triu(1)), normal(6, 6)),
    of("causal_mask", lambda x: x.masked_fill(torch.ones(7, 7).tril() == 0, 0.0), normal(7, 7)),
    of("arange_linspace", lambda x: (x + torch.arange(5), x * torch.linspace(0, 1, 5)), normal(3, 5)),
    of("outputs_alias_input", lambda x: (x, x.t(), x + 1), normal(4, 6)),
    of("permuted_output", lambda x: (x + 1).permute(1, 2, 0), normal(3, 4, 5)),
    of("permuted_input", lambda x: x.reshape(6, -1) * 3, permuted(normal(4, 5, 6), 2, 0, 1)),
    of("lifted", lambda x: (x + torch.tensor([1.0, 2.0, 3.0]), x[:, torch.tensor([2, 0])]), normal(4, 3)),
    net("constants", Constants, normal(2, 3)),
    of("im2col", lambda x: x.unfold(1, 3, 2), normal(2, 9)),
]


def build() -> tuple[nn.Module, tuple[Tensor, ...]]:
    """All cases as one model."""
    return combine(CASES)
