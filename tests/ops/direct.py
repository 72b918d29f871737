"""Calls of core ATen operators that nothing in torch's table of operators records: its entries reach them through composites only, or in a
backward pass.

Enters: nothing. Leaves: for each such operator, by its full name, the same `Sample`s each time.

    "aten.col2im.default"   ->   lambda x: torch.ops.aten.col2im.default(x, [4, 5], [2, 2], ...), in float32, float64, float16, bfloat16

Operators of sizes (`sym_numel`) are recorded only where a size is not known: such samples are exported with every size free.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

from tests.ops.samples import Sample

_DTYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16)
_aten = torch.ops.aten


@dataclass(frozen=True)
class _Call:
    """`shapes`: of the floating-point tensors, which come first; `positions`: whole tensors of integers behind them; `dynamic`: with
    every size free, in float32 only."""

    call: Callable[..., Any]
    shapes: tuple[tuple[int, ...], ...]
    positions: tuple[tuple[int, ...], ...] = ()
    dynamic: bool = False


def _bags(mode: int) -> Callable[..., Any]:
    return lambda w, i, o: _aten._embedding_bag.default(w, i, o, False, mode)[0]


_CALLS: dict[str, tuple[_Call, ...]] = {
    "aten.col2im.default": (
        _Call(lambda x: _aten.col2im.default(x, [4, 5], [2, 2], [1, 1], [0, 0], [1, 1]), ((2, 12, 12),)),
        _Call(lambda x: _aten.col2im.default(x, [5, 6], [2, 3], [2, 1], [1, 1], [2, 2]), ((2, 18, 9),)),
        _Call(lambda x: _aten.col2im.default(x, [4, 4], [2, 2], [1, 1], [0, 0], [2, 2]), ((8, 4),)),
    ),
    "aten.reflection_pad1d.default": (
        _Call(lambda x: _aten.reflection_pad1d.default(x, [2, 1]), ((2, 3, 4),)),
        _Call(lambda x: _aten.reflection_pad1d.default(x, [0, 3]), ((3, 5),)),
        _Call(lambda x: _aten.reflection_pad1d.default(x, [-1, 2]), ((2, 3, 6),)),
    ),
    "aten.reflection_pad2d.default": (
        _Call(lambda x: _aten.reflection_pad2d.default(x, [1, 2, 2, 1]), ((2, 3, 4, 5),)),
        _Call(lambda x: _aten.reflection_pad2d.default(x, [0, 1, -1, 2]), ((3, 5, 4),)),
    ),
    "aten.reflection_pad3d.default": (
        _Call(lambda x: _aten.reflection_pad3d.default(x, [1, 1, 2, 0, 1, 2]), ((2, 2, 3, 4, 5),)),
        _Call(lambda x: _aten.reflection_pad3d.default(x, [1, 0, 0, 1, 2, 1]), ((2, 4, 3, 3),)),
    ),
    "aten.replication_pad2d.default": (
        _Call(lambda x: _aten.replication_pad2d.default(x, [1, 5, 2, 1]), ((2, 3, 4, 5),)),
        _Call(lambda x: _aten.replication_pad2d.default(x, [0, 1, -1, 2]), ((3, 5, 4),)),
    ),
    "aten.replication_pad3d.default": (
        _Call(lambda x: _aten.replication_pad3d.default(x, [1, 1, 2, 0, 1, 6]), ((2, 2, 3, 4, 5),)),
        _Call(lambda x: _aten.replication_pad3d.default(x, [1, 0, 0, 1, 2, 1]), ((2, 4, 3, 3),)),
    ),
    "aten._embedding_bag.default": tuple(_Call(_bags(mode), ((10, 3),), ((1, 2, 4, 5, 4, 3, 2, 9), (0, 3, 3))) for mode in range(3)),
    "aten._native_batch_norm_legit_no_training.default": (
        _Call(
            lambda x, w, b, m, v: _aten._native_batch_norm_legit_no_training.default(x, w, b, m, v * v, 0.1, 1e-5)[0],
            ((2, 3, 4, 5), (3,), (3,), (3,), (3,)),
        ),
        _Call(
            lambda x, m, v: _aten._native_batch_norm_legit_no_training.default(x, None, None, m, v * v, 0.1, 1e-3)[0],
            ((4, 3), (3,), (3,)),
        ),
    ),
    "aten.empty_strided.default": (
        _Call(lambda x: _aten.empty_strided.default([3, 4], [1, 3], dtype=x.dtype).copy_(x), ((3, 4),)),
        _Call(lambda x: _aten.empty_strided.default([2, 3], [6, 2], dtype=x.dtype).fill_(2.0) + x, ((2, 3),)),
    ),
    "aten.sym_size.int": (_Call(lambda x: x + _aten.sym_size.int(x, 0), ((4, 3),), dynamic=True),),
    "aten.sym_numel.default": (_Call(lambda x: x + _aten.sym_numel.default(x), ((4, 3),), dynamic=True),),
    "aten.sym_stride.int": (_Call(lambda x: x + _aten.sym_stride.int(x, 0), ((4, 3),), dynamic=True),),
    "aten.sym_storage_offset.default": (
        _Call(lambda x: x + _aten.sym_storage_offset.default(x), ((4, 3),), dynamic=True),
    ),
    # Backward passes: inference is what the compiler is for, so that those without a decomposition are refused.
    "aten._adaptive_avg_pool2d_backward.default": (
        _Call(_aten._adaptive_avg_pool2d_backward.default, ((1, 2, 2, 2), (1, 2, 4, 4))),
    ),
    "aten.avg_pool2d_backward.default": (
        _Call(
            lambda g, x: _aten.avg_pool2d_backward.default(g, x, [2, 2], [2, 2], [0, 0], False, True, None),
            ((1, 2, 2, 2), (1, 2, 4, 4)),
        ),
    ),
    "aten.convolution_backward.default": (
        _Call(
            lambda g, x, w: _aten.convolution_backward.default(
                g, x, w, None, [1, 1], [0, 0], [1, 1], False, [0, 0], 1, [True, True, False]
            )[:2],
            ((1, 3, 3, 3), (1, 2, 4, 4), (3, 2, 2, 2)),
        ),
    ),
    "aten.embedding_dense_backward.default": (
        _Call(lambda g, i: _aten.embedding_dense_backward.default(g, i, 6, -1, False), ((3, 2),), ((0, 5, 0),)),
    ),
    "aten.max_pool2d_with_indices_backward.default": (
        _Call(
            lambda g, x: _aten.max_pool2d_with_indices_backward.default(
                g, x, [2, 2], [2, 2], [0, 0], [1, 1], False, _aten.max_pool2d_with_indices.default(x, [2, 2])[1]
            ),
            ((1, 2, 2, 2), (1, 2, 4, 4)),
        ),
    ),
    "aten.native_group_norm_backward.default": (
        _Call(
            lambda g, x, m, r: _aten.native_group_norm_backward.default(g, x, m, r, None, 2, 4, 6, 2, [True, False, False])[0],
            ((2, 4, 6), (2, 4, 6), (2, 2), (2, 2)),
        ),
    ),
    "aten.native_layer_norm_backward.default": (
        _Call(
            lambda g, x, m, r: _aten.native_layer_norm_backward.default(g, x, [4], m, r, None, None, [True, False, False])[0],
            ((3, 4), (3, 4), (3, 1), (3, 1)),
        ),
    ),
}  # fmt: skip


def names() -> list[str]:
    return list(_CALLS)


def of(name: str) -> Iterator[Sample]:
    """The operator's samples, plain; of a backward pass in float32 only."""
    for dtype in _DTYPES[:1] if name.endswith("_backward.default") else _DTYPES:
        short = str(dtype).removeprefix("torch.")
        generator = torch.Generator().manual_seed(zlib.crc32(f"{name}/{short}".encode()))
        for index, call in enumerate(_CALLS[name]):
            if call.dynamic and dtype != torch.float32:
                continue
            floats = (torch.randn(shape, generator=generator).to(dtype) for shape in call.shapes)
            tensors = (*floats, *map(torch.tensor, call.positions))
            yield Sample(name, short, index, "plain", call.call, tensors, dynamic=call.dynamic)
