"""What is right and what is wrong to the sweep's judge."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from tests.ops.judge import judge_all
from tests.ops.oracle import eager_of, neighbours, oracle_of
from tests.ops.samples import Sample

ONE_ULP = 2.0**-23


def sample(call: Callable[..., torch.Tensor], elementwise: bool = False) -> Sample:
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(64, generator=generator) * 100
    return Sample("case", "float32", 0, "plain", call, (x,), elementwise)


def verdict(case: Sample, ours: torch.Tensor) -> str:
    eager = eager_of(case)
    return judge_all(case, [ours], eager, oracle_of(case, eager))[0]


def cancelling(x: torch.Tensor) -> torch.Tensor:
    """A lone small number, made of large ones."""
    return ((x * 1.1 - x) * x).sum() - (x * x * 0.1).sum()


def test_neighbours_are_the_same_each_time_and_an_ulp_away() -> None:
    case = sample(torch.sum)
    (x,), first, again = case.tensors, list(neighbours(case)), list(neighbours(case))
    for a, b in zip(first, again, strict=True):
        assert torch.equal(a.tensors[0], b.tensors[0]) and not torch.equal(a.tensors[0], x)
        assert bool(((a.tensors[0] - x).abs() <= x.abs() * ONE_ULP).all())


def test_integers_and_infinities_have_no_neighbours() -> None:
    inf = float("inf")
    numbers = torch.tensor([inf, -inf, 0.0])
    case = Sample("case", "float32", 0, "plain", torch.add, (numbers, torch.arange(3)))
    for near in neighbours(case):
        assert near.tensors[0][:2].tolist()[0] > 1e38 and near.tensors[0][1] < -1e38
        assert torch.equal(near.tensors[1], torch.arange(3))


def test_a_lucky_eager_is_no_measure() -> None:
    """Eager's result happens to be float64's; another order of the sum is as right."""
    case = sample(cancelling)
    oracle = oracle_of(case, eager_of(case))
    lucky = [oracle[0].float()]
    (x,) = case.tensors
    other = cancelling(x.flip(0))
    assert judge_all(case, [other], lucky, oracle)[0] == "right"


@pytest.mark.parametrize("factor", [1 + 64 * ONE_ULP, 1.001, -1.0])
def test_a_sum_that_is_off_is_wrong(factor: float) -> None:
    case = sample(lambda x: (x * x).sum())
    assert verdict(case, eager_of(case)[0]) == "right"
    assert verdict(case, eager_of(case)[0] * factor) == "wrong"


def test_elementwise_results_are_held_against_each_element() -> None:
    case = sample(torch.sin, elementwise=True)
    eager = eager_of(case)[0]
    off = eager.clone()
    off[5] *= 1 + 64 * ONE_ULP
    assert verdict(case, eager) == "right"
    assert verdict(case, off) == "wrong"


def test_positions_of_equal_elements_are_as_good_and_other_results_are_no_positions() -> None:
    x = torch.tensor([[3, 1, 3], [2, 2, 0]])
    sample = Sample("median", "int64", 0, "plain", lambda t: t.median(1).indices, (x,), ties=True)
    eager = eager_of(sample)
    assert judge_all(sample, [torch.tensor([2, 1])], eager, eager)[0] == "right"
    assert judge_all(sample, [torch.tensor([1, 0])], eager, eager)[0] == "wrong"
    lone = Sample("median", "int64", 0, "plain", torch.median, (x,), ties=True)
    assert judge_all(lone, [torch.tensor(1)], eager_of(lone), eager_of(lone))[0] == "wrong"
