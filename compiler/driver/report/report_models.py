"""The models that the report's tests show: what a report has to cope with, one each.

`MODELS` gives, by name, a module, its example inputs and its dynamic shapes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch._higher_order_ops
from torch import Tensor, nn
from torch.export import Dim

# Typed as little as PyTorch types them.
_OPERATORS: Any = torch._higher_order_ops
scan, while_loop = _OPERATORS.scan, _OPERATORS.while_loop


class Static(nn.Module):
    """Kernels, a product, a shim's operator."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(32, 16)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = torch.logcumsumexp(self.fc(x.exp()).relu(), 1)
        result: Tensor = (y + self.fc(x)).softmax(-1)
        return result


class Dynamic(nn.Module):
    """Buffers of fixed sizes beside others; a size with an upper bound and one without; a size that is read from data."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.qkv = nn.Embedding(50, 32), nn.Linear(32, 96)
        self.table = nn.Buffer(torch.randn(32, 32))

    def forward(self, tokens: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        table = (self.table @ x[:32] @ self.table).softmax(-1)
        y = self.embedding(tokens) @ table
        q, k, v = self.qkv(y).view(*tokens.shape, 3, 4, 8).permute(2, 0, 3, 1, 4)
        mixed = torch.nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        kept = x[x[:, 0] > 0]
        return mixed.softmax(-1) @ table, (kept @ self.table).sin() @ self.table


class Bodies(nn.Module):
    """A branch in a loop, a scan in a branch; body nodes that have the same names as nodes outside."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(16, 16)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y = self.fc(x).sin()

        def turn(n: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
            z = torch.cond(v.sum() > 0, lambda w: self.fc(w).sin(), lambda w: self.fc(w.cos() * 3), (v,))
            return n - 1, z.softmax(-1) @ z

        _, looped = while_loop(lambda n, v: n > 0, turn, (torch.tensor(3), y))

        def rows(w: Tensor) -> Tensor:
            return scan(lambda c, r: (c * 0.5 + r, (c + r).exp()), w[0] * 0, w)[1]  # type: ignore[no-any-return]

        return looped, torch.cond(y.sum() > 0, rows, lambda w: w.cos() + 0, (y,))


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.fc = nn.LSTM(8, 12, num_layers=2, batch_first=True), nn.Linear(12, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.lstm(x)[0]).tanh()  # type: ignore[no-any-return]


def _static() -> tuple[nn.Module, tuple[Tensor, ...], Any]:
    return Static(), (torch.randn(64, 32),), None


def _dynamic() -> tuple[nn.Module, tuple[Tensor, ...], Any]:
    shapes = ({0: Dim("batch", max=16), 1: Dim.DYNAMIC}, {0: Dim("rows", min=32, max=100)})
    return Dynamic(), (torch.randint(0, 50, (3, 7)), torch.randn(40, 32)), shapes


def _bodies() -> tuple[nn.Module, tuple[Tensor, ...], Any]:
    return Bodies(), (torch.randn(16, 16),), None


def _recurrent() -> tuple[nn.Module, tuple[Tensor, ...], Any]:
    return Recurrent(), (torch.randn(2, 5, 8),), None


MODELS: dict[str, Callable[[], tuple[nn.Module, tuple[Tensor, ...], Any]]] = {
    "static": _static,
    "dynamic": _dynamic,
    "bodies": _bodies,
    "recurrent": _recurrent,
}
