"""Sampling of volumes at positions of a grid, written in gathers: PyTorch has a decomposition of the flat case only.

    grid_sampler_3d(x [N, C, D, H, W], grid [N, d, h, w, 3], bilinear)   ->   sum over 8 corners of weight * x[n, :, z, y, x]

Invariant: positions are mapped as torch.nn.functional.grid_sample says (-1 and 1 are the ends, or the middles of the outermost elements
with `align_corners`); half precision is computed in float32, as eager does.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

_NEAREST = 1
_BORDER, _REFLECTION = 1, 2


def grid_sampler_3d(
    x: Tensor, grid: Tensor, interpolation_mode: int, padding_mode: int, align_corners: bool
) -> Tensor:
    """[N, C, d, h, w]."""
    wide = torch.float64 if x.dtype == torch.float64 else torch.float32
    sizes = x.shape[2:]
    # The grid's last dim goes from the last dim of x to the third.
    places = [
        _source(grid[..., 2 - k].to(wide), size, padding_mode, align_corners) for k, size in enumerate(sizes)
    ]
    flat = x.to(wide).flatten(2)
    if interpolation_mode == _NEAREST:
        return _taken(flat, sizes, [p.round() for p in places]).to(x.dtype)
    low = [p.floor() for p in places]
    total = torch.zeros((), dtype=wide)
    for corner in itertools.product((0, 1), repeat=3):
        at = [lo + far for lo, far in zip(low, corner, strict=True)]
        shares = [1 - (p - a).abs() for p, a in zip(places, at, strict=True)]
        total = total + _taken(flat, sizes, at) * (shares[0] * shares[1] * shares[2]).unsqueeze(1)
    return total.to(x.dtype)


def _source(position: Tensor, size: int, padding_mode: int, align_corners: bool) -> Tensor:
    """Where in a dim of `size` elements a position from -1 to 1 lies."""
    at = (position + 1) / 2 * (size - 1) if align_corners else ((position + 1) * size - 1) / 2
    if padding_mode == _REFLECTION:
        at = _reflected(at, 0.0, size - 1.0) if align_corners else _reflected(at, -0.5, size - 0.5)
    return at.clamp(0, size - 1) if padding_mode in (_BORDER, _REFLECTION) else at


def _reflected(at: Tensor, low: float, high: float) -> Tensor:
    """Thrown back at both ends, as often as it takes."""
    span = high - low
    if span == 0:
        return torch.zeros_like(at)
    distance = (at - low).abs()
    rest = distance.fmod(span)
    is_even = (distance / span).floor().fmod(2) == 0
    return torch.where(is_even, rest, span - rest) + low


def _taken(flat: Tensor, sizes: torch.Size, at: list[Tensor]) -> Tensor:
    """[N, C, d, h, w]: x there, 0 outside of it."""
    inside = [(a >= 0) & (a < size) for a, size in zip(at, sizes, strict=True)]
    whole = [torch.where(i, a, 0.0).to(torch.int64) for i, a in zip(inside, at, strict=True)]
    index = (whole[0] * sizes[1] + whole[1]) * sizes[2] + whole[2]
    rows = index.flatten(1).unsqueeze(1).expand(-1, flat.shape[1], -1)
    values = flat.gather(2, rows).reshape(*flat.shape[:2], *index.shape[1:])
    return torch.where((inside[0] & inside[1] & inside[2]).unsqueeze(1), values, 0.0)


aten: Any = torch.ops.aten

TABLE: dict[Any, Callable[..., Any]] = {aten.grid_sampler_3d.default: grid_sampler_3d}
