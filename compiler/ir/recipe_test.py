"""Recipes print and parse back; shapes follow; the packing recipes are the packers' bytes."""

from __future__ import annotations

import pytest

from compiler.ir import dtypes
from compiler.ir.recipe import (
    Binary,
    Cast,
    Cat,
    Pad,
    Recipe,
    Scalar,
    Source,
    Unary,
    View,
    in_memory_order,
    operands,
    parse_recipe,
    postorder,
    print_recipe,
    reshape,
    sources,
)  # fmt: skip

W = Source("fc.weight", (3, 10))
BN = Binary(
    "mul",
    Source("bn.weight", (4,)),
    Unary("rsqrt", Binary("add", Source('od"d, (name', (4,)), Scalar(1e-05))),
)


@pytest.mark.parametrize(
    "recipe",
    [
        W,
        View(Pad(View(W, (10, 3), (1, 10)), 1, 16), (1, 10, 16), (160, 16, 1)),
        Cat(0, (W, Source("b", (2, 10)), W)),
        Cast(Binary("mul", reshape(BN, [4, 1, 1]), Source("conv.weight", (4, 2, 3))), dtypes.float32),
        Unary("neg", Scalar(-2.0)),
        Scalar(float("1e300")),
    ],
)  # fmt: skip
def test_prints_and_parses(recipe: Recipe) -> None:
    text = print_recipe(recipe)
    assert parse_recipe(text) == recipe
    assert print_recipe(parse_recipe(text)) == text


def test_shapes() -> None:
    assert Pad(W, 1, 16).shape == (3, 16)
    assert Cat(1, (W, Source("b", (3, 2)))).shape == (3, 12)
    assert Binary("add", Source("a", (4, 1)), Source("b", (5,))).shape == (4, 5)
    assert BN.shape == (4,)
    assert reshape(W, [3, 10]) is W


def test_memory_order() -> None:
    """A channels-last weight [O, I, H, W]: its memory is [O, H, W, I]."""
    recipe = in_memory_order(Source("w", (2, 3, 4, 5)), (60, 1, 15, 3))
    assert recipe == View(Source("w", (2, 3, 4, 5)), (2, 4, 5, 3), (60, 5, 1, 20))
    assert in_memory_order(W, (10, 1)) is W


def test_order_and_sources() -> None:
    order = list(postorder(BN))
    assert all(order.index(o) < order.index(r) for r in order for o in operands(r))
    assert sources(Cat(0, (W, BN, W))) == ["fc.weight", "bn.weight", 'od"d, (name']


@pytest.mark.parametrize(
    "text",
    [
        "",
        "view(",
        "source(1",
        'pad(source("a", [1]), 0, 2) x',
        "sinh(scalar(1.0))",
        "cat(0 scalar(1.0))",
        "§",
    ],
)
def test_other_texts(text: str) -> None:
    with pytest.raises(ValueError):
        parse_recipe(text)
