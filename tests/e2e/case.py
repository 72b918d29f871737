"""What a case of the end-to-end tests is: a small module with random inputs, made from its name.

Enters: a name, a function or a module's constructor, descriptions of the inputs. Leaves: a `Case`, whose `build` gives module
and inputs, the same ones each time; or a whole table of cases as one model (`combine`), for build rules that compile a model.

    of("sin_add", lambda x, y: x.sin() + y, normal(3, 5), normal(5))
    net("mlp", lambda: nn.Sequential(nn.Linear(8, 4), nn.ReLU()), normal(2, 8))

Invariants: random numbers depend on the case's name only, so adding a case changes no other; names in a table are distinct.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Input:
    """A random tensor: `draw` makes one of the shape; `view` may then give it other strides."""

    shape: tuple[int, ...]
    draw: Callable[[tuple[int, ...]], Tensor]
    view: Callable[[Tensor], Tensor] = lambda x: x

    def make(self) -> Tensor:
        return self.view(self.draw(self.shape))


def normal(*shape: int, scale: float = 1.0, shift: float = 0.0) -> Input:
    """Float32, normal distribution."""
    return Input(shape, lambda s: torch.randn(s) * scale + shift)


def uniform(*shape: int, low: float = 0.0, high: float = 1.0) -> Input:
    """Float32, evenly from [low, high)."""
    return Input(shape, lambda s: torch.rand(s) * (high - low) + low)


def integers(*shape: int, low: int = -50, high: int = 50, dtype: torch.dtype = torch.int64) -> Input:
    """Integers from [low, high)."""
    return Input(shape, lambda s: torch.randint(low, high, s, dtype=dtype))


def booleans(*shape: int) -> Input:
    """True with probability one half."""
    return Input(shape, lambda s: torch.rand(s) < 0.5)


def permuted(source: Input, *order: int) -> Input:
    """The source's tensor with its dimensions permuted: not contiguous."""
    return Input(source.shape, source.draw, lambda x: x.permute(order))


class Function(nn.Module):
    """A plain function as a module."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs: Tensor) -> Any:
        return self.function(*inputs)


@dataclass(frozen=True)
class Case:
    """One small model. `make_module` runs with seeded generators."""

    name: str
    make_module: Callable[[], nn.Module]
    inputs: tuple[Input, ...]

    def build(self) -> tuple[nn.Module, tuple[Tensor, ...]]:
        """Module in evaluation mode and its inputs."""
        torch.manual_seed(zlib.crc32(self.name.encode()))
        return self.make_module().eval(), tuple(i.make() for i in self.inputs)


def of(name: str, function: Callable[..., Any], *inputs: Input) -> Case:
    """A case without weights."""
    return Case(name, lambda: Function(function), inputs)


def net(name: str, make_module: Callable[[], nn.Module], *inputs: Input) -> Case:
    """A case with weights."""
    return Case(name, make_module, inputs)


class Combined(nn.Module):
    """Several modules side by side: takes the inputs of all, one after the other, and returns {name: outputs}."""

    def __init__(self, parts: dict[str, nn.Module], num_inputs: Sequence[int]) -> None:
        super().__init__()
        self.parts = nn.ModuleDict(parts)
        self.num_inputs = tuple(num_inputs)

    def forward(self, *inputs: Tensor) -> dict[str, Any]:
        results, at = {}, 0
        for (name, part), count in zip(self.parts.items(), self.num_inputs, strict=True):
            results[name] = part(*inputs[at : at + count])
            at += count
        return results


def combine(cases: Sequence[Case]) -> tuple[nn.Module, tuple[Tensor, ...]]:
    """The table as one model with its inputs."""
    built = {case.name: case.build() for case in cases}
    assert len(built) == len(cases), "two cases have the same name"
    parts = {name: module for name, (module, _) in built.items()}
    inputs = tuple(x for _, args in built.values() for x in args)
    return Combined(parts, [len(args) for _, args in built.values()]), inputs
