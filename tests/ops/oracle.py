"""What a sample's results are held against: eager PyTorch, and eager in float64.

Enters: a `Sample`. Leaves: lists of its results, flat; the inputs stay as they are.

What eager's error is on one small result is luck: it may be exact where an ulp in an input makes it ten times as large. So it can also be
seen on `neighbours` of the sample, whose inputs differ by an ulp.

PyTorch's Bessel functions of float64 are wrong in the sixth digit (bessel_j1(7)) and NaN at infinity, so mpmath's are the oracle of those;
of the normal distribution, whose share below -6 PyTorch computes as 1 - 1; and of orthogonal polynomials, whose recurrences multiply
rounding by the square of the degree.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import mpmath  # type: ignore[import-untyped]
import torch
from torch.utils import _pytree as pytree

from compiler.driver.export_oracle import widen
from tests.ops.exact import exact_of
from tests.ops.samples import Sample

_INFINITY = float("inf")
# The function of one number, and its limits at -infinity and infinity.
_OF_ONE_NUMBER: dict[str, tuple[Callable[[float], Any], float, float]] = {
    "special.ndtr": (
        lambda x: mpmath.ncdf(min(max(x, -40.0), 40.0)),
        0.0,
        1.0,
    ),  # beyond, below all of float64
    "special.bessel_j0": (lambda x: mpmath.besselj(0, x), 0.0, 0.0),
    "special.bessel_j1": (lambda x: mpmath.besselj(1, x), 0.0, 0.0),
    "special.bessel_y0": (lambda x: mpmath.bessely(0, x), float("nan"), 0.0),
    "special.bessel_y1": (lambda x: mpmath.bessely(1, x), float("nan"), 0.0),
    "special.modified_bessel_i0": (lambda x: mpmath.besseli(0, x), _INFINITY, _INFINITY),
    "special.modified_bessel_i1": (lambda x: mpmath.besseli(1, x), -_INFINITY, _INFINITY),
    "special.modified_bessel_k0": (lambda x: mpmath.besselk(0, x), float("nan"), 0.0),
    "special.modified_bessel_k1": (lambda x: mpmath.besselk(1, x), float("nan"), 0.0),
    "special.scaled_modified_bessel_k0": (lambda x: mpmath.exp(x) * mpmath.besselk(0, x), float("nan"), 0.0),
    "special.scaled_modified_bessel_k1": (lambda x: mpmath.exp(x) * mpmath.besselk(1, x), float("nan"), 0.0),
}
_OF_POSITIVE = tuple(name for name in _OF_ONE_NUMBER if "bessel_y" in name or "bessel_k" in name)
# What is below 2 to the power of minus this is 0 to mpmath, which else looks for digits of it in vain.
_ZERO_BITS = 1000


def _chebyu(n: int, x: Any) -> Any:
    return mpmath.chebyu(n, x, zeroprec=_ZERO_BITS) if n >= 0 else 0


def _hermite(n: int, x: Any) -> Any:
    return mpmath.hermite(n, x, zeroprec=_ZERO_BITS)


# Degree and argument to the value.
_POLYNOMIALS: dict[str, Callable[[int, Any], Any]] = {
    "chebyshev_polynomial_t": lambda n, x: mpmath.chebyt(n, x, zeroprec=_ZERO_BITS),
    "chebyshev_polynomial_u": _chebyu,
    "chebyshev_polynomial_v": lambda n, x: _chebyu(n, x) - _chebyu(n - 1, x),
    "chebyshev_polynomial_w": lambda n, x: _chebyu(n, x) + _chebyu(n - 1, x),
    "hermite_polynomial_h": _hermite,
    "hermite_polynomial_he": lambda n, x: _hermite(n, x / mpmath.sqrt(2)) / mpmath.sqrt(2) ** n,
    "laguerre_polynomial_l": lambda n, x: mpmath.laguerre(n, 0, x, zeroprec=_ZERO_BITS),
    "legendre_polynomial_p": lambda n, x: mpmath.legendre(n, x, zeroprec=_ZERO_BITS),
}
_HIGHEST_DEGREE = 100


def eager_of(sample: Sample) -> list[Any]:
    """Raises whatever eager does where it refuses the sample."""
    return list(pytree.tree_leaves(sample.call(*copy.deepcopy(sample.tensors))))


def oracle_of(sample: Sample, eager: list[Any]) -> list[Any]:
    """The results in float64, integers promoted to it too; eager's own where the sample cannot be computed so."""
    if sample.op in _OF_ONE_NUMBER:
        return [_bessel(sample)]
    if sample.op.removeprefix("special.").removeprefix("shifted_") in _POLYNOMIALS:
        return [_polynomial(sample, eager[0])]
    if (exact := exact_of(sample)) is not None:
        return [exact]
    torch.set_default_dtype(torch.float64)
    try:
        wide = list(
            pytree.tree_leaves(sample.call(*(_over_storage(t, widen) for t in copy.deepcopy(sample.tensors))))
        )
    except Exception:
        return eager
    finally:
        torch.set_default_dtype(torch.float32)
    same = len(wide) == len(eager) and all(
        not isinstance(e, torch.Tensor) or e.shape == w.shape for e, w in zip(eager, wide, strict=True)
    )
    return wide if same else eager


