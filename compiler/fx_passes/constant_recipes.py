"""Recipes of what the passes fold and merge: the same calculation as theirs, for the runtime to repeat on new weights.

Enters: constants' recipes, nodes of constant subgraphs. Leaves: a `Recipe`, or `Fixed` with the operator and its place in the model
where a recipe cannot say it; what depends on a `Fixed` is fixed for the same reason.

Before/after (batch norm into a convolution's weight [O, I, H, W]):
    cast(mul(source("conv.weight", ...), view(mul(rsqrt(add(source("bn.running_var", [O]), scalar(1e-05))), source("bn.weight", [O])),
         [O, 1, 1, 1], ...)), float32)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.fx

from compiler.fx_passes.rewriter import Rewriter, value
from compiler.ir.dtypes import DType, parse_dtype
from compiler.ir.recipe import (
    Binary,
    Cast,
    Cat,
    Fixed,
    Recipe,
    Scalar,
    Unary,
    apply,
    reshape,
    sources,
    view,
)

_UNARY = {
    "aten.neg.default": "neg", "aten.sqrt.default": "sqrt", "aten.rsqrt.default": "rsqrt", "aten.reciprocal.default": "reciprocal",
    "aten.exp.default": "exp", "aten.sin.default": "sin", "aten.cos.default": "cos",
}  # fmt: skip
_BINARY = {
    "aten.add.Tensor": "add", "aten.sub.Tensor": "sub", "aten.mul.Tensor": "mul", "aten.div.Tensor": "div",
    "aten.add.Scalar": "add", "aten.sub.Scalar": "sub", "aten.mul.Scalar": "mul", "aten.div.Scalar": "div",
}  # fmt: skip
_CASTS = {"aten._to_copy.default", "aten.to.dtype", "aten.clone.default", "aten.contiguous.default"}


def joined(parts: Sequence[Recipe | Fixed]) -> Recipe | Fixed:
    """One after the other along dim 0."""
    return apply(lambda *p: Cat(0, p), *parts)


def rounded(recipe: Recipe | Fixed, shape: Sequence[int], dtype: torch.dtype) -> Recipe | Fixed:
    return apply(lambda r: Cast(reshape(r, shape), _dtype(dtype)), recipe)


@dataclass(frozen=True)
class Norm:
    """What a batch norm with fixed statistics multiplies by and adds, [C] each."""

    factor: Recipe | Fixed
    shift: Recipe | Fixed


def norm_of(
    gamma: Recipe | Fixed | None, beta: Recipe | Fixed | None, mean: Recipe | Fixed, var: Recipe | Fixed, eps: float
) -> Norm:  # fmt: skip
    factor = apply(lambda v: Unary("rsqrt", Binary("add", v, Scalar(eps))), var)
    if gamma is not None:
        factor = apply(lambda f, g: Binary("mul", f, g), factor, gamma)
    shift = apply(lambda m, f: Binary("mul", Unary("neg", m), f), mean, factor)
    if beta is not None:
        shift = apply(lambda s, b: Binary("add", s, b), shift, beta)
    return Norm(factor, shift)


def absorbed(
    weight: Recipe | Fixed, bias: Recipe | Fixed | None, norm: Norm, dtype: torch.dtype
) -> tuple[Recipe | Fixed, Recipe | Fixed]:
    """The weight and the bias of a convolution or linear that has taken the norm in."""

    def scale(w: Recipe, f: Recipe) -> Recipe:
        channels = reshape(f, [f.shape[0], *(1 for _ in w.shape[1:])])
        return Cast(Binary("mul", w, channels), _dtype(dtype))

    moved = norm.shift
    if bias is not None:
        moved = apply(lambda s, b, f: Binary("add", s, Binary("mul", b, f)), moved, bias, norm.factor)
    return apply(scale, weight, norm.factor), apply(lambda m: Cast(m, _dtype(dtype)), moved)


def recipe_of(r: Rewriter, node: torch.fx.Node) -> Recipe | Fixed:
    """The recipe of a node whose value depends on constants only."""
    known: dict[torch.fx.Node, Recipe | Fixed] = {}
    todo = [node]
    while todo:
        current = todo[-1]
        missing = [a for a in current.all_input_nodes if a not in known]
        if missing and current not in known:
            todo += missing
            continue
        todo.pop()
        if current not in known:
            known[current] = r.recipe(current) if current.op == "placeholder" else _of_call(current, known)
    return known[node]


def _of_call(node: torch.fx.Node, known: dict[torch.fx.Node, Recipe | Fixed]) -> Recipe | Fixed:
    inputs = [known[a] for a in node.all_input_nodes]
    found = None
    if not any(isinstance(i, Fixed) for i in inputs):
        found = _moves(node, known) or _calculation(node, known)
    if found is not None:
        return found
    place = node.meta["origin"].location or "an unknown line"
    reason = next((i.reason for i in inputs if isinstance(i, Fixed)), f"{node.target} at {place}")
    return Fixed(reason, tuple(dict.fromkeys(s for i in inputs for s in sources(i))))


def _moves(node: torch.fx.Node, known: dict[torch.fx.Node, Recipe | Fixed]) -> Recipe | None:
    """A view, a copy or a join of values."""
    name = str(node.target)
    if name == "aten.cat.default":
        joined_nodes: Any = node.args[0]
        axis: Any = node.args[1] if len(node.args) > 1 else 0
        recipes = [known[p] for p in joined_nodes]
        return Cat(axis % len(recipes[0].shape), tuple(recipes))  # type: ignore[arg-type,union-attr]
    if len(node.all_input_nodes) != 1 or not callable(node.target):
        return None
    of = known[node.all_input_nodes[0]]
    assert not isinstance(of, Fixed)
    if name in _CASTS:
        return Cast(of, _dtype(value(node).dtype))
    operand = torch.empty(of.shape, dtype=value(node.all_input_nodes[0]).dtype, device="meta")
    args, kwargs = torch.fx.map_arg((node.args, node.kwargs), lambda _: operand)
    if not any(isinstance(a, torch.Tensor) for a in args):
        return None
    with torch.no_grad():
        result: Any = node.target(*args, **kwargs)
    if not isinstance(result, torch.Tensor) or result.dtype != operand.dtype or not result._is_view():
        return None
    return view(of, result.shape, result.stride(), int(result.storage_offset()))


def _calculation(node: torch.fx.Node, known: dict[torch.fx.Node, Recipe | Fixed]) -> Recipe | None:
    """Arithmetic on floating-point numbers, rounded as the operator rounds."""
    if not isinstance(node.meta["val"], torch.Tensor):
        return None  # several values, as of a split
    name, dtype = str(node.target), value(node).dtype
    if not dtype.is_floating_point or node.kwargs:
        return None
    operands = [known[a] if isinstance(a, torch.fx.Node) else _number(a) for a in node.args]
    if any(o is None or isinstance(o, Fixed) for o in operands):
        return None
    if name in _UNARY and len(operands) == 1:
        return Cast(Unary(_UNARY[name], operands[0]), _dtype(dtype))  # type: ignore[arg-type]
    if name in _BINARY and len(operands) == 2:
        return Cast(Binary(_BINARY[name], *operands), _dtype(dtype))  # type: ignore[arg-type]
    return None


def _number(argument: object) -> Recipe | None:
    return Scalar(float(argument)) if isinstance(argument, int | float) else None


def _dtype(dtype: torch.dtype) -> DType:
    return parse_dtype(str(dtype).removeprefix("torch."))
