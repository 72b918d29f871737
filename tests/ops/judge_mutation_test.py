"""Wrong kernels in every family of operators, each of which the judge has to see: eager's results, spoilt, as if they were a library's.

A float32 result that is off by more than 1e-4 of the largest of it (elementwise: of the element) passes nowhere, nor does one
wrong integer, a NaN that is lost or one too many. What narrower dtypes hide in their rounding shows in float32.
"""

from __future__ import annotations

import pytest
import torch

from tests.ops import samples
from tests.ops.judge import judge_all
from tests.ops.oracle import eager_of, oracle_of
from tests.ops.samples import Sample

OPERATORS = """
    exp lgamma div.no_rounding_mode atan2 clamp bitwise_xor sum var amax cumsum softmax gather scatter_add index_put addmm sort argmax cat
    roll tril nn.functional.conv2d nn.functional.avg_pool2d nn.functional.layer_norm nn.functional.interpolate.bicubic
    nn.functional.cross_entropy nn.functional.embedding linalg.inv special.bessel_j0
""".split()
COUNTED = ("float32", "int64", "bool")
LARGEST_RIGHT = 1e-4
SWAPPED = ("div.no_rounding_mode", "atan2", "pow", "copysign", "fmod", "linalg.cross")


def coefficient(x: torch.Tensor) -> torch.Tensor:
    return x * 1.001 if x.is_floating_point() else x + 1 if x.dtype != torch.bool else ~x


def one_element(x: torch.Tensor) -> torch.Tensor:
    """The first of the largest elements, by a thousandth."""
    flat = x.flatten().clone()
    at = flat.abs().nan_to_num(0, 0).argmax() if x.dtype != torch.bool else 0
    flat[at] = coefficient(flat[at])
    return flat.reshape(x.shape)


def off_by_one(x: torch.Tensor) -> torch.Tensor:
    return x.flatten().roll(1).reshape(x.shape)


def other_order(x: torch.Tensor) -> torch.Tensor:
    return x.mT.contiguous() if x.dim() > 1 and x.shape[-1] == x.shape[-2] else x.flip(tuple(range(x.dim())))


def lost_nan(x: torch.Tensor) -> torch.Tensor:
    return torch.where(x.isnan(), 0, x)


def new_nan(x: torch.Tensor) -> torch.Tensor:
    if not x.is_floating_point():
        return x
    flat = x.flatten().clone()
    flat[-1] = float("nan")
    return flat.reshape(x.shape)


def lost_infinity(x: torch.Tensor) -> torch.Tensor:
    return torch.where(x.isinf(), torch.zeros((), dtype=x.dtype), x) if x.is_floating_point() else x


SPOILERS = (coefficient, one_element, off_by_one, other_order, lost_nan, new_nan, lost_infinity)


def found(name: str) -> list[Sample]:
    """The operator's samples that have the most elements, one of each dtype and form."""
    largest: dict[tuple[str, str], Sample] = {}
    for sample in samples.of(samples.operators()[name], samples.QUICK_DTYPES, few=True):
        if sample.form in ("plain", "special") and sample.dtype in COUNTED:
            kept = largest.setdefault((sample.dtype, sample.form), sample)
            if _elements(sample) > _elements(kept):
                largest[sample.dtype, sample.form] = sample
    return list(largest.values())


def _elements(sample: Sample) -> int:
    return sum(t.numel() for t in sample.tensors)


def is_spoilt(spoilt: torch.Tensor, right: torch.Tensor, elementwise: bool) -> bool:
    """Whether the change is one that has to be seen."""
    if not right.is_floating_point():
        return not torch.equal(spoilt, right)
    a, b = spoilt.double(), right.double()
    if bool((a.isnan() != b.isnan()).any() or ((a.isinf() | b.isinf()) & (a != b) & ~a.isnan()).any()):
        return True
    finite = b.isfinite()
    scale = b.abs() if elementwise else b[finite].abs().max() if finite.any() else b
    far = (a - b).abs() > LARGEST_RIGHT * scale
    tiny = torch.finfo(right.dtype).tiny
    return bool((far & finite & ((a - b).abs() > tiny)).any())


@pytest.mark.parametrize("name", OPERATORS)
def test_every_spoilt_result_is_wrong(name: str) -> None:
    spoilt = 0
    for sample in found(name):
        eager = eager_of(sample)
        oracle = oracle_of(sample, eager)
        assert judge_all(sample, eager, eager, oracle)[0] == "right", sample.key
        for spoil in SPOILERS:
            for position, right in enumerate(eager):
                if not right.numel():
                    continue
                wrong = spoil(right)
                if is_spoilt(wrong, right, sample.elementwise):
                    ours = [*eager[:position], wrong, *eager[position + 1 :]]
                    assert judge_all(sample, ours, eager, oracle)[0] == "wrong", (sample.key, spoil.__name__)
                    spoilt += 1
    assert spoilt > 2, "nothing of this operator was spoilt"


@pytest.mark.parametrize("name", SWAPPED)
def test_swapped_operands_are_wrong(name: str) -> None:
    swapped = 0
    for sample in found(name):
        if len(sample.tensors) == 2 and sample.tensors[0].shape == sample.tensors[1].shape:
            eager = eager_of(sample)
            wrong = list(map(torch.Tensor.clone, [sample.call(*reversed(sample.tensors))]))
            if wrong[0].dtype == eager[0].dtype and is_spoilt(wrong[0], eager[0], sample.elementwise):
                assert judge_all(sample, wrong, eager, oracle_of(sample, eager))[0] == "wrong", sample.key
                swapped += 1
    assert swapped
