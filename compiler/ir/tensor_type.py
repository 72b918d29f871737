"""The type of a graph's tensor: dtype, sizes and strides, no data. Sizes may be known at run time only.

Enters: sizes and strides, integers or expressions. Leaves: a tensor on the meta device where every size is a number, a `SizedTensor`
where one is not. Both answer `dtype`, `shape`, `stride()`, `size()`, `dim()` and `numel()`; a `SizedTensor` answers with `Expr` where
there is no number.

Invariant: no operator runs on a `SizedTensor`: torch would compute with numbers that stand for no run in particular, and the result
would be of fixed size without anybody having said so. Passes say by rule what their operators make (`fx_passes.rewriter`).

    tensor_type(torch.float32, (s0, 64)).shape   ->   (s0, 64)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from compiler.ir.expr import Expr, IntLike, contiguous_strides, exprs, mul_all, typical
from compiler.support.diagnostics import InternalError

# What torch itself asks of a tensor that it only carries about.
_QUESTIONS = frozenset(
    f"{name}.__get__" for name in ("dtype", "device", "layout", "requires_grad", "is_sparse", "grad_fn")
) | {"dim", "is_floating_point", "is_complex", "__repr__", "__hash__"}


class SizedTensor(torch.Tensor):
    """A tensor without data of a size that is known at run time only. Made by `tensor_type`."""

    _sizes: tuple[Expr, ...]
    _strides: tuple[Expr, ...]

    @property
    def shape(self) -> Any:  # type: ignore[override]
        return tuple(map(_plain, self._sizes))

    def size(self, dim: int | None = None) -> Any:
        return self.shape if dim is None else self.shape[dim]

    def stride(self, dim: int | None = None) -> Any:
        strides = tuple(map(_plain, self._strides))
        return strides if dim is None else strides[dim]

    def dim(self) -> int:
        return len(self._sizes)

    def numel(self) -> Any:
        return _plain(mul_all(self._sizes))

    def __repr__(self) -> str:  # type: ignore[override]
        return f"SizedTensor({self.dtype}, {list(self._sizes)}, {list(self._strides)})"

    @classmethod
    def __torch_function__(
        cls, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        name = getattr(func, "__name__", str(func))
        if name == "__get__":
            name = f"{getattr(func.__self__, '__name__', '')}.__get__"  # type: ignore[attr-defined]
        if name not in _QUESTIONS:
            raise InternalError(f"{name} was called on a tensor whose size is known at run time only")
        with torch._C.DisableTorchFunctionSubclass():
            return func(*args, **(kwargs or {}))


def tensor_type(
    dtype: torch.dtype, size: Sequence[IntLike], stride: Sequence[IntLike] | None = None
) -> torch.Tensor:
    """A tensor of this type without data; contiguous unless strides are given."""
    sizes, strides = exprs(size), contiguous_strides(size) if stride is None else exprs(stride)
    if all(e.is_const for e in (*sizes, *strides)):
        numbers = ([e.value() for e in sizes], [e.value() for e in strides])
        return torch.empty_strided(*numbers, dtype=dtype, device="meta")
    stand_in = torch.empty([max(typical(e), 0) for e in sizes], dtype=dtype, device="meta")
    made = stand_in.as_subclass(SizedTensor)
    made._sizes, made._strides = sizes, strides
    return made


def is_static(tensor: torch.Tensor) -> bool:
    """Whether all sizes are numbers."""
    return not isinstance(tensor, SizedTensor)


def _plain(e: Expr) -> int | Expr:
    return e.value() if e.is_const else e
