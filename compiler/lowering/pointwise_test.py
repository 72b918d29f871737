"""Pointwise operators, promotion and activations against eager in float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from compiler.ir.loop import Pointwise
from compiler.lowering.testing.case_harness import Argument, check

INTS = torch.tensor([[-7, -2, 0], [1, 3, 8]])
SMALL = torch.tensor([[1, 2, 3], [-1, 2, 5]])
BOOLS = torch.tensor([[True, False, True], [False, False, True]])
SPECIAL = torch.tensor([0.0, -0.0, 1.5, -2.5, float("inf"), float("-inf"), float("nan")])
UNIT = torch.linspace(-0.99, 0.99, 12)
POSITIVE = torch.linspace(0.01, 9.0, 12)

CASES: dict[str, tuple[Callable[..., Any], tuple[Argument, ...]]] = {
    "trigonometry": (lambda x: torch.sin(x) + torch.cos(x) * torch.tan(x * 0.3), ((3, 5),)),
    "inverse trigonometry": (lambda x: torch.asin(x) + torch.acos(x) * torch.atan(x), (UNIT,)),
    "hyperbolic": (lambda x: torch.sinh(x) + torch.cosh(x) - torch.tanh(x) + torch.asinh(x), ((3, 5),)),
    "inverse hyperbolic": (lambda x: torch.acosh(x + 1) + torch.atanh(x / 10), (POSITIVE,)),
    "exponentials": (lambda x: torch.exp(x) + torch.exp2(x) + torch.expm1(x), ((3, 5),)),
    "logarithms": (lambda x: torch.log(x) + torch.log2(x) + torch.log10(x) + torch.log1p(x), (POSITIVE,)),
    "roots": (lambda x: torch.sqrt(x) + torch.rsqrt(x) + torch.reciprocal(x), (POSITIVE,)),
    "error function": (
        lambda x: torch.erf(x) + torch.erfc(x) + torch.sigmoid(x) + torch.lgamma(x.abs() + 0.5),
        ((3, 5),),
    ),
    "rounding": (lambda x: (torch.floor(x), torch.ceil(x), torch.trunc(x), torch.round(x)), (SPECIAL,)),
    "sign and abs": (lambda x: (torch.sign(x), torch.abs(x), -x), (SPECIAL,)),
    "special values": (
        lambda x: (torch.isnan(x), torch.isinf(x), torch.relu(x), torch.clamp(x, -1, 2)),
        (SPECIAL,),
    ),
    "broadcast": (lambda x, y: x + y * 2, ((4, 1, 3), (5, 1))),
    "alpha": (lambda x, y: torch.add(x, y, alpha=2.5) - torch.sub(x, y, alpha=0.5), ((2, 3), (3,))),
    "rsub": (lambda x: 1 - x, ((2, 3),)),
    "division by modes": (
        lambda x, y: (
            torch.div(x, y),
            torch.div(x, y, rounding_mode="floor"),
            torch.div(x, y, rounding_mode="trunc"),
        ),
        (INTS, SMALL),
    ),
    "remainders": (lambda x, y: (torch.remainder(x, y), torch.fmod(x, y), x // y), (INTS, SMALL)),
    "float remainders": (lambda x, y: (torch.remainder(x, y), torch.fmod(x, y)), ((3, 4), (3, 4))),
    "powers": (lambda x: (x**2, x**3, x**-2, x.abs() ** 0.5, x.abs() ** 1.7, 2**x), ((2, 3),)),
    "integer powers": (lambda x: (x**2, x**5), (INTS,)),
    "power of tensors": (lambda x, y: torch.pow(x.abs(), y), ((2, 3), (2, 3))),
    "bitwise": (lambda x, y: (x & y, x | y, x ^ y, ~x), (INTS, SMALL)),
    "shifts": (lambda x: (x << 2, x >> 1), (INTS,)),
    "bool logic": (
        lambda x, y: (x & y, x | ~y, torch.logical_xor(x, y), torch.logical_not(x)),
        (BOOLS, BOOLS.flip(0)),
    ),
    "comparisons": (lambda x, y: (x == y, x != y, x < y, x <= y, x > 0, x >= 1), (INTS, SMALL)),
    "where": (lambda x, y: torch.where(x > 0, x, y), ((3, 4), (4,))),
    "where with numbers": (lambda x: torch.where(x > 0, 1.0, x), ((3, 4),)),
    "masked fill": (lambda x, m: x.masked_fill(m, float("-inf")), ((2, 3), BOOLS)),
    "extremes": (lambda x, y: (torch.maximum(x, y), torch.minimum(x, y)), (SPECIAL, SPECIAL.flip(0))),
    "clamp by tensors": (lambda x, y: torch.clamp(x, min=y, max=y + 1), ((3, 4), (4,))),
    "clamp one side": (lambda x: (x.clamp(min=0.1), x.clamp(max=0.1), torch.clamp_min(x, -0.2)), ((3, 4),)),
    "atan2, hypot, copysign": (
        lambda x, y: (torch.atan2(x, y), torch.hypot(x, y), torch.copysign(x, y)),
        ((3, 4), (3, 4)),
    ),
    "promotion int + float": (lambda x, y: x + y, (INTS, torch.ones(3))),
    "promotion int + number": (lambda x: (x + 1, x + 1.5, x * True, x / 2), (INTS,)),
    "promotion scalar tensor": (
        lambda x, y: x * y,
        (torch.ones(2, 3), torch.tensor(2.5, dtype=torch.float64)),
    ),
    "promotion bool": (lambda x, y: x + y, (BOOLS, BOOLS)),
    "int8 wraps": (lambda x: x + x, (torch.tensor([100, -100, 3], dtype=torch.int8),)),
    "casts": (
        lambda x: (x.to(torch.int32), x.to(torch.bool), x.to(torch.float64), x.to(torch.uint8)),
        (torch.tensor([0.0, 1.9, 200.3]),),
    ),
    "rounding cast": (lambda x: x.to(torch.bfloat16).to(torch.float32) + 1, ((5,),)),
    "bfloat16": (lambda x, y: torch.exp(x) * y, (torch.randn(3, 4).bfloat16(), torch.randn(4).bfloat16())),
    "float16": (lambda x, y: torch.tanh(x) + y, (torch.randn(3, 4).half(), torch.randn(4).half())),
    "float64": (lambda x: torch.erf(x) * 3, (torch.randn(3, 4, dtype=torch.float64),)),
    "gelu": (lambda x: F.gelu(x) + F.gelu(x, approximate="tanh"), ((3, 5),)),
    "relu family": (lambda x: F.relu6(x * 4) + F.leaky_relu(x, 0.1) + F.elu(x) + F.hardtanh(x), ((3, 5),)),
    "selu, celu, softsign": (lambda x: F.selu(x) + F.celu(x, 0.7) + F.softsign(x), ((3, 5),)),
    "silu family": (lambda x: F.silu(x) + F.mish(x) + F.softplus(x * 9), ((3, 5),)),
    "hard family": (lambda x: F.hardswish(x * 3) + F.hardsigmoid(x * 3), ((3, 5),)),
    "log sigmoid": (lambda x: F.logsigmoid(x * 5), ((3, 5),)),
    "prelu": (lambda x, w: F.prelu(x, w), ((2, 3, 4), (3,))),
    "prelu of a number": (lambda x, w: (F.prelu(x, w), F.prelu(x.view(1), w)), ((), (1,))),
    "glu": (lambda x: F.glu(x, 1), ((3, 6),)),
    "addcmul, addcdiv, lerp": (
        lambda x, y, z: (
            torch.addcmul(x, y, z, value=0.5) + torch.addcdiv(x, y, z.abs() + 1) + torch.lerp(x, y, 0.3)
        ),
        ((2, 3), (2, 3), (2, 3)),
    ),
    "threshold, logit": (lambda x: F.threshold(x, 0.1, 7.0) + torch.logit(x.abs() / 9, 1e-3), ((3, 5),)),
    "logit of integers": (torch.logit, (torch.tensor([0, 1, 2]),)),
    "in place": (lambda x: (x + 1).relu_().mul_(2), ((3, 4),)),
    "no elements": (lambda x: torch.sin(x) + 1, ((0, 3),)),
    "scalar tensor": (lambda x: torch.exp(x), ((),)),
    "non-contiguous input": (lambda x: x + 1, (torch.randn(3, 4).t(),)),
    "factories": (
        lambda x: x + torch.arange(4) + torch.full((3, 4), 2.5) - torch.ones_like(x) + torch.eye(3, 4),
        ((3, 4),),
    ),
    "aranges": (lambda x: (x + torch.arange(1, 9, 2), x + torch.arange(0.5, 2.5, 0.5)), ((4,),)),
}


@pytest.mark.parametrize("name", CASES)
def test_pointwise(name: str) -> None:
    function, arguments = CASES[name]
    check(function, *arguments)


def test_a_chain_becomes_one_node() -> None:
    program = check(lambda x, y: torch.tanh(x * y + 1).relu() * 2, (4, 5), (5,))
    assert [type(n) for n in program.nodes] == [Pointwise]


def test_a_value_used_twice_is_traced_once() -> None:
    program = check(lambda x: F.gelu(x) * torch.sigmoid(F.gelu(x)), (4, 5))
    (node,) = program.nodes
    assert isinstance(node, Pointwise)
    assert [op.opcode for op in node.body.ops].count("gelu") == 1


def test_many_diamonds_are_traced_in_linear_time() -> None:
    def deep(x: torch.Tensor) -> torch.Tensor:
        for _ in range(200):
            x = x * 0.5 + x * x * 0.01
        return x

    program = check(deep, (3,))
    assert sum(len(n.body.ops) for n in program.nodes if isinstance(n, Pointwise)) < 2000
