"""Random operators in the interpreter: Philox itself, moments and distributions, and that nothing but the number of an element shows."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from compiler.ir.loop import Program
from compiler.ir.loop_interpreter import interpret
from compiler.ir.loop_parse import parse_program
from compiler.ir.loop_text import print_program
from compiler.ir.scalar_numpy import MEANING
from compiler.lowering.testing.case_harness import lower_function
from compiler.support.diagnostics import UserError

X = torch.ones(100, 80)
COUNT = X.numel()


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D)),
        ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E)),
        ((0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), (0xA4093822, 0x299F31D0), (0xD16CFE09, 0x94FDCCEB)),
    ],
)  # fmt: skip
def test_philox_gives_the_words_that_its_authors_publish(
    counter: tuple[int, ...], key: tuple[int, int], words: tuple[int, int]
) -> None:
    def signed(low: int, high: int) -> np.ndarray[Any, Any]:
        return np.asarray(low | high << 32, np.uint64).astype(np.int64)

    e, s, r = signed(*counter[:2]), np.asarray(counter[2]), np.asarray(counter[3])
    found = MEANING["philox"](e, s, signed(*key), r)
    assert int(found.astype(np.uint64)) == words[0] | words[1] << 32


def run(function: Callable[..., Any], *inputs: Tensor) -> list[Any]:
    program = lower_function(function, inputs)
    text = print_program(program)
    assert print_program(parse_program(text)) == text
    return values(program, *inputs)


def values(program: Program, *inputs: Tensor) -> list[Any]:
    return interpret(program, [x.numpy() for x in inputs])


def check_uniform(values: np.ndarray[Any, Any], low: float, high: float) -> None:
    """Range, mean, variance, and Kolmogorov and Smirnov's distance below its 0.1 % point."""
    flat = np.sort(values.ravel().astype(np.float64))
    assert low <= flat[0] and flat[-1] < high
    check_distribution((flat - low) / (high - low), lambda x: x)


def check_distribution(flat: np.ndarray[Any, Any], cumulative: Callable[[Any], Any]) -> None:
    steps = np.arange(flat.size + 1) / flat.size
    wanted = cumulative(flat)
    distance = max(np.abs(steps[1:] - wanted).max(), np.abs(steps[:-1] - wanted).max())
    assert distance < 1.95 / math.sqrt(flat.size), distance


