"""Operators of float64 in more than float64: the oracle where eager's own rounding is as large as what is judged.

Enters: a sample whose operator is in `FUNCTIONS`. Leaves: its result in numpy's long double (64 bits of mantissa and more) or by mpmath,
rounded to float64 once.

Eager in float64 is an oracle for the narrower dtypes only. An operator of float64 has none but eager itself, and is allowed what an ulp
in its inputs changes; that is less than eager's own rounding where it adds many products whose factors it computes itself, and less than
its error where it is of a few digits (trigamma(2.05) of PyTorch's float64 is wrong in the tenth).

Formulas: torch.nn.functional.soft_margin_loss, mean or sum of log(1 + exp(-target * input)). Bicubic interpolation: Keys' kernel with
a = -0.75 (R. Keys, Cubic convolution interpolation for digital image processing, 1981, eq. 4 and its successor for |x| in [1, 2]), the
edge repeated.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import mpmath  # type: ignore[import-untyped]
import numpy as np
import torch
from torch.overrides import TorchFunctionMode

from tests.ops.samples import Sample

Long = np.ndarray[Any, np.dtype[np.longdouble]]
_KEYS = np.longdouble(-0.75)


def exact_of(sample: Sample) -> torch.Tensor | None:
    """None where there is no such oracle of the sample."""
    wanted = FUNCTIONS.get(sample.op)
    if wanted is None or any(t.dtype != torch.float64 for t in sample.tensors):
        return None
    function, exact = wanted

    class Exact(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            return exact(*args, **(kwargs or {})) if func is function else func(*args, **(kwargs or {}))

    with Exact():
        result: torch.Tensor = sample.call(*sample.tensors)
    return result


def _long(x: torch.Tensor) -> Long:
    return x.numpy().astype(np.longdouble)


def _rounded(x: Long) -> torch.Tensor:
    return torch.from_numpy(np.asarray(x).astype(np.float64))


def _soft_margin_loss(
    x: torch.Tensor, target: torch.Tensor, reduction: str = "mean", **_: Any
) -> torch.Tensor:
    losses = np.log1p(np.exp(-_long(target) * _long(x)))
    reduce: dict[str, Callable[[Long], Long]] = {"mean": np.mean, "sum": np.sum, "none": lambda v: v}
    return _rounded(reduce[reduction](losses))


def _bicubic(
    x: torch.Tensor,
    size: int | Sequence[int] | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: str = "bicubic",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    **_: Any,
) -> torch.Tensor:
    lines = _long(x)
    for axis in (0, 1):
        length = x.shape[2 + axis]
        factor = scale_factor[axis] if isinstance(scale_factor, Sequence) else scale_factor
        wanted = size[axis] if isinstance(size, Sequence) else size
        count = int(length * factor) if factor is not None else int(wanted or 0)
        weights = _cubic_weights(
            length, count, None if recompute_scale_factor else factor, bool(align_corners)
        )
        lines = np.moveaxis(np.moveaxis(lines, 2 + axis, -1) @ weights.T, -1, 2 + axis)
    return _rounded(lines)


def _cubic_weights(length: int, count: int, factor: float | None, align_corners: bool) -> Long:
    """[count, length]: how much of each element is in each result."""
    weights = np.zeros((count, length), np.longdouble)
    step = np.longdouble(length) / count if factor is None else 1 / np.longdouble(factor)
    if align_corners:
        step = np.longdouble(length - 1) / (count - 1) if count > 1 else np.longdouble(0)
    for k in range(count):
        at = step * k if align_corners else step * (k + np.longdouble(0.5)) - np.longdouble(0.5)
        first = int(np.floor(at))
        for tap in range(first - 1, first + 3):
            weights[k, min(max(tap, 0), length - 1)] += _cubic(abs(at - tap))
    return weights


def _cubic(distance: np.longdouble) -> np.longdouble:
    d, a = distance, _KEYS
    return ((a + 2) * d - (a + 3)) * d * d + 1 if d <= 1 else ((d - 5) * d + 8) * d * a - 4 * a


def _polygamma(n: int, x: torch.Tensor) -> torch.Tensor:
    """By mpmath; eager's at poles and infinities."""

    def value(at: float, theirs: float) -> float:
        pole = at <= 0 and at == math.floor(at) if math.isfinite(at) else True
        return theirs if pole else float(mpmath.psi(n, at))

    theirs = torch.polygamma(n, x)
    pairs = zip(x.flatten().tolist(), theirs.flatten().tolist(), strict=True)
    return torch.tensor([value(*p) for p in pairs], dtype=torch.float64).reshape(x.shape)


def _incomplete_gamma(function: Callable[..., torch.Tensor], upper: bool) -> Callable[..., torch.Tensor]:
    """A regularized incomplete gamma function by mpmath; eager's at the edges of its domain and beyond."""

    def value(a: float, x: float, theirs: float) -> float:
        if not (0 < a < math.inf and 0 < x < math.inf):
            return theirs
        ends = (x, mpmath.inf) if upper else (0, x)
        with mpmath.workdps(40):
            return float(mpmath.gammainc(a, *ends, regularized=True))

    def exact(a: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        theirs = function(a, x)
        triples = zip(*(t.flatten().tolist() for t in (*torch.broadcast_tensors(a, x), theirs)), strict=True)  # type: ignore[no-untyped-call]
        return torch.tensor([value(*t) for t in triples], dtype=torch.float64).reshape(theirs.shape)

    return exact


FUNCTIONS: dict[str, tuple[Any, Callable[..., torch.Tensor]]] = {
    "nn.functional.soft_margin_loss": (torch.nn.functional.soft_margin_loss, _soft_margin_loss),
    "nn.functional.interpolate.bicubic": (torch.nn.functional.interpolate, _bicubic),
    **{f"polygamma.polygamma_n_{n}": (torch.polygamma, _polygamma) for n in range(5)},
    "igamma": (torch.igamma, _incomplete_gamma(torch.igamma, upper=False)),
    "igammac": (torch.igammac, _incomplete_gamma(torch.igammac, upper=True)),
    "special.polygamma.special_polygamma_n_0": (torch.special.polygamma, _polygamma),
}
