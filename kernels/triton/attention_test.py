"""The attention template in Triton's interpreter, against float64: odd lengths and depths, groups, masks, parts of the keys."""

from __future__ import annotations

import math
import os

os.environ["TRITON_INTERPRET"] = "1"  # before the kernels are decorated

import pytest
import torch
import triton
import triton.language as tl
from torch import Tensor
from triton.tools.tensor_descriptor import TensorDescriptor

from kernels.triton.attention import attention
from kernels.triton.hooks import store_heads
from kernels.triton.testing.products import untouched

BLOCK_M, BLOCK_N = 16, 32


def run(
    q: Tensor, k: Tensor, v: Tensor, packed: bool = False, splits: int = 1, **arguments: object
) -> Tensor:
    batches, heads, queries, depth = q.shape
    kv_heads, keys, depth_v = v.shape[1:]
    group = heads // kv_heads
    rows, parallel = (queries * group, kv_heads) if packed else (queries, heads)
    tiles = triton.cdiv(rows, BLOCK_M)
    padded = triton.next_power_of_2(depth_v)
    workspace = untouched(batches * parallel * tiles * splits * BLOCK_M * (padded + 2))
    semaphores = torch.zeros(batches * parallel * tiles, dtype=torch.int32)
    out = untouched(batches, heads, queries, depth_v, dtype=q.dtype)
    cached = (k, v)
    if arguments.get("TMA"):
        cached = tuple(
            TensorDescriptor(
                x, list(x.shape), list(x.stride()), [1, 1, BLOCK_N, triton.next_power_of_2(x.shape[3])]
            )
            for x in (k, v)
        )
    options = {
        "lengths": None,
        "shift": 0,
        "score": None,
        "score_args": (),
        "SCALE": depth**-0.5,
        **arguments,
    }
    strides = {
        f"stride_{name}{dim}": x.stride(i)
        for name, x in (("q", q), ("k", k), ("v", v))
        for i, dim in enumerate(("b", "h", "m" if name == "q" else "n"))
    }
    attention[(tiles, parallel, batches * splits)](
        q, *cached, queries, keys, workspace=workspace, semaphores=semaphores, epilogue=store_heads,
        epilogue_args=(out, *out.stride()), GROUP=group, D=depth, DV=depth_v, BLOCK_M=BLOCK_M, BLOCK_N=BLOCK_N,
        PACKED=packed, SPLITS=splits, **strides, **options,
    )  # fmt: skip
    assert not semaphores.any(), "a semaphore was left set"
    return out


def exact(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | float = 0.0, scale: float | None = None) -> Tensor:
    """In float64; rows of which every score is -inf are zero."""
    group = q.shape[1] // k.shape[1]
    k, v = (x.double().repeat_interleave(group, 1) for x in (k, v))
    scores = q.double() @ k.transpose(2, 3) * (q.shape[3] ** -0.5 if scale is None else scale) + bias
    return scores.softmax(3).nan_to_num(0.0) @ v


def assert_close(actual: Tensor, expected: Tensor) -> None:
    limit = {torch.float32: 4e-6, torch.float16: 2e-3}[actual.dtype]
    worst = ((actual.double() - expected).abs() / (1 + expected.abs())).nan_to_num(math.inf).max().item()
    assert worst <= limit, worst


def inputs(
    batches: int,
    heads: int,
    kv_heads: int,
    queries: int,
    keys: int,
    depth: int,
    depth_v: int = 0,
    dtype: torch.dtype = torch.float32,
) -> tuple[Tensor, Tensor, Tensor]:
    """q as it comes (heads inside), k and v with heads between positions, as projections leave them."""
    q = torch.randn(batches, heads, queries, depth).to(dtype)
    k = torch.randn(batches, keys, kv_heads, depth).to(dtype).transpose(1, 2)
    v = torch.randn(batches, keys, kv_heads, depth_v or depth).to(dtype).transpose(1, 2)
    return q, k, v


def causal_bias(queries: int, keys: int, shift: int) -> Tensor:
    hidden = torch.arange(keys)[None, :] > torch.arange(queries)[:, None] + shift
    return torch.zeros(queries, keys, dtype=torch.float64).masked_fill(hidden, -math.inf)