def normal_cumulative(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.asarray([0.5 * math.erfc(-v / math.sqrt(2)) for v in x])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_uniform_numbers(dtype: torch.dtype) -> None:
    first, second = run(lambda x: (torch.rand(100, 80, dtype=dtype), torch.rand_like(x)), X)
    check_uniform(first, 0, 1)
    check_uniform(second, 0, 1)
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 4 / math.sqrt(COUNT)
    (scaled,) = run(lambda x: x.clone().uniform_(-3, 5), X)
    check_uniform(scaled, -3, 5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_narrow_uniform_numbers_are_never_one(dtype: torch.dtype) -> None:
    (found,) = run(lambda x: torch.rand(100, 80, dtype=dtype).float(), X)
    assert found.min() >= 0 and found.max() < 1 and abs(found.mean() - 0.5) < 0.02


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_normal_numbers(dtype: torch.dtype) -> None:
    plain, scaled = run(lambda x: (torch.randn(100, 80, dtype=dtype), x.clone().normal_(3, 0.5)), X)
    for found in (plain, (scaled - 3) / 0.5):
        flat = np.sort(found.ravel().astype(np.float64))
        check_distribution(flat, normal_cumulative)
        assert abs((flat**4).mean() - 3) < 0.5 and np.abs(flat).max() > 3
    neighbours = plain.ravel()
    assert abs(np.corrcoef(neighbours[:-1], neighbours[1:])[0, 1]) < 4 / math.sqrt(COUNT)


def test_exponential_numbers() -> None:
    (found,) = run(lambda x: x.clone().exponential_(2.0), X)
    check_distribution(np.sort(found.ravel().astype(np.float64)), lambda x: 1 - np.exp(-2 * x))


def test_integers() -> None:
    dice, signed = run(
        lambda x: (torch.randint(6, (100, 80)), torch.randint(-5, 5, (100, 80), dtype=torch.int32)), X
    )
    assert dice.dtype == np.int64 and signed.dtype == np.int32
    for found, low, count in ((dice, 0, 6), (signed, -5, 10)):
        each = np.bincount((found - low).ravel(), minlength=count)
        assert each.size == count and (((each - COUNT / count) ** 2).sum() / (COUNT / count)) < 35


def test_a_permutation_has_every_number_once() -> None:
    first, second = run(lambda x: (torch.randperm(500), torch.randperm(500)), X)
    assert sorted(first) == sorted(second) == list(range(500)) and (first != second).any()


def test_chances() -> None:
    p = torch.linspace(0, 1, 80).expand(100, 80).contiguous()
    tossed, fixed = run(lambda p: (torch.bernoulli(p), torch.zeros_like(p).bernoulli_(0.3)), p)
    assert set(np.unique(tossed)) == {0.0, 1.0} and np.abs(tossed.mean(0) - p[0].numpy()).max() < 0.2
    assert not tossed[:, 0].any() and tossed[:, -1].all() and abs(fixed.mean() - 0.3) < 0.03


def test_draws_with_replacement_have_the_chances_given() -> None:
    weights = torch.tensor([[0.0, 1.0, 3.0, 0.0, 4.0, 0.0], [5.0, 0.0, 0.0, 5.0, 0.0, 0.0]])
    (found,) = run(lambda w: torch.multinomial(w, 8000, replacement=True), weights)
    assert found.shape == (2, 8000) and found.dtype == np.int64
    for row, chances in zip(found, (weights / weights.sum(1, keepdim=True)).numpy(), strict=True):
        each, wanted = np.bincount(row, minlength=6), 8000 * chances
        assert not each[wanted == 0].any()
        assert (((each - wanted) ** 2)[wanted > 0] / wanted[wanted > 0]).sum() < 16


def test_draws_without_replacement_never_repeat() -> None:
    weights = torch.tensor([1.0, 0.0, 2.0, 7.0]).expand(4000, 4).contiguous()
    (found,) = run(lambda w: torch.multinomial(w, 3), weights)
    assert (np.sort(found, 1) == [0, 2, 3]).all()
    first = np.bincount(found[:, 0], minlength=4) / 4000
    assert np.abs(first - [0.1, 0, 0.2, 0.7]).max() < 0.03
    # 2 after 3 with 0.7 * 2 / 3, 2 after 0 with 0.1 * 2 / 9
    assert abs((found[:, 1] == 2).mean() - (0.7 * 2 / 3 + 0.1 * 2 / 9)) < 0.03


def test_dropout_keeps_the_mean_and_drops_what_it_says() -> None:
    (found,) = run(lambda x: F.dropout(x * 2, 0.25, training=True), X)
    assert set(np.unique(found)) == {0.0, np.float32(2 / 0.75)} and abs((found == 0).mean() - 0.25) < 0.03
    (channels,) = run(lambda x: F.dropout1d(x.view(10, 20, 40), 0.5, training=True), X)
    dropped = (channels == 0).all(2)
    assert ((channels == 0) == dropped[..., None]).all() and 0.3 < dropped.mean() < 0.7
    (alpha,) = run(lambda x: F.alpha_dropout(torch.randn(200, 400), 0.2, training=True), X)
    assert abs(alpha.mean()) < 0.03 and abs(alpha.std() - 1) < 0.03


def test_a_value_that_is_used_twice_is_drawn_once() -> None:
    (difference,) = run(lambda x: (lambda r: (r * x).sum(1) - r.sum(1))(torch.rand_like(x)), X)
    assert np.abs(difference).max() < 1e-3
    first, second = run(lambda x: (torch.rand_like(x), torch.rand_like(x)), X)
    assert (first != second).any()


def test_numbers_do_not_depend_on_the_order_in_memory() -> None:
    (rows,) = run(lambda x: torch.rand(100, 80) + 0 * x, X)
    (turned,) = run(lambda x: torch.rand(100, 80) + 0 * x.t(), X.t().contiguous())
    assert np.array_equal(rows, turned)


def test_random_numbers_in_a_loop_are_refused() -> None:
    from torch._higher_order_ops.while_loop import while_loop

    def looped(x: Tensor) -> Any:
        return while_loop(  # type: ignore[no-untyped-call]
            lambda i, y: i < 3,
            lambda i, y: (i + 1, y + torch.rand_like(y)),
            (torch.zeros((), dtype=torch.int64), x),
        )

    with pytest.raises(UserError, match="every turn would draw the same numbers"):
        run(looped, X)
