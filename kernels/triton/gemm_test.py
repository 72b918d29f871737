"""The GEMM templates in Triton's interpreter, against float64: odd sizes, memory orders, batches, parts of K, hooks.

The interpreter multiplies bfloat16 as integers (triton 3.7), so bfloat16 runs only on a GPU (tools/tune checks every result there).
"""

from __future__ import annotations

import os

os.environ["TRITON_INTERPRET"] = "1"  # before the kernels are decorated

import pytest
import torch
import triton
import triton.language as tl
from torch import Tensor
from triton.tools.tensor_descriptor import TensorDescriptor

from kernels.triton.gemm import gemm, gemm_persistent, place_of_tile
from kernels.triton.hooks import add_gelu_strided, store_strided
from kernels.triton.testing.products import assert_close, assert_product, operand, untouched

BLOCK = 32
NO_HOOKS = {"a_prologue": None, "a_args": (), "b_prologue": None, "b_args": ()}


def run(
    a: Tensor, b: Tensor, out: Tensor, split: int = 1, persistent: bool = False, **arguments: object
) -> None:
    """out = a @ b for tensors [B, M, K], [B, K, N], [B, M, N] of any strides."""
    batches, m, k = a.shape
    n = b.shape[2]
    tiles = triton.cdiv(m, BLOCK) * triton.cdiv(n, BLOCK)
    tma = arguments.get("TMA", False)
    options = {
        **NO_HOOKS,
        "epilogue": store_strided,
        "epilogue_args": (out, *out.stride()),
        "BLOCK_M": BLOCK,
        "BLOCK_N": BLOCK,
        "BLOCK_K": BLOCK,
        "B_COLUMNS": b.stride(1) == 1,
        **arguments,
    }
    operands = (described(a, b) if tma else (a, b)) + (m, n, k)
    strides = (*a.stride(), *b.stride())
    if persistent:
        gemm_persistent[(3, 1, 1)](*operands, batches, *strides, **options)
        return
    workspace = untouched(batches * tiles * split * BLOCK * BLOCK)
    semaphores = torch.zeros(batches * tiles, dtype=torch.int32)
    gemm[(tiles, split, batches)](*operands, *strides, workspace, semaphores, SPLIT_K=split, **options)
    assert not semaphores.any(), "a semaphore was left set"


def described(a: Tensor, b: Tensor) -> tuple[TensorDescriptor, TensorDescriptor]:
    flat = [x.reshape(-1, x.shape[2]) for x in (a, b.transpose(1, 2) if b.stride(1) == 1 else b)]
    left, right = (TensorDescriptor(x, list(x.shape), list(x.stride()), [BLOCK, BLOCK]) for x in flat)
    return left, right


@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.parametrize(
    ("m", "n", "k", "batches", "a_order", "b_order", "dtype"),
    [
        (1, 1, 1, 1, "rows", "columns", torch.float32),
        (33, 65, 70, 1, "rows", "columns", torch.float32),
        (70, 33, 31, 2, "columns", "rows", torch.float32),
        (64, 64, 64, 1, "apart", "apart", torch.float16),
        (95, 32, 100, 3, "columns", "columns", torch.float16),
    ],
)
def test_sizes_and_orders(
    persistent: bool, m: int, n: int, k: int, batches: int, a_order: str, b_order: str, dtype: torch.dtype
) -> None:
    a, b = operand(batches, m, k, a_order, dtype), operand(batches, k, n, b_order, dtype)
    out = untouched(batches, m, n, dtype=dtype)
    run(a, b, out, persistent=persistent)
    assert_product(out, a, b)


@pytest.mark.parametrize(("k", "split"), [(70, 3), (20, 4), (256, 2)])
def test_parts_of_k_are_added(k: int, split: int) -> None:
    """Also where some parts are empty."""
    a, b = operand(2, 40, k, "rows"), operand(2, k, 33, "columns")
    out = untouched(2, 40, 33)
    run(a, b, out, split=split, EVEN_K=k % (BLOCK * split) == 0)
    assert_product(out, a, b)


@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.parametrize(("order", "k"), [("columns", 72), ("rows", 64)])
def test_tensor_maps(persistent: bool, order: str, k: int) -> None:
    a, b = operand(2, 40, k, "rows"), operand(2, k, 56, order)
    out = untouched(2, 40, 56)
    run(a, b, out, persistent=persistent, TMA=True)
    assert_product(out, a, b)


