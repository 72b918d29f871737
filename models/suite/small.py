"""Small networks: an MLP of four layers of 1024, a chain of norm, GELU and softmax, a recommender, an LSTM."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Example = tuple[nn.Module, tuple[Tensor, ...]]


def mlp(batch: int = 1) -> Example:
    """Four linear layers of 1024 with ReLU between them; [batch, 1024]."""
    layers: list[nn.Module] = []
    for _ in range(4):
        layers += [nn.Linear(1024, 1024), nn.ReLU()]
    return nn.Sequential(*layers[:-1]).eval(), (torch.randn(batch, 1024),)


def mlp_32() -> Example:
    """The same for 32 rows."""
    return mlp(32)


class NormChain(nn.Module):
    """softmax(gelu(layer_norm(x)))."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        """[rows, channels] -> the same."""
        return F.gelu(self.norm(x)).softmax(-1)


def norm_chain() -> Example:
    """512 rows of 1024."""
    return NormChain(1024).eval(), (torch.randn(512, 1024),)


class Recommender(nn.Module):
    """Embedding bags and a dense network meet in pairwise products (after Naumov et al., arXiv:1906.00091, section 2)."""

    def __init__(self, tables: int = 8, rows: int = 10000, width: int = 64) -> None:
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(rows, width) for _ in range(tables))
        self.bottom = nn.Sequential(nn.Linear(13, 256), nn.ReLU(), nn.Linear(256, width), nn.ReLU())
        pairs = (tables + 1) * tables // 2
        self.top = nn.Sequential(nn.Linear(width + pairs, 256), nn.ReLU(), nn.Linear(256, 1), nn.Sigmoid())
        self.register_buffer("pairs", torch.tril_indices(tables + 1, tables + 1, -1))

    def forward(self, dense: Tensor, sparse: Tensor) -> Tensor:
        """dense [N, 13], sparse int64 [N, tables, items of a bag] -> [N, 1]."""
        bottom = self.bottom(dense)
        bags = [table(sparse[:, k]).sum(1) for k, table in enumerate(self.tables)]
        features = torch.stack([bottom, *bags], 1)
        products = torch.bmm(features, features.transpose(1, 2))
        assert isinstance(self.pairs, Tensor)
        crossed = products[:, self.pairs[0], self.pairs[1]]
        result: Tensor = self.top(torch.cat([bottom, crossed], 1))
        return result


def recommender() -> Example:
    """32 rows, eight bags of four items."""
    return Recommender().eval(), (torch.randn(32, 13), torch.randint(0, 10000, (32, 8, 4)))


class Lstm(nn.Module):
    """One LSTM layer over a sequence, written out step by step, and a classifier on its last state."""

    def __init__(self, inputs: int, hidden: int, classes: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.from_input, self.from_state = nn.Linear(inputs, 4 * hidden), nn.Linear(hidden, 4 * hidden)
        self.head = nn.Linear(hidden, classes)

    def forward(self, x: Tensor) -> Tensor:
        """[steps, N, inputs] -> [N, classes]."""
        gates_of_inputs = self.from_input(x)
        state = cell = x.new_zeros(x.shape[1], self.hidden)
        for gates_of_input in gates_of_inputs.unbind(0):
            take, forget, candidate, show = (gates_of_input + self.from_state(state)).chunk(4, -1)
            cell = forget.sigmoid() * cell + take.sigmoid() * candidate.tanh()
            state = show.sigmoid() * cell.tanh()
        result: Tensor = self.head(state)
        return result


def lstm() -> Example:
    """32 steps, one sequence, 256 hidden."""
    return Lstm(128, 256, 10).eval(), (torch.randn(32, 1, 128),)
