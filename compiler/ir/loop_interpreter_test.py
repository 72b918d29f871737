"""The interpreter itself: every scalar operation and template has a meaning, and the meanings are PyTorch's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from compiler.ir import dtypes
from compiler.ir.loop_interpreter import IndexOutOfRange, interpret
from compiler.ir.loop_parse import parse_program
from compiler.ir.loop_verify import POSITIONS, TEMPLATES
from compiler.ir.scalar_numpy import MEANING, NUMPY_TYPES, round_bfloat16
from compiler.ir.scalar_ops import SCALAR_OPS

HEAD = "program p\ninput x float32 [4] stride [1]\ninput n int64 [4] stride [1]\n"
FROM = '  from "a" "aten.a.default" ""\n'


def test_every_operation_and_dtype_has_a_meaning() -> None:
    assert MEANING.keys() == SCALAR_OPS.keys()
    assert NUMPY_TYPES.keys() == set(dtypes.ALL)


def test_integer_division_is_pytorchs() -> None:
    a = torch.tensor([-7, -7, 7, 7, 6])
    b = torch.tensor([2, -2, 2, -2, 3])
    for op, mode in (("floordiv", "floor"), ("truncdiv", "trunc")):
        np.testing.assert_array_equal(
            MEANING[op](a.numpy(), b.numpy()), torch.div(a, b, rounding_mode=mode).numpy()
        )
    np.testing.assert_array_equal(MEANING["mod"](a.numpy(), b.numpy()), torch.remainder(a, b).numpy())
    np.testing.assert_array_equal(MEANING["fmod"](a.numpy(), b.numpy()), torch.fmod(a, b).numpy())


def test_bfloat16_rounds_as_pytorch_does() -> None:
    x = torch.randn(1000, generator=torch.Generator().manual_seed(0)) * 1e3
    x = torch.cat([x, torch.tensor([1.00390625, 1.01171875, 3.4e38, float("inf"), -0.0])])
    np.testing.assert_array_equal(round_bfloat16(x.numpy()), x.bfloat16().float().numpy())
    assert np.isnan(round_bfloat16(np.array([np.nan], np.float32)))[0]


def test_masked_loads_touch_no_memory() -> None:
    text = (
        HEAD
        + "buf0 = pointwise float32 [6] stride [1]\n"
        + FROM
        + (
            "  %0 = index [i0] : int64\n  %1 = constant 4 : int64\n  %2 = lt %0, %1 : bool\n  %3 = constant 9.0 : float32\n"
            "  %4 = load x[i0] if %2 else %3 : float32\n  yield %4\noutput y = buf0 float32 [6] stride [1]\n"
        )
    )
    (y,) = interpret(parse_program(text), [np.arange(4, dtype=np.float32), np.zeros(4, np.int64)])
    np.testing.assert_array_equal(np.asarray(y), [0, 1, 2, 3, 9, 9])


def test_positions_wrap_once_and_are_checked() -> None:
    text = (
        HEAD
        + "buf0 = pointwise float32 [4] stride [1]\n"
        + FROM
        + (
            '  %0 = load n[i0] : int64\n  %1 = indirect %0 in [4] "here" : int64\n  %2 = load x[v1] : float32\n  yield %2\n'
            "output y = buf0 float32 [4] stride [1]\n"
        )
    )
    program = parse_program(text)
    x = np.arange(4, dtype=np.float32)
    (y,) = interpret(program, [x, np.array([0, -1, -4, 3])])
    np.testing.assert_array_equal(np.asarray(y), [0, 3, 0, 3])
    with pytest.raises(IndexOutOfRange, match="here: index -5 is out of range for 4 elements"):
        interpret(program, [x, np.array([0, -5, 0, 0])])


def test_gaps_between_strides_show() -> None:
    text = (
        HEAD
        + "buf0 = pointwise float32 [2] stride [2]\n"
        + FROM
        + "  %0 = load x[i0] : float32\n  yield %0\n"
    )
    (y,) = interpret(
        parse_program(text + "output y = buf0 float32 [3] stride [1]\n"),
        [np.ones(4, np.float32), np.zeros(4, np.int64)],
    )
    np.testing.assert_array_equal(np.asarray(y), [1, np.nan, 1])


def test_scatter_adds() -> None:
    text = (
        HEAD
        + "buf0 = scatter.add float32 [4] stride [1] over [4] at [v1] base x float32 [4] stride [1]\n"
        + FROM
        + (
            '  %0 = load n[i0] : int64\n  %1 = indirect %0 in [4] "here" : int64\n  %2 = constant 1.0 : float32\n  yield %2\n'
            "output y = buf0 float32 [4] stride [1]\n"
        )
    )
    (y,) = interpret(parse_program(text), [np.zeros(4, np.float32), np.array([1, 1, 3, -3])])
    np.testing.assert_array_equal(np.asarray(y), [0, 3, 0, 1])


def test_templates_are_pytorchs_operators() -> None:
    # conv2d_winograd means what conv2d does: one function of template_numpy, and //compiler/lowering:convolution_test
    # and those of Triton what bmm, conv2d and attention do
    cpu = {"gemm", "bmm", "conv2d", "conv2d_winograd", "attention"}
    assert TEMPLATES.keys() == cpu | {"triton_attention", "triton_convolution", "triton_gemm"} | POSITIONS
    x, w = torch.randn(1, 4, 5, 5), torch.randn(6, 2, 3, 3)
    values = [1, 5, 5, 4, 6, 3, 3, 3, 1, 2, 2, 1, 0, 1, 2, 2]
    text = (
        "program p\ninput x float32 [1, 4, 5, 5] stride [100, 25, 5, 1]\n"
        'constant w float32 [64] stride [1] source "w" packing "conv_panel16:2"\n'
        "buf0 = template conv2d float32 [3, 6] stride [6, 1] over [3, 6]\n"
        + FROM
        + "  operand x float32 [1, 4, 5, 5] stride [100, 25, 5, 1]\n  operand w float32 [64] stride [1]\n"
        + "".join(f"  param {k} = int {v}\n" for k, v in zip(TEMPLATES["conv2d"][1], values, strict=True))
        + "output y = buf0 float32 [1, 6, 3, 1] stride [18, 1, 6, 6]\n"
    )
    (y,) = interpret(parse_program(text, {"w": w}), [x.numpy()])
    expected = F.conv2d(x.double(), w.double(), stride=2, padding=(1, 0), dilation=(1, 2), groups=2)
    got = torch.from_numpy(np.asarray(y))
    torch.testing.assert_close(got.double(), expected, atol=1e-6, rtol=1e-6)