@triton.jit
def reciprocal_scaled(tile, batch, rows, columns, args):
    """1 / (x * s[k]): infinite where the tile is padded with zeros."""
    scale, size = args
    return 1.0 / (tile * tl.load(scale + columns, mask=columns < size, other=0.0))


@triton.jit
def dequantise(tile, batch, rows, columns, args):
    """int8 * scale[n]."""
    scale, size = args
    return tile.to(tl.float32) * tl.load(scale + columns, mask=columns < size, other=0.0)


@triton.jit
def two_outputs(acc, batch, rows, columns, mask, args):
    """pre = acc + bias[n]; post = relu(pre) + residual: a residual block's end."""
    bias, residual, pre, post, M, N = args
    offsets = (batch * M + rows) * N + columns
    value = acc + tl.load(bias + columns, mask=columns < N, other=0.0)
    tl.store(pre + offsets, value, mask)
    tl.store(post + offsets, tl.maximum(value, 0.0) + tl.load(residual + offsets, mask=mask, other=0.0), mask)


@pytest.mark.parametrize("split", [1, 2])
def test_hooks(split: int) -> None:
    m, n, k = 37, 45, 50
    a, b = operand(2, m, k, "rows").sign() * 2, torch.randint(-127, 127, (2, k, n), dtype=torch.int8)
    a_scale, b_scale, bias = torch.rand(k) + 0.5, torch.rand(n) + 0.5, torch.randn(n)
    residual, pre, post = torch.randn(2, m, n), untouched(2, m, n), untouched(2, m, n)
    hooks = {
        "a_prologue": reciprocal_scaled,
        "a_args": (a_scale, k),
        "b_prologue": dequantise,
        "b_args": (b_scale, n),
        "epilogue": two_outputs,
        "epilogue_args": (bias, residual, pre, post, m, n),
    }
    run(a, b, pre, split=split, **hooks)
    left, right = 1 / (a.double() * a_scale.double()), b.double() * b_scale.double()
    exact = left @ right + bias.double()
    magnitude = left.abs() @ right.abs() + bias.double().abs()
    assert_close(pre, exact, magnitude, k + 4)
    assert_close(post, exact.relu() + residual.double(), magnitude + residual.double().abs(), k + 4)


def test_the_long_epilogue_that_is_measured() -> None:
    a, b = operand(2, 37, 50, "rows"), operand(2, 50, 45, "columns")
    residual, out = torch.randn(2, 37, 45), untouched(2, 37, 45)
    arguments = (out, residual, *out.stride())
    run(a, b, out, epilogue=add_gelu_strided, epilogue_args=arguments)
    exact = torch.nn.functional.gelu(a.double() @ b.double()) + residual.double()
    # GELU's slope is below 1.13; erf in float32 is right to a few units of its last place, times the product
    magnitude = 4 * (a.double().abs() @ b.double().abs()) + residual.double().abs()
    assert_close(out, exact, magnitude, 50)


def test_integers() -> None:
    a = torch.randint(-127, 127, (1, 33, 70), dtype=torch.int8)
    b = torch.randint(-127, 127, (1, 70, 40), dtype=torch.int8)
    out = torch.full((1, 33, 40), -1, dtype=torch.int32)
    run(a, b, out, ACC=tl.int32)
    assert torch.equal(out.long(), a.long() @ b.long())


@triton.jit
def list_places(out, tiles_m, tiles_n, GROUP_M: tl.constexpr):
    index = tl.program_id(0)
    row, column = place_of_tile(index, tiles_m, tiles_n, GROUP_M)
    tl.store(out + 2 * index, row)
    tl.store(out + 2 * index + 1, column)


@pytest.mark.parametrize(("rows", "columns", "group"), [(5, 3, 2), (1, 4, 8), (8, 1, 8), (9, 2, 4)])
def test_every_tile_has_one_place(rows: int, columns: int, group: int) -> None:
    places = torch.full((rows * columns, 2), -1, dtype=torch.int32)
    list_places[(rows * columns,)](places, rows, columns, group)
    assert sorted(map(tuple, places.tolist())) == [(r, c) for r in range(rows) for c in range(columns)]