def neighbours(sample: Sample, count: int = 8) -> Iterator[Sample]:
    """The sample with every element of its floating-point inputs moved by an ulp up, by one down, or not at all; the same ones each
    time."""
    generator = torch.Generator().manual_seed(len(sample.tensors))

    def moved(x: torch.Tensor) -> torch.Tensor:
        if not x.is_floating_point():
            return x
        step = torch.randint(-1, 2, x.shape, generator=generator)
        return torch.where(step == 0, x, torch.nextafter(x, step.to(x.dtype) * float("inf")))

    for _ in range(count):
        yield replace(sample, tensors=tuple(_over_storage(t, moved) for t in sample.tensors))


def _over_storage(x: torch.Tensor, change: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
    """All of the tensor's storage changed and seen through its strides: `as_strided` reads between its elements."""
    whole = x.as_strided((x.untyped_storage().nbytes() // x.element_size(),), (1,), 0)
    return change(whole).as_strided(x.shape, x.stride(), x.storage_offset())


def _bessel(sample: Sample) -> torch.Tensor:
    function, lowest, highest = _OF_ONE_NUMBER[sample.op]
    (x,) = sample.tensors

    def value(number: float) -> float:
        if number in (-_INFINITY, _INFINITY) or number != number:
            return {-_INFINITY: lowest, _INFINITY: highest}.get(number, number)
        if sample.op in _OF_POSITIVE and number <= 0:
            return float("nan") if number < 0 else -_INFINITY if ".bessel_y" in sample.op else _INFINITY
        return float(function(number))

    numbers = [value(float(n)) for n in x.flatten()]
    return torch.tensor(numbers, dtype=torch.float64).reshape(x.shape)


def _polynomial(sample: Sample, eager: torch.Tensor) -> torch.Tensor:
    """Of 40 digits; eager's where an operand is not finite or the degree negative or above all that mpmath takes in reasonable time."""
    exact = _POLYNOMIALS[sample.op.removeprefix("special.").removeprefix("shifted_")]
    x, n = torch.broadcast_tensors(*(t.double() for t in sample.tensors))  # type: ignore[no-untyped-call]
    shifted = "shifted_" in sample.op

    def value(at: float, degree: float, theirs: float) -> float:
        if not (abs(at) < _INFINITY and 0 <= degree <= _HIGHEST_DEGREE):
            return theirs
        with mpmath.workdps(40):
            number = mpmath.mpf(at)
            return float(exact(int(degree), 2 * number - 1 if shifted else number))

    numbers = [
        value(*row) for row in zip(*(t.flatten().tolist() for t in (x, n, eager.double())), strict=True)
    ]
    return torch.tensor(numbers, dtype=torch.float64).reshape(eager.shape)
