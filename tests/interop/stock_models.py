"""The models that PyTorch's own AOTInductor compiles for tests/interop, by name.

Leaves: `MODELS`, name -> function that gives a `StockModel`: a module with fixed weights, example inputs, dynamic shapes; `PACKAGED`,
`WEIGHTS_OUTSIDE`. Small on purpose (their libraries are committed); between them
they take what 47 stock libraries of very different models take from libtorch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class StockModel:
    module: nn.Module
    args: tuple[Tensor, ...]
    dynamic_shapes: Any = None
    more: list[tuple[Tensor, ...]] = field(default_factory=list)  # further inputs that the library must run


class _Function(nn.Module):
    """A module around a function without weights."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *args: Tensor) -> Any:
        return self.function(*args)


class _Transformer(nn.Module):
    """One encoder layer with its own attention call, so that the fused kernel is used."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(32, 96)
        self.out = nn.Linear(32, 32)
        self.norm1, self.norm2 = nn.LayerNorm(32), nn.LayerNorm(32)
        self.up, self.down = nn.Linear(32, 64), nn.Linear(64, 32)

    def forward(self, x: Tensor) -> Tensor:
        b, t, _ = x.shape
        q, k, v = (p.view(b, t, 4, 8).transpose(1, 2) for p in self.qkv(self.norm1(x)).chunk(3, -1))
        y = nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, t, 32)
        x = x + self.out(y)
        result: Tensor = x + self.down(nn.functional.gelu(self.up(self.norm2(x))))
        return result


class _Convolution(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.depthwise = nn.Conv2d(8, 8, 3, padding=2, dilation=2, groups=8)
        self.point = nn.Conv2d(8, 12, 1)
        self.head = nn.Linear(12, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.norm(self.stem(x)))
        x = nn.functional.max_pool2d(self.point(nn.functional.silu(self.depthwise(x))), 2)
        scores: Tensor = self.head(nn.functional.adaptive_avg_pool2d(x, 1).flatten(1))
        return scores


class _Lstm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(8, 16, num_layers=2, batch_first=True)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        y, (h, c) = self.lstm(x)
        return y, h, c


class _Gru(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(8, 12, batch_first=True, bidirectional=True)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y, h = self.gru(x)
        return y, h


class _LowPrecision(nn.Module):
    """Products in both half precisions; float32 at the door, since numpy has no bfloat16."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(24, 40, dtype=torch.bfloat16)
        self.second = nn.Linear(40, 10, dtype=torch.float16)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.bmm(x.bfloat16(), x.bfloat16().transpose(1, 2)).float()
        z = self.second(torch.relu(self.first(x[0].bfloat16())).half()).float()
        result: Tensor = y.sum() + z
        return result


