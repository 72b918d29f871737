"""Models whose sizes depend on data, side by side in one library, each to be run on several inputs: data that selects nothing, one
element, some, all. Loops in loops over inputs of several sizes are here, too: like these models they are read by PyTorch's own
loader, while that of tests/e2e/sizes.py is read by ours.

    of("mask", lambda x: x[x > 0], (normal(40),), (zeros(40),), (ones(40),), (only(40, 7),))
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch._higher_order_ops
from torch import Tensor, nn
from torch.export import Dim

from tests.e2e.case import Combined, Function

# Typed as little as PyTorch types them.
_OPERATORS: Any = torch._higher_order_ops
scan, while_loop = _OPERATORS.scan, _OPERATORS.while_loop

RUNS = 4


@dataclass(frozen=True)
class Selecting:
    """One small model and the inputs of each run; the first are the example inputs."""

    name: str
    make: Callable[[], nn.Module]
    runs: tuple[tuple[Tensor, ...], ...]
    dynamic: tuple[dict[int, Any], ...]  # of each input, dims that differ between the runs

    def module(self) -> nn.Module:
        torch.manual_seed(len(self.name))
        return self.make().eval()


def of(name: str, function: Callable[..., Any], *runs: tuple[Tensor, ...]) -> Selecting:
    return net(name, lambda: Function(function), *runs)


def net(name: str, make: Callable[[], nn.Module], *runs: tuple[Tensor, ...], dynamic: Any = ()) -> Selecting:
    assert len(runs) == RUNS
    return Selecting(name, make, runs, dynamic or ({},) * len(runs[0]))


def rows(*shape: int) -> tuple[tuple[Tensor, ...], ...]:
    """Some of the elements are positive; none; all; one."""
    torch.manual_seed(sum(shape))
    one = torch.zeros(shape)
    one.view(-1)[-1] = 2.5
    return (torch.randn(shape),), (-torch.ones(shape),), (torch.rand(shape) + 0.5,), (one,)


def numbers(*values: int) -> tuple[tuple[Tensor, ...], ...]:
    return tuple((torch.tensor(v),) for v in values)


def with_numbers(runs: tuple[tuple[Tensor, ...], ...], *values: int) -> tuple[tuple[Tensor, ...], ...]:
    return tuple((*run, torch.tensor(v)) for run, v in zip(runs, values, strict=True))


def check(holds: Any) -> None:
    torch._check(holds)  # type: ignore[no-untyped-call]


def ramp(n: Tensor) -> Tensor:
    size: Any = n.item()
    check(size >= 0)
    check(size <= 5000)
    return torch.arange(size) * 0.5 + torch.ones(size)


def first(x: Tensor, n: Tensor) -> Tensor:
    size = n.item()
    check(size >= 0)
    check(size <= x.shape[0])
    return x[:size].softmax(-1)


def chained(x: Tensor) -> dict[str, Tensor]:
    kept = x[x > 0]
    again = kept[kept > 1]
    return {"both": torch.cat([again.exp(), kept]), "scan": kept.cumsum(0), "spread": again[:, None] * kept}


def put(x: Tensor) -> Tensor:
    y = x.clone()
    y[x > 0] = x[x > 0] * 10
    return y


class Experts(nn.Module):
    """Each expert works on the rows that a router gives it: a mixture of experts as it is written in a loop."""

    def __init__(self) -> None:
        super().__init__()
        self.router = nn.Linear(16, 3)
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(16, 24), nn.GELU(), nn.Linear(24, 16)) for _ in range(3)
        )

    def forward(self, x: Tensor) -> Tensor:
        chosen = self.router(x).argmax(-1)
        result = torch.zeros_like(x)
        for k, expert in enumerate(self.experts):
            places = (chosen == k).nonzero().squeeze(1)
            result = result.index_add(0, places, expert(x[places]))
        return result


class Detector(nn.Module):
    """The boxes whose score is high enough, best first."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        scores = x[:, 0]
        kept = torch.nonzero(scores > 0.25).squeeze(1)
        order = scores[kept].argsort(descending=True, stable=True)
        best = kept[order]
        return x[best, 1:], scores[best], best


