"""Recipes of packed constants give the packers' bytes; recipes of folded constants give the passes' values."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from compiler.ir import dtypes
from compiler.ir.dtypes import parse_dtype
from compiler.ir.recipe import Fixed, Recipe, Source
from compiler.lowering import packing_recipes
from compiler.lowering.constants import content_hash
from compiler.lowering.testing.recipe_torch import evaluate
from kernels.cpp import packing


def _elements(recipe: Recipe | Fixed, array: np.ndarray) -> np.ndarray:
    assert not isinstance(recipe, Fixed)
    return evaluate(recipe, {"w": torch.from_numpy(array)}).contiguous().reshape(-1).numpy()


@pytest.mark.parametrize("shape", [(3, 10), (7, 16), (1, 1), (5, 33)])
def test_matrix(shape: tuple[int, int]) -> None:
    w = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    recipe = packing_recipes.packed(Source("w", shape), "panel16", dtypes.float32)
    assert np.array_equal(_elements(recipe, w), packing.pack_gemm_b(w).reshape(-1))


@pytest.mark.parametrize(("shape", "groups"), [((8, 3, 3, 3), 1), ((40, 4, 1, 3), 2), ((32, 1, 2, 2), 2)])
def test_convolution(shape: tuple[int, ...], groups: int) -> None:
    w = np.random.default_rng(1).standard_normal(shape).astype(np.float32)
    recipe = packing_recipes.packed(Source("w", shape), f"conv_panel16:{groups}", dtypes.float32)
    assert np.array_equal(_elements(recipe, w), packing.pack_conv2d(w, groups).reshape(-1))


def test_depthwise() -> None:
    w = np.random.default_rng(2).standard_normal((6, 1, 3, 5)).astype(np.float32)
    recipe = packing_recipes.packed(Source("w", w.shape), "depthwise", dtypes.float32)
    assert np.array_equal(_elements(recipe, w), packing.pack_depthwise(w).reshape(-1))


def test_winograd() -> None:
    w = np.random.default_rng(3).standard_normal((20, 5, 3, 3)).astype(np.float32)
    recipe = packing_recipes.packed(Source("w", w.shape), "winograd_panel16", dtypes.float32)
    expected = packing.pack_conv2d_winograd(w).reshape(-1)
    # Both are computed in float64 and rounded once; the order of the sums differs.
    assert np.abs(_elements(recipe, w) - expected).max() <= np.spacing(np.abs(expected).max())


def test_half_precision_is_widened() -> None:
    w = torch.randn(3, 4).bfloat16()
    recipe = packing_recipes.packed(Source("w", (3, 4)), "panel16", dtypes.bfloat16)
    assert not isinstance(recipe, Fixed)
    assert np.array_equal(evaluate(recipe, {"w": w}).numpy(), packing.pack_gemm_b(w.float().numpy()))


@pytest.mark.parametrize("packing_name", ["panel16_bf16", "conv_panel16_bf16:2", "depthwise_bf16"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_bfloat16(packing_name: str, dtype: torch.dtype) -> None:
    shape = {"p": (6, 21), "c": (8, 4, 3, 3), "d": (6, 1, 3, 3)}[packing_name[0]]
    w = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(dtype)
    recipe = packing_recipes.packed(Source("w", shape), packing_name, parse_dtype(str(dtype)[6:]))
    assert not isinstance(recipe, Fixed)
    got = evaluate(recipe, {"w": w}).contiguous().reshape(-1).view(torch.uint8).numpy()
    array = w.float().numpy()
    if packing_name[0] == "d":
        expected = packing.to_bfloat16(packing.pack_depthwise(array))
    else:
        panels = packing.pack_gemm_b(array) if packing_name[0] == "p" else packing.pack_conv2d(array, 2)
        expected = packing.to_bfloat16_pairs(panels)
    assert np.array_equal(got, expected.reshape(-1).view(np.uint8))


def test_unknown_packing() -> None:
    recipe = packing_recipes.packed(Source("w", (3, 4)), "spiral:7", dtypes.float32)
    assert recipe == Fixed("the packing 'spiral:7'", ("w",))


def test_content_hash() -> None:
    """The same numbers as aoti_content_hash: runtime/model/recipe_test.cc has them too."""
    assert content_hash(torch.arange(5, dtype=torch.int32)) == content_hash(
        torch.arange(5, dtype=torch.int32).reshape(1, 5)
    )
    assert content_hash(torch.tensor([1, 2, 3], dtype=torch.uint8)) == 17094369652493748546