class _BidirectionalLstm(nn.Module):
    """Starts from a state that is given; one layer forth and one back."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(6, 10, bidirectional=True, bias=False)

    def forward(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        y, (h, c) = self.lstm(x, (h, c))
        return y, h, c


class _EmbeddingBag(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.bag = nn.EmbeddingBag(50, 16, mode="mean")
        self.sum = nn.EmbeddingBag(50, 16, mode="sum")

    def forward(self, index: Tensor, offsets: Tensor) -> Tensor:
        result: Tensor = torch.tanh(self.bag(index, offsets)) + self.sum(index, offsets)
        return result


class _Mlp(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 32), nn.Sigmoid(), nn.Linear(32, 4)
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.softmax(self.layers(x), -1)


class _ControlFlow(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = torch.cond(
            x.sum() > 0, lambda x: torch.sin(self.linear(x)), lambda x: x * 2 - 1, (x,)
        )
        return result


class _While(nn.Module):
    def forward(self, n: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        result: tuple[Tensor, Tensor] = torch._higher_order_ops.while_loop(  # type: ignore[no-untyped-call]
            lambda n, x: n > 0, lambda n, x: (n - 1, torch.cos(x) + 1), (n, x)
        )
        return result


@torch.library.custom_op("aoti_interop::scaled_add", mutates_args=())
def scaled_add(x: Tensor, y: Tensor, scale: float, times: int) -> Tensor:
    return x + y * (scale * times)


@scaled_add.register_fake
def _(x: Tensor, y: Tensor, scale: float, times: int) -> Tensor:
    return torch.empty_like(x)


def _numbers(*size: int, seed: int = 0) -> Tensor:
    return torch.randn(*size, generator=torch.Generator().manual_seed(seed))


def _sorting(x: Tensor) -> tuple[Tensor, ...]:
    values, order = torch.sort(x, dim=-1, descending=True, stable=True)
    top, place = torch.topk(x, 3, -1)
    return values, order, top, place, torch.cumsum(x, 1), torch.argsort(x, 0)


def _scatters(x: Tensor, index: Tensor, mask: Tensor) -> tuple[Tensor, ...]:
    out = torch.zeros(6, 8).scatter_add(0, index, x)
    reduced = torch.ones(6, 8).scatter_reduce(0, index, x, "prod", include_self=False)
    put = torch.zeros(10).index_put((index[:, 0],), x[:, 0], accumulate=True)
    return (
        out,
        reduced,
        put,
        torch.masked_select(x, mask),
        torch.nonzero(x > 0),
        torch.gather(x, 0, index.clamp(max=4)),
    )


def _elementwise(x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
    p = x.abs() + 0.5
    f = [
        torch.sin,
        torch.cos,
        torch.tan,
        torch.tanh,
        torch.exp,
        torch.expm1,
        torch.sinh,
        torch.cosh,
        torch.atan,
        torch.erf,
        torch.asinh,
    ]
    g = [torch.log, torch.log1p, torch.log2, torch.log10, torch.rsqrt, torch.lgamma]
    one = sum(fn(x) for fn in f) + sum(fn(p) for fn in g)
    assert isinstance(one, Tensor)  # no longer the 0 that a sum starts with
    return (
        one,
        torch.pow(p, y),
        torch.atan2(x, y),
        torch.fmod(x, p),
        torch.erfc(x) + torch.asin(x.clamp(-1, 1)),
        torch.hypot(x, y),
    )


_INDEX = torch.arange(40).reshape(5, 8) * 5 % 6
_BATCH = {"x": {0: torch.export.Dim("batch", min=2, max=64)}}


def _custom(x: Tensor, y: Tensor) -> Tensor:
    return torch.sin(scaled_add(x, torch.cos(y), 0.5, 3))


def _integers(a: Tensor, b: Tensor) -> tuple[Tensor, ...]:
    return torch.searchsorted(a, b), a.remainder(3) + (b[:8] << 2), torch.cumsum(b, 0)


# These are kept as the packages that AOTInductor writes, with their sources; of the others only the library.
PACKAGED = {"custom_op", "dynamic_batch", "weights_outside"}
WEIGHTS_OUTSIDE = {"weights_outside"}  # beside the library, in the package

MODELS: dict[str, Callable[[], StockModel]] = {
    "mlp": lambda: StockModel(_Mlp(), (_numbers(3, 16),)),
    "weights_outside": lambda: StockModel(_Mlp(), (_numbers(3, 16),)),
    "convolution": lambda: StockModel(_Convolution(), (_numbers(2, 3, 32, 32),)),
    "transformer": lambda: StockModel(_Transformer(), (_numbers(2, 10, 32),)),
    "lstm": lambda: StockModel(_Lstm(), (_numbers(3, 5, 8),)),
    "lstm_bidirectional": lambda: StockModel(
        _BidirectionalLstm(), (_numbers(7, 2, 6), _numbers(2, 2, 10, seed=1), _numbers(2, 2, 10, seed=2))
    ),
    "gru": lambda: StockModel(_Gru(), (_numbers(3, 5, 8),)),
    "low_precision": lambda: StockModel(_LowPrecision(), (_numbers(2, 6, 24),)),
    "embedding_bag": lambda: StockModel(
        _EmbeddingBag(), (torch.arange(12) * 7 % 50, torch.tensor([0, 3, 3, 8]))
    ),
    "dynamic_batch": lambda: StockModel(
        _Mlp(), (_numbers(4, 16),), _BATCH, [(_numbers(2, 16, seed=1),), (_numbers(64, 16, seed=2),)]
    ),
    "cond": lambda: StockModel(_ControlFlow(), (torch.ones(4, 8),), None, [(-torch.ones(4, 8),)]),
    "while_loop": lambda: StockModel(
        _While(), (torch.tensor(5), _numbers(4, 8)), None, [(torch.tensor(0), _numbers(4, 8))]
    ),
    "sorting": lambda: StockModel(_Function(_sorting), (_numbers(5, 9),)),
    "scatters": lambda: StockModel(
        _Function(_scatters), (_numbers(5, 8), _INDEX, _numbers(5, 8, seed=3) > 0)
    ),
    "elementwise": lambda: StockModel(_Function(_elementwise), (_numbers(6, 37), _numbers(6, 37, seed=1))),
    "custom_op": lambda: StockModel(_Function(_custom), (_numbers(4, 8), _numbers(4, 8, seed=1))),
    "integers": lambda: StockModel(_Function(_integers), (torch.arange(8) * 5, torch.arange(20) * 2)),
}
