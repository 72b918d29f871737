"""Pointwise operations: mathematics, activations, comparison, selection, broadcasting."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.e2e.case import booleans, combine, net, normal, of, permuted, uniform

CASES = [
    of("trigonometry", lambda x: (x.sin(), x.cos(), (0.5 * x).tan()), normal(33, 17)),
    of("large_angles", lambda x: (x.sin(), x.cos()), normal(257, scale=1000.0)),
    of("inverse_trigonometry", lambda x: (x.asin(), x.acos(), x.atan()), uniform(100, low=-1, high=1)),
    of("atan2", torch.atan2, normal(50), normal(50)),
    of("hyperbolic", lambda x: (x.sinh(), x.cosh(), x.tanh()), normal(3, 41)),
    of("exponentials", lambda x: (x.exp(), x.exp2(), x.expm1()), normal(7, 65, scale=3.0)),
    of("logarithms", lambda x: (x.log(), x.log2(), x.log10(), x.log1p()), uniform(200, low=1e-3, high=50)),
    of("roots", lambda x: (x.sqrt(), x.rsqrt(), x.reciprocal()), uniform(129, low=1e-3, high=9)),
    of(
        "powers",
        lambda x, y: (x**2, x**3, x**0.5, x**-1.5, x**y, 2.0**y),
        uniform(77, low=0.1, high=4),
        normal(77),
    ),
    of("erf", lambda x: (x.erf(), x.erfc()), normal(300, scale=2.0)),
    of("rounding", lambda x: (x.floor(), x.ceil(), x.round(), x.trunc(), x.frac()), normal(99, scale=5.0)),
    of("signs", lambda x: (x.abs(), x.sign(), -x, torch.copysign(x, x.flip(0))), normal(64)),
    of("arithmetic", lambda x, y: (x + y, x - y, x * y, x / y), normal(5, 9), normal(5, 9)),
    of("scalars", lambda x: (x + 1, 2 - x, x * 3.5, 1 / x, torch.add(x, x, alpha=0.25)), normal(40)),
    of(
        "remainders",
        lambda x, y: (torch.fmod(x, y), torch.remainder(x, y)),
        normal(80, scale=5.0),
        uniform(80, low=1, high=2),
    ),
    of(
        "floor_divide",
        lambda x, y: torch.div(x, y, rounding_mode="floor"),
        normal(60, scale=9.0),
        uniform(60, low=1, high=2),
    ),
    of(
        "extrema",
        lambda x, y: (torch.maximum(x, y), torch.minimum(x, y), x.clamp(-0.5, 0.7), x.clamp(min=0)),
        normal(90),
        normal(90),
    ),
    of(
        "nan_and_infinity",
        lambda x: torch.nan_to_num(torch.where(x > 0, x.log(), x / 0.0), posinf=9.0, neginf=-9.0),
        normal(50),
    ),
    of(
        "where_scalar",
        lambda m, x: (torch.where(m, x, 0.0), torch.where(m, 1.0, x)),
        booleans(6, 7),
        normal(6, 7),
    ),
    of("masked_fill", lambda x, m: x.masked_fill(m, -1e9).softmax(-1), normal(4, 12), booleans(1, 12)),
    of(
        "lerp_addcmul",
        lambda x, y, z: (torch.lerp(x, y, 0.3), torch.addcmul(x, y, z, value=2.0)),
        normal(31),
        normal(31),
        normal(31),
    ),
    of(
        "relu_family",
        lambda x: (x.relu(), F.relu6(3 * x), F.leaky_relu(x, 0.1), F.elu(x), F.hardtanh(x)),
        normal(6, 50),
    ),
    of(
        "sigmoid_family",
        lambda x: (x.sigmoid(), F.silu(x), F.logsigmoid(x), F.softplus(x), F.mish(x)),
        normal(6, 50),
    ),
    of(
        "gelu_family",
        lambda x: (F.gelu(x), F.gelu(x, approximate="tanh"), F.hardswish(x), F.hardsigmoid(x)),
        normal(6, 50),
    ),
    net("prelu", lambda: nn.PReLU(5), normal(2, 5, 7)),
    of("glu", lambda x: F.glu(x, dim=1), normal(3, 10, 4)),
    of("broadcast_rows", lambda x, y: x * y + 1, normal(1, 70), normal(30, 1)),
    of("broadcast_ranks", lambda x, y, z: x + y * z, normal(2, 3, 4, 5), normal(4, 1), normal(3, 1, 5)),
    of("broadcast_to_scalar", lambda x, y: x * y, normal(8, 8), normal()),
    of("permuted_operands", lambda x, y: (x + y).relu(), permuted(normal(6, 5, 4), 2, 1, 0), normal(4, 5, 6)),
    of(
        "long_chain",
        lambda x, y: ((x * y).tanh() * x.sigmoid() - y.exp()).sin().abs().sqrt(),
        normal(1000),
        normal(1000),
    ),
    of("shared_intermediate", lambda x: ((y := x.exp()) * 2, y.log1p(), y - x), normal(10, 33)),
    of("one_element", lambda x: x.exp() + 1, normal(1)),
    of("no_element", lambda x: x.exp() + 1, normal(0, 3)),
    of("constant_result", lambda x: (torch.full((2, 3), 1.5) + torch.arange(3), x.new_ones(4)), normal(2)),
]


def build() -> tuple[nn.Module, tuple[Tensor, ...]]:
    """All cases as one model."""
    return combine(CASES)
