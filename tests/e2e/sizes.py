"""Models whose sizes are known at run time only: small cases side by side in one library, each to be run at several sizes.

A shape names its sizes: `("b", 4)` is [b, 4], `("2*s+1",)` a size derived from s. A range is `low..high`; AUTO leaves it
to export, and so does DYNAMIC, which must not become one number.
`runs` has the sizes of each run: the smallest that the ranges admit (0 and 1 among them), odd ones, large ones.

    Sized("softmax", lambda x: x.softmax(-1), (("b", "s"),), {"b": (0, 99), "s": AUTO}, ({"b": 0, "s": 5}, {"b": 3, "s": 1000}))
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.export import Dim

from tests.e2e.case import Combined, Function

# Random tensors of a shape by how they lie in memory; "later" begins after the start of its storage.
_LAYOUTS: dict[str, Callable[[list[int]], Tensor]] = {
    "": torch.randn,
    "turned": lambda shape: torch.randn(shape[::-1]).permute(*range(len(shape))[::-1]),
    "repeated": lambda shape: torch.randn([1, *shape[1:]]).expand(shape),
    "later": lambda shape: torch.randn([shape[0] + 2, *shape[1:]])[2:],
}
Shape = tuple["int | str", ...]
Sizes = Mapping[str, int]
Range = Any  # (lowest, highest), AUTO or DYNAMIC
AUTO, DYNAMIC = Dim.AUTO, Dim.DYNAMIC
RUNS = 4


@dataclass(frozen=True)
class Sized:
    """One small model. The first run's sizes are those of the example inputs."""

    name: str
    make: Callable[[], nn.Module]
    shapes: tuple[Shape, ...]
    ranges: Mapping[str, Range]
    runs: tuple[Sizes, ...]
    layouts: tuple[str, ...] = ()  # of each input, "" for a contiguous one: how `_LAYOUTS` lays it out

    def module(self) -> nn.Module:
        torch.manual_seed(zlib.crc32(self.name.encode()))
        return self.make().eval()

    def inputs(self, run: int) -> tuple[Tensor, ...]:
        torch.manual_seed(zlib.crc32(f"{self.name} {run}".encode()))
        layouts = self.layouts or ("",) * len(self.shapes)
        shapes = [self.shape(shape, self.runs[run]) for shape in self.shapes]
        return tuple(_LAYOUTS[layout](shape) for layout, shape in zip(layouts, shapes, strict=True))

    def shape(self, shape: Shape, sizes: Sizes) -> list[int]:
        return [d if isinstance(d, int) else int(eval(d, {}, dict(sizes))) for d in shape]

    def dynamic(self) -> list[dict[int, Any]]:
        """What export is told of each input's dims."""
        dims: dict[str, Any] = {
            name: Dim(f"{self.name}_{name}", min=r[0], max=r[1]) if isinstance(r, tuple) else r
            for name, r in self.ranges.items()
        }

        return [
            {d: eval(s, {}, dims) for d, s in enumerate(shape) if isinstance(s, str)} for shape in self.shapes
        ]


def of(name: str, function: Callable[..., Any], *shapes: Shape, **ranges: Any) -> Sized:
    """A case without weights. Keywords: ranges of the named sizes, and `runs`."""
    return net(name, lambda: Function(function), *shapes, **ranges)


def net(
    name: str, make: Callable[[], nn.Module], *shapes: Shape, runs: Any, layouts: Any = (), **ranges: Any
) -> Sized:
    """A case with weights. A run is a tuple of sizes in the order of the ranges."""
    assert len(runs) == RUNS
    by_name = tuple(dict(zip(ranges, run, strict=True)) for run in runs)
    return Sized(name, make, shapes, ranges, by_name, layouts)


class Mlp(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(24, 40), nn.GELU(), nn.LayerNorm(40), nn.Linear(40, 10))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x).log_softmax(-1)  # type: ignore[no-any-return]


