"""The GEMV template in Triton's interpreter, against float64."""

from __future__ import annotations

import os

os.environ["TRITON_INTERPRET"] = "1"  # before the kernels are decorated

import pytest
import torch
import triton
import triton.language as tl
from torch import Tensor

from kernels.triton.gemv import gemv
from kernels.triton.hooks import store_strided
from kernels.triton.testing.products import assert_close, assert_product, operand, untouched


def run(
    a: Tensor, b: Tensor, out: Tensor, block_n: int, block_k: int, split: int = 1, **arguments: object
) -> None:
    batches, rows, k = a.shape
    n = b.shape[2]
    tiles = triton.cdiv(n, block_n)
    padded = triton.next_power_of_2(rows)
    workspace = untouched(batches * tiles * split * padded * block_n)
    semaphores = torch.zeros(batches * tiles, dtype=torch.int32)
    options = {
        "a_prologue": None,
        "a_args": (),
        "b_prologue": None,
        "b_args": (),
        "epilogue": store_strided,
        "epilogue_args": (out, *out.stride()),
        **arguments,
    }
    gemv[(tiles, split, batches)](
        a, b, n, k, *a.stride(), *b.stride(), workspace, semaphores,
        ROWS=rows, BLOCK_N=block_n, BLOCK_K=block_k, SPLIT_K=split, EVEN_K=k % (block_k * split) == 0, **options,
    )  # fmt: skip
    assert not semaphores.any(), "a semaphore was left set"


@pytest.mark.parametrize("prefetch", [False, True])
@pytest.mark.parametrize(
    ("rows", "n", "k", "batches", "order", "split", "dtype"),
    [
        (1, 1, 1, 1, "columns", 1, torch.float32),
        (1, 37, 300, 2, "columns", 1, torch.float32),
        (1, 32, 256, 1, "rows", 2, torch.float16),
        (2, 19, 130, 1, "apart", 3, torch.float32),
        (3, 40, 100, 2, "columns", 4, torch.bfloat16),
        (4, 8, 64, 1, "columns", 1, torch.float16),
    ],
)
def test_sizes_and_orders(
    prefetch: bool, rows: int, n: int, k: int, batches: int, order: str, split: int, dtype: torch.dtype
) -> None:
    a, b = operand(batches, rows, k, "rows", dtype), operand(batches, k, n, order, dtype)
    out = untouched(batches, rows, n, dtype=dtype)
    run(a, b, out, block_n=8, block_k=64, split=split, PREFETCH=prefetch)
    assert_product(out, a, b)


@triton.jit
def silu_gate(tile, batch, rows, columns, args):
    """silu(x) * gate: what a decoder's last product begins with."""
    gate, K = args
    x = tile.to(tl.float32)
    return (
        x / (1 + tl.exp(-x)) * tl.load(gate + rows * K + columns, mask=(rows < 1) & (columns < K), other=0.0)
    )


@triton.jit
def dequantise(tile, batch, rows, columns, args):
    """int8 * scale[n]: rows are K, columns are N, in whatever shape the template holds them."""
    scale, N = args
    return tile.to(tl.float32) * tl.load(scale + columns, mask=columns < N, other=0.0)


def test_hooks() -> None:
    n, k = 20, 150
    a, gate, scale = torch.randn(1, 1, k), torch.randn(1, 1, k), torch.rand(n)
    b = torch.randint(-127, 127, (1, n, k), dtype=torch.int8).transpose(1, 2)
    out = untouched(1, 1, n)
    run(a, b, out, 8, 64, a_prologue=silu_gate, a_args=(gate, k), b_prologue=dequantise, b_args=(scale, n))
    left = torch.nn.functional.silu(a.double()) * gate.double()
    right = b.double() * scale.double()
    assert_close(out, left @ right, left.abs() @ right.abs(), k + 16)
