"""What a recipe means, in torch: the oracle of tests. The runtime's machine (runtime/model/recipe.cc) is compared with it."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from compiler.ir.recipe import Binary, Cast, Cat, Pad, Recipe, Scalar, Source, Unary, View


def evaluate(recipe: Recipe, originals: Mapping[str, torch.Tensor]) -> torch.Tensor:
    if isinstance(recipe, Source):
        assert tuple(originals[recipe.fqn].shape) == recipe.shape
        return originals[recipe.fqn]
    if isinstance(recipe, View):
        flat = evaluate(recipe.of, originals).contiguous().reshape(-1)
        return flat.as_strided(recipe.shape, recipe.stride, recipe.offset)
    if isinstance(recipe, Pad):
        of = evaluate(recipe.of, originals)
        padded = of.new_zeros(recipe.shape)
        padded.narrow(recipe.dim, 0, of.shape[recipe.dim]).copy_(of)
        return padded
    if isinstance(recipe, Cat):
        return torch.cat([evaluate(p, originals) for p in recipe.parts], recipe.dim)
    if isinstance(recipe, Cast):
        return evaluate(recipe.of, originals).to(getattr(torch, recipe.dtype.name))
    if isinstance(recipe, Scalar):
        return torch.tensor(recipe.value, dtype=torch.float64)
    if isinstance(recipe, Unary):
        mapped: torch.Tensor = getattr(torch, recipe.op)(evaluate(recipe.of, originals).double())
        return mapped
    assert isinstance(recipe, Binary)
    left, right = (evaluate(r, originals).double() for r in (recipe.left, recipe.right))
    result: torch.Tensor = getattr(torch, recipe.op)(left, right)
    assert tuple(result.shape) == recipe.shape
    return result