class Encoder(nn.Module):
    """A layer of a transformer encoder over padded texts, and the mean over their tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.positions = nn.Embedding(50, 32), nn.Parameter(torch.randn(128, 32))
        self.qkv, self.out, self.norm = nn.Linear(32, 96), nn.Linear(32, 32), nn.LayerNorm(32)

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        ids = (tokens.abs() * 20).to(torch.int64).clamp(0, 49)
        valid = torch.arange(ids.shape[1]) < (1 + lengths.abs() * 4).to(torch.int64)[:, None]
        x = self.embedding(ids) + self.positions[: ids.shape[1]]
        q, k, v = self.qkv(x).view(*ids.shape, 3, 4, 8).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=valid[:, None, None])
        x = self.norm(x + self.out(mixed.transpose(1, 2).flatten(2)))
        weight = valid[..., None].to(x.dtype)
        mean: Tensor = (x * weight).sum(1) / weight.sum(1).clamp(min=1)
        return mean


class ConvNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm = nn.Conv2d(3, 16, 3, stride=2, padding=1), nn.BatchNorm2d(16)
        self.depth, self.point = nn.Conv2d(16, 16, 3, padding=1, groups=16), nn.Conv2d(16, 32, 1)
        self.head = nn.Linear(32, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.norm(self.stem(x)))
        x = x + self.depth(x)
        x = F.max_pool2d(F.relu(self.point(x)), 3, stride=2, padding=1)
        return self.head(F.adaptive_avg_pool2d(x, 1).flatten(1))  # type: ignore[no-any-return]


class Guarded(nn.Module):
    """States what it needs of a size that export was left to choose."""

    def forward(self, x: Tensor) -> Tensor:
        torch._check(x.shape[0] != 7)  # type: ignore[no-untyped-call]
        return x[5] + x.sum(0)


class Vast(nn.Module):
    """An intermediate result with as many elements as the product of two sizes without a limit."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return (x[:, None] * y).cumsum(1).amax(0)


def parts(x: Tensor, y: Tensor) -> Any:
    """Slices whose bounds are another tensor's sizes."""
    half, size = y.shape[0] // 2, y.shape[0]
    return (
        x[half:],
        x[-size:] + y,
        x[:, half : x.shape[1] - 1].sum(1),
        x[half : half + size],
        x[: 2 * size : 2].exp(),
    )


def twice(x: Tensor) -> Tensor:
    """Reads what it is given, and something made of it, from several kernels."""
    joined = torch.cat([x, x.sin()], 0)
    return joined @ torch.cat([x, x], 0).t()


B, S = (0, 64), (1, 300)