class EqualCounts(nn.Module):
    """Where both inputs are not zero, which is in as many places."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        a, b = x.nonzero().squeeze(1), y.nonzero().squeeze(1)
        check(a.shape[0] == b.shape[0])
        return a + 2 * b


class Nested(nn.Module):
    """A scan over the rows, as many as there are, with a loop in it; a layer in the loop; a branch around both."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 6)

    def forward(self, x: Tensor, y: Tensor) -> Any:
        def shorten(row: Tensor) -> Tensor:
            start = (torch.zeros((), dtype=torch.int64), row)
            return while_loop(lambda i, v: v.norm() > 1, lambda i, v: (i + 1, v * 0.75), start)[1]  # type: ignore[no-any-return]

        def step(total: Tensor, row: Tensor) -> tuple[Tensor, Tensor]:
            short = shorten(row)
            return total + short, total * short

        def settle(v: Tensor) -> Tensor:
            start = (torch.zeros((), dtype=torch.int64), v)
            return while_loop(lambda i, w: i < 5, lambda i, w: (i + 1, torch.tanh(self.layer(w))), start)[1]  # type: ignore[no-any-return]

        last, every = scan(step, x[0] * 0, x)
        return last, every, torch.cond(last.sum() > 0, settle, lambda v: v.cumsum(0), (y,))


class Vast(nn.Module):
    """An intermediate result with as many elements as the square of a number without a limit."""

    def forward(self, n: Tensor) -> Tensor:
        size: Any = n.item()
        check(size >= 0)
        x = torch.arange(size)
        return (x[:, None] * x).cumsum(1).sum(0).sum()


COUNTS = (
    (torch.tensor([3, 0, 2, 700]),),
    (torch.tensor([0, 0, 0, 0]),),
    (torch.tensor([1, 1, 1, 1]),),
    (torch.tensor([0, 1, 0, 0]),),
)

# The rows of the scan, their length, the rows of the branch.
SIZES = ((3, 5, 4), (2, 2, 1), (64, 99, 20), (4, 30, 7))
SCANNED, LENGTH, BRANCHED = (
    Dim(n, min=low, max=high) for n, low, high in (("scanned", 2, 64), ("length", 2, 99), ("branched", 1, 20))
)


def seeded(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


CASES = [
    of("nonzero", torch.nonzero, *rows(13, 9)),
    of("nonzero3", lambda x: torch.nonzero(x > 0, as_tuple=True), *rows(5, 6, 7)),
    of("mask", lambda x: x[x > 0].sin() * 2, *rows(7000)),
    of("mask_rows", lambda x: x[x[:, 3] > 0].relu().sum(0), *rows(40, 9)),
    of("masked_select", lambda x: torch.masked_select(x, x > 0.5), *rows(30, 41)),
    of("chained", chained, *rows(300)),
    of("put", put, *rows(20, 17)),
    of("ramp", ramp, *numbers(700, 0, 1, 5000)),
    of("first", first, *with_numbers(rows(33, 8), 5, 0, 33, 1)),
    of(
        "float_number",
        lambda x: (x * x.sum().item(), (x + 1).clamp(max=x[0].item()), x.sum().item() * 2.0 + 1),
        *rows(9),
    ),
    of("number", lambda x, n: (x * n.item(), n.item() * 3 - 1), *with_numbers(rows(8), 5, 0, -7, 1)),
    of("repeats", lambda n: torch.repeat_interleave(n), *COUNTS),
    of("repeated", lambda n: (n.float() + 1).repeat_interleave(n), *((n.clone(),) for (n,) in COUNTS)),
    of("unique", lambda x: torch.unique((x * 3).to(torch.int64), return_inverse=True, return_counts=True), *rows(50, 4)),
    of("consecutive", lambda x: torch.unique_consecutive(x > 0, return_inverse=True, return_counts=True), *rows(60)),
    of("products", lambda x: x[x[:, 0] > 0] @ x.t(), *rows(21, 12)),
    net("equal_counts", EqualCounts, *((x, x.flip(0)) for (x,) in rows(40))),
    net("vast", Vast, *numbers(70, 0, 1, 300)),
    net("experts", Experts, *rows(50, 16)),
    net("nested", Nested, *((seeded(1, b, s), seeded(2, t, 6)) for b, s, t in SIZES), dynamic=({0: SCANNED, 1: LENGTH}, {0: BRANCHED})),
    net("detector", Detector, *rows(64, 5)),
]  # fmt: skip


def build() -> dict[str, Any]:
    """All cases as one model."""
    module = Combined({c.name: c.module() for c in CASES}, [len(c.runs[0]) for c in CASES])
    args = tuple(x for c in CASES for x in c.runs[0])
    return {"module": module, "args": args, "dynamic_shapes": (tuple(d for c in CASES for d in c.dynamic),)}
