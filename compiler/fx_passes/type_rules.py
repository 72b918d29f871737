"""The types of results that passes make, by rule: from the types of the operands, without running the operator.

Enters: an operator's name and its arguments, tensors as types. Leaves: the type of its result, or None where only running it tells.

    type_of("aten.bmm.default", [float32[s0, 4, 8], float32[s0, 8, 3]])   ->   float32[s0, 4, 3]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from compiler.ir.expr import IntLike, as_expr
from compiler.ir.tensor_type import is_static, tensor_type
from compiler.support.diagnostics import InternalError

Sizes = Sequence[IntLike]


def broadcast(*sizes: Sizes) -> list[IntLike]:
    """The common size of tensors of these sizes, which fit."""
    rank = max(map(len, sizes))
    ones: list[IntLike] = [1] * rank
    padded = [ones[len(s) :] + list(s) for s in sizes]
    return [next((n for n in dims if n != 1), 1) for dims in zip(*padded, strict=True)]


def type_of(name: str, args: Sequence[Any]) -> torch.Tensor | None:
    """Always by rule where PyTorch's own rule is written in Python: the first of those that runs imports TorchDynamo, a second, more than
    everything else here takes."""
    if name in _RULES:
        return _RULES[name](*args)
    if all(is_static(a) for a in args if isinstance(a, torch.Tensor)):
        return None
    if name not in _OF_SIZES:
        raise InternalError(
            f"no rule says what {name} makes of a tensor whose size is known at run time only"
        )
    return _OF_SIZES[name](*args)


def _like(x: torch.Tensor, size: Sizes) -> torch.Tensor:
    return tensor_type(x.dtype, size)


def _product(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return _like(x, [*x.shape[:-1], y.shape[-1]])


def _linear(x: torch.Tensor, weight: torch.Tensor, bias: object = None) -> torch.Tensor:
    return _like(x, [*x.shape[:-1], weight.shape[0]])


def _elementwise(x: torch.Tensor, y: Any) -> torch.Tensor:
    # The common type depends on ranks and dtypes alone.
    ranked = [
        torch.empty((1,) * v.dim(), dtype=v.dtype, device="meta") if isinstance(v, torch.Tensor) else v
        for v in (x, y)
    ]
    size = broadcast(x.shape, y.shape if isinstance(y, torch.Tensor) else [])
    return tensor_type(torch.result_type(*ranked), size)


def _permute(x: torch.Tensor, dims: Sequence[int]) -> torch.Tensor:
    size, stride = x.shape, x.stride()
    return tensor_type(x.dtype, [size[d] for d in dims], [stride[d] for d in dims])


def _transpose(x: torch.Tensor, a: int, b: int) -> torch.Tensor:
    dims = list(range(x.dim()))
    dims[a], dims[b] = dims[b], dims[a]
    return _permute(x, dims)


def _unsqueeze(x: torch.Tensor, dim: int) -> torch.Tensor:
    at = dim % (x.dim() + 1)
    return _like(x, [*x.shape[:at], 1, *x.shape[at:]])


def _squeeze(x: torch.Tensor, dim: int) -> torch.Tensor:
    at = dim % x.dim()
    return _like(x, [s for d, s in enumerate(x.shape) if d != at or s != 1])


def _slice(x: torch.Tensor, dim: int, start: int, end: int) -> torch.Tensor:
    """Of a range that lies inside."""
    size = [end - start if d == dim else s for d, s in enumerate(x.shape)]
    return tensor_type(x.dtype, size, [as_expr(s) for s in x.stride()])


_RULES: dict[str, Callable[..., torch.Tensor]] = {
    "aten.add.Tensor": _elementwise,
    "aten.mul.Tensor": _elementwise,
    "aten.linear.default": _linear,
    "aten.mm.default": _product,
    "aten.bmm.default": _product,
    "aten.where.self": lambda condition, x, y: _like(x, broadcast(condition.shape, x.shape, y.shape)),
    "aten.scaled_dot_product_attention.default": lambda q, k, v, *_: _like(q, [*q.shape[:-1], v.shape[-1]]),
}
_OF_SIZES: dict[str, Callable[..., torch.Tensor]] = {
    "aten.permute.default": _permute,
    "aten.transpose.int": _transpose,
    "aten.unsqueeze.default": _unsqueeze,
    "aten.squeeze.dim": _squeeze,
    "aten.expand.default": _like,
    "aten.reshape.default": _like,
    "aten.slice.Tensor": _slice,
    "aten.sum.dim_IntList": lambda x, dims: _like(x, [s for d, s in enumerate(x.shape) if d not in dims]),
}