CASES = [
    of("pointwise", lambda x: x.sin() * x.shape[0] + x / x.shape[1] ** 0.5, ("b", "s"), b=B, s=S, runs=((3, 7), (0, 5), (1, 1), (64, 300))),
    of("outer", lambda x, y: x[:, None] * y + 1, ("b",), ("s",), b=B, s=(0, 300), runs=((3, 7), (5, 0), (1, 1), (64, 300))),
    of("views", lambda x: (x.flatten(0, 1).sum(0), x.transpose(0, 1).reshape(-1) * 2, (x + 1).view(x.shape[0], -1).exp()), ("b", "s", 4),
       b=(1, 64), s=S, runs=((2, 7), (1, 3), (3, 1), (17, 300))),
    of("softmaxes", lambda x: (x.softmax(-1), x.softmax(0), x.log_softmax(1)), ("b", "s"), b=(1, 64), s=S,
       runs=((3, 7), (1, 1), (2, 300), (64, 33))),
    of("columns", lambda x: twice(x.softmax(0)), ("s", 8), s=AUTO, runs=((5,), (2,), (3,), (300,))),
    of("reductions", lambda x: (x.mean(1), x.var(1, correction=0), x.amax(), x.argmax(1), (x * 2).argmin(0), x.cumsum(1)),
       ("b", "s"), b=(1, 64), s=S,
       runs=((3, 7), (1, 1), (2, 300), (64, 33))),
    of("joined", lambda x, y: (torch.cat([x, y, x * 2]), F.pad(x, (1, 2)), torch.stack([x, x], 1)), ("b", 4), ("s", 4), b=B, s=(0, 300),
       runs=((3, 5), (0, 1), (1, 0), (64, 300))),
    of("sliced", lambda x: (x[1:], x[:, ::2], x[-1], x.flip(0), x.roll(3, 0)), ("b", 6), b=(3, 64), runs=((5,), (3,), (4,), (64,))),
    of("windows", lambda x: (x[1:-1, ::3], x[:, -(x.shape[1] - 1) :] * 2, x.sin()[1::2].sum(0), x[: x.shape[0] - 1] + x[1:]),
       ("b", "s"), b=(4, 64), s=(5, 300), runs=((6, 7), (4, 5), (5, 300), (64, 33))),
    of("parts", parts, ("b", 40), ("s", 40), b=(40, 99), s=(2, 30), runs=((50, 6), (40, 2), (99, 30), (64, 7))),
    of("scaled", lambda x: (x[x.shape[0] // 2 :] * x.shape[1]).softmax(-1), ("b", "s"), b=DYNAMIC, s=DYNAMIC,
       runs=((6, 7), (3, 2), (4, 300), (64, 33))),
    of("storages", lambda x: (x.sin().as_strided((x.shape[0], 3), (x.shape[1], 1), 2),
                              (x * 2)[1:].as_strided((x.shape[0] - 1, 2), (x.shape[1], 2)),
                              x.t().exp().as_strided((x.shape[0],), (x.shape[1],), 1)),
       ("b", "s"), b=(4, 64), s=(5, 300), runs=((6, 7), (4, 5), (5, 300), (64, 33))),
    of("laid_out", lambda x, y, z: (x.sin() + y, (y * z).amax(1), z[1:] @ x.t(), x.reshape(-1) + 1), ("b", "s"), ("b", "s"), ("b", "s"),
       b=(4, 64), s=(5, 300), layouts=("turned", "repeated", "later"), runs=((6, 7), (4, 5), (5, 300), (64, 33))),
    of("summed", lambda y, z: ((y * z).sum(1), (y * z).sum(0), y.sum(0) - z.abs().sum(0)), ("b", "s"), ("b", "s"), b=(1, 300), s=S,
       layouts=("repeated", "later"), runs=((6, 7), (1, 1), (300, 300), (4, 300))),
    of("derived", lambda x, y: x + y[1:].view(-1, 2).sum(1), ("s",), ("2*s+1",), s=(2, 300), runs=((4,), (2,), (3,), (300,))),
    of("halves", lambda x: x.view(x.shape[0] // 2, 2, 3).sum(1), ("s", 3), s=AUTO, runs=((8,), (4,), (6,), (300,))),
    of("positions", lambda x: x + torch.arange(x.shape[1]) * 0.5 + torch.eye(x.shape[0], x.shape[1]), ("b", "s"), b=(1, 64), s=S,
       runs=((3, 7), (1, 1), (2, 300), (64, 33))),
    of("products", lambda x, y: (x @ y, (x @ y).relu().sum(1)), ("b", "s"), ("s", 9), b=B, s=S, runs=((3, 7), (0, 4), (1, 1), (64, 300))),
    of("batched", lambda x, y: x @ y.transpose(1, 2), ("b", "s", 8), ("b", 5, 8), b=(1, 64), s=S, runs=((2, 7), (1, 1), (3, 300), (64, 2))),
    of("numbers", lambda x: (x.shape[0] * 3, x.shape[1] / 4, x * 0), ("b", "s"), b=B, s=S, runs=((3, 7), (0, 5), (1, 1), (64, 300))),
    net("guarded", Guarded, ("b", 4), b=AUTO, runs=((9,), (6,), (8,), (300,))),
    net("vast", Vast, ("b",), ("s",), b=(1, None), s=(1, None), layouts=("repeated", "repeated"), runs=((3, 7), (1, 1), (5, 4), (64, 300))),
    net("mlp", Mlp, ("b", 24), b=B, runs=((3,), (0,), (1,), (64,))),
    net("encoder", Encoder, ("b", "s"), ("b",), b=(1, 64), s=(1, 128), runs=((2, 9), (1, 1), (3, 128), (20, 31))),
    net("convnet", ConvNet, ("b", 3, "h", "w"), b=(1, 64), h=(8, 200), w=(8, 200),
        runs=((2, 16, 20), (1, 9, 8), (3, 31, 64), (2, 120, 37))),
]  # fmt: skip


def build() -> dict[str, Any]:
    """All cases as one model."""
    module = Combined({c.name: c.module() for c in CASES}, [len(c.shapes) for c in CASES])
    args = tuple(x for c in CASES for x in c.inputs(0))
    return {"module": module, "args": args, "dynamic_shapes": (tuple(d for c in CASES for d in c.dynamic()),)}
