"""Batch normalisation with fixed statistics: into the convolution or linear before it, else into one factor and
one shift for each channel.

    batch_norm(conv2d(x, w, b), gamma, beta, mean, var, eps)   ->   conv2d(x, w * f, (b - mean) * f + beta),  f = gamma / sqrt(var + eps)
    batch_norm(x, ...)                                         ->   x * f + (beta - mean * f)

Computed in float64 and rounded once.
"""

from __future__ import annotations

import torch
import torch.fx

from compiler.fx_passes.constant_recipes import Norm, absorbed, norm_of, rounded
from compiler.fx_passes.rewriter import Rewriter, argument, aten, shape, value
from compiler.ir.graph import ModelGraph
from compiler.support.options import Context

_PRODUCERS = {
    "aten.conv1d.default",
    "aten.conv2d.default",
    "aten.conv3d.default",
    "aten.linear.default",
    "aten.convolution.default",
}

_BLOCK_ELEMENTS = 1 << 15


def run(graph: ModelGraph, ctx: Context) -> ModelGraph:
    r = Rewriter(graph)
    for node in r.calls("aten.batch_norm.default"):
        affine = _factor_and_shift(r, node)
        if affine is None:
            continue
        producer = node.args[0]
        assert isinstance(producer, torch.fx.Node)
        with r.at(node):
            if _can_absorb(r, producer):
                r.replace(node, _absorb(r, producer, _norm_recipe(r, node), *affine))
            else:
                r.replace(node, _pointwise(r, node, *affine))
    return r.finish()


def _factor_and_shift(r: Rewriter, node: torch.fx.Node) -> tuple[torch.Tensor, torch.Tensor] | None:
    """What the normalisation multiplies by and adds, float64 [C]; None where it is not fixed."""
    weight, bias, mean, var, training, _, eps = (argument(node, k) for k in range(1, 8))
    tensors = [None if v is None else r.tensor(v) for v in (weight, bias, mean, var)]
    if training or tensors[2] is None or tensors[3] is None:
        return None
    if any(t is None and v is not None for t, v in zip(tensors, (weight, bias, mean, var), strict=True)):
        return None
    gamma, beta, mu, sigma2 = (None if t is None else t.double() for t in tensors)
    assert mu is not None and sigma2 is not None
    factor = torch.rsqrt(sigma2 + float(eps))
    factor = factor if gamma is None else factor * gamma
    shift = -mu * factor
    return factor, shift if beta is None else shift + beta


def _norm_recipe(r: Rewriter, node: torch.fx.Node) -> Norm:
    """The same as recipes."""
    weight, bias, mean, var, _, _, eps = (argument(node, k) for k in range(1, 8))
    gamma, beta = (None if v is None else r.recipe(v) for v in (weight, bias))
    return norm_of(gamma, beta, r.recipe(mean), r.recipe(var), float(eps))


def _can_absorb(r: Rewriter, producer: torch.fx.Node) -> bool:
    if (
        str(producer.target) not in _PRODUCERS
        or len(producer.users) != 1
        or r.tensor(producer.args[1]) is None
    ):
        return False
    transposed = str(producer.target) == "aten.convolution.default" and producer.args[6]
    batched = len(shape(producer)) == (
        2 if "linear" in str(producer.target) else len(shape(producer.args[1]))
    )
    bias = argument(producer, 2, "bias")
    return not transposed and batched and (bias is None or r.tensor(bias) is not None)


def _absorb(
    r: Rewriter, producer: torch.fx.Node, norm: Norm, factor: torch.Tensor, shift: torch.Tensor
) -> torch.fx.Node:
    weight, name = r.tensor(producer.args[1]), r.constant(producer.args[1])
    assert weight is not None and name is not None
    bias = r.tensor(argument(producer, 2, "bias"))
    scaled = _scaled(weight, factor)
    moved = shift if bias is None else shift + bias.double() * factor
    old_bias = None if bias is None else r.recipe(argument(producer, 2, "bias"))
    recipes = absorbed(r.recipe(producer.args[1]), old_bias, norm, weight.dtype)
    new_weight = r.new_constant(f"{name.fqn}:normalized", scaled, recipes[0])
    new_bias = r.new_constant(f"{name.fqn}:shift", moved.to(weight.dtype), recipes[1])
    kwargs = {k: v for k, v in producer.kwargs.items() if k != "bias"}
    return r.call_like(producer, producer.args[0], new_weight, new_bias, *producer.args[3:], **kwargs)


def _scaled(weight: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Each output channel times its factor, in float64, rounded. In blocks: a float64 copy of all would go through memory twice."""
    result = torch.empty(weight.shape, dtype=weight.dtype)
    rows = max(1, _BLOCK_ELEMENTS // max(1, weight[:1].numel()))
    for start in range(0, weight.shape[0], rows):
        block = slice(start, start + rows)
        result[block] = weight[block].double() * factor[block].reshape([-1] + [1] * (weight.dim() - 1))
    return result


def _pointwise(r: Rewriter, node: torch.fx.Node, factor: torch.Tensor, shift: torch.Tensor) -> torch.fx.Node:
    x = node.args[0]
    name = r.constant(node.args[3])
    assert name is not None
    size = [-1] + [1] * (len(shape(x)) - 2)
    dtype = value(x).dtype
    norm = _norm_recipe(r, node)
    sizes = [max(n, factor.numel()) if n < 0 else n for n in size]
    f = r.new_constant(
        f"{name.fqn}:factor", factor.reshape(size).to(dtype), rounded(norm.factor, sizes, dtype)
    )
    s = r.new_constant(f"{name.fqn}:shift", shift.reshape(size).to(dtype), rounded(norm.shift, sizes, dtype))
    return r.call(aten.add.Tensor, r.call(aten.mul.Tensor, x, f), s)