@pytest.mark.parametrize("tma", [False, True])
@pytest.mark.parametrize(
    ("batches", "heads", "kv_heads", "queries", "keys", "depth", "depth_v", "dtype"),
    [
        (1, 1, 1, 1, 1, 16, 16, torch.float32),
        (2, 3, 3, 17, 70, 40, 24, torch.float32),
        (1, 4, 2, 33, 64, 64, 64, torch.float16),
        (1, 2, 1, 5, 33, 256, 256, torch.float32),
    ],
)
def test_sizes(
    tma: bool,
    batches: int,
    heads: int,
    kv_heads: int,
    queries: int,
    keys: int,
    depth: int,
    depth_v: int,
    dtype: torch.dtype,
) -> None:
    q, k, v = inputs(batches, heads, kv_heads, queries, keys, depth, depth_v, dtype)
    assert_close(run(q, k, v, TMA=tma), exact(q, k, v))


def test_heads_smaller_than_what_a_matrix_unit_reduces_over() -> None:
    q, k, v = inputs(1, 2, 2, 9, 20, 8)
    assert_close(run(q, k, v), exact(q, k, v))


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(("queries", "keys", "shift"), [(40, 40, 0), (5, 100, 95), (50, 20, 0), (20, 50, -4)])
def test_causal(packed: bool, queries: int, keys: int, shift: int) -> None:
    """Also with rows that see nothing (a negative shift) and with keys that no row sees."""
    q, k, v = inputs(1, 4, 2, queries, keys, 32)
    out = run(q, k, v, packed=packed, CAUSAL=True, shift=shift)
    assert_close(out, exact(q, k, v, causal_bias(queries, keys, shift)))


@pytest.mark.parametrize(("queries", "keys", "splits"), [(1, 300, 4), (3, 97, 8), (6, 64, 2)])
def test_parts_of_the_keys_are_joined(queries: int, keys: int, splits: int) -> None:
    """A decoder's step: few rows, grouped heads, a long cache; also where some parts are empty."""
    q, k, v = inputs(2, 8, 2, queries, keys, 64, dtype=torch.float16)
    assert_close(run(q, k, v, packed=True, splits=splits), exact(q, k, v))
    causal = run(q, k, v, packed=True, splits=splits, CAUSAL=True, shift=keys - queries)
    assert_close(causal, exact(q, k, v, causal_bias(queries, keys, keys - queries)))


def test_lengths_of_each_batch() -> None:
    q, k, v = inputs(3, 2, 1, 2, 90, 32)
    lengths = torch.tensor([90, 33, 0], dtype=torch.int32)
    bias = torch.zeros(3, 1, 1, 90, dtype=torch.float64)
    for batch, length in enumerate(lengths.tolist()):
        bias[batch, :, :, length:] = -math.inf
        v[batch, :, length:] = math.nan  # what lies behind the length must not be read
    for splits, tma in ((1, False), (3, False), (2, True)):
        out = run(q, k, v, packed=True, splits=splits, lengths=lengths, TMA=tma)
        assert_close(out, exact(q, k, v.nan_to_num(0.0), bias))


@triton.jit
def add_bias(scores, batch, head, rows, columns, mask, args):
    """A bias for each head, [H, Sq, Sk], and a mask [B, Sk] whose zeros are not attended to."""
    bias, allowed, Sq, Sk = args
    scores += tl.load(bias + (head * Sq + rows) * Sk + columns, mask=mask, other=0.0)
    return tl.where(tl.load(allowed + batch * Sk + columns, mask=mask, other=0) != 0, scores, float("-inf"))


@pytest.mark.parametrize(("packed", "splits"), [(False, 1), (True, 1), (True, 2)])
def test_score_hook(packed: bool, splits: int) -> None:
    queries, keys = 7, 75
    q, k, v = inputs(2, 4, 2, queries, keys, 32)
    bias, allowed = torch.randn(4, queries, keys), (torch.rand(2, keys) > 0.4).to(torch.int8)
    allowed[1] = 0
    out = run(
        q, k, v, packed=packed, splits=splits, score=add_bias, score_args=(bias, allowed, queries, keys), SCALE=0.3
    )  # fmt: skip
    hidden = torch.zeros(2, 1, 1, keys, dtype=torch.float64).masked_fill(
        allowed[:, None, None] == 0, -math.inf
    )
    assert_close(out, exact(q, k, v, bias.double() + hidden, scale=0.3))
