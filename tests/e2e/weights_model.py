"""A small network with every way in which the compiler changes weights.

Batch norms folded into convolutions (panels, depthwise, Winograd), a linear in panels, merged linears, an embedding as it is and,
tied to it, the head's panels, a buffer as it is, a constant that was computed from a buffer.
"""

from __future__ import annotations

from types import SimpleNamespace

import torch
from torch import Tensor, nn


class Net(nn.Module):
    table: Tensor
    frequency: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 20, 3, padding=1), nn.BatchNorm2d(20)
        self.depthwise, self.norm2 = (
            nn.Conv2d(20, 20, 3, groups=20, padding=1, bias=False),
            nn.BatchNorm2d(20),
        )
        self.point, self.wide = nn.Conv2d(20, 64, 1), nn.Conv2d(64, 64, 3, padding=1)
        self.fc = nn.Linear(64, 40)
        self.q, self.k, self.v = nn.Linear(40, 40), nn.Linear(40, 40), nn.Linear(40, 40)
        self.embedding = nn.Embedding(7, 40)
        self.head = nn.Linear(40, 7, bias=False)
        self.head.weight = self.embedding.weight
        self.register_buffer("table", torch.randn(1, 40))
        self.register_buffer("frequency", torch.rand(5))

    def forward(self, x: Tensor, index: Tensor) -> Tensor:
        x = torch.relu(self.norm(self.conv(x)))
        x = self.wide(self.point(self.norm2(self.depthwise(x))))
        x = (self.fc(x.mean((2, 3))) + self.embedding(index) + self.table).reshape(2, 1, 40)
        y = nn.functional.scaled_dot_product_attention(self.q(x), self.k(x), self.v(x))
        return self.head(y + torch.cos(self.frequency * torch.arange(5)).sum())  # type: ignore[no-any-return]


def fill(net: nn.Module, seed: int) -> None:
    """Parameters and statistics of a seed; the buffer that the compiler computes with stays."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in net.state_dict().items():
            if name.endswith("var"):
                value.uniform_(0.5, 2, generator=generator)
            elif value.is_floating_point():
                value.normal_(0, 0.3, generator=generator)
        net.get_buffer("frequency").copy_(torch.arange(5) / 8)


def network(seed: int = 0) -> Net:
    net = Net().eval()
    fill(net, seed)
    return net


def inputs() -> tuple[Tensor, Tensor]:
    return torch.randn(2, 3, 30, 30, generator=torch.Generator().manual_seed(9)), torch.tensor([1, 6])


def build() -> SimpleNamespace:
    return SimpleNamespace(module=network(), args=inputs())
