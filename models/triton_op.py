"""A model with Triton kernels of its own: a block of a decoder whose norm and key cache are hand-written.

    x = rms_norm(x + bias(x))         one program for each row, in tiles of a size that autotuning may choose
    append_(cache, x, position)       writes one row of the cache where it lies
    y = cache @ x

Worked through in docs/cuda.md. It runs where there is a GPU; it is exported and compiled anywhere.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch.library import triton_op, wrap_triton

WIDTH, ROWS, BATCH = 1024, 512, 8
EPSILON = tl.constexpr(1e-6)


@triton.jit
def mean_square(row, columns, BLOCK: tl.constexpr):
    total = tl.zeros((BLOCK,), tl.float32)
    for start in range(0, columns, BLOCK):
        i = start + tl.arange(0, BLOCK)
        value = tl.load(row + i, i < columns, other=0.0).to(tl.float32)
        total += value * value
    return tl.sum(total) / columns


@triton.autotune(
    configs=[
        triton.Config({"BLOCK": 1024}, num_warps=4),
        triton.Config({"BLOCK": 256}, num_warps=2),
        triton.Config({"BLOCK": 2048}, num_warps=8, num_stages=1),
    ],
    key=["columns"],
)
@triton.jit
def rms_norm_kernel(x, weight, out, columns, stride, BLOCK: tl.constexpr):
    at = tl.program_id(0).to(tl.int64) * stride
    scale = tl.rsqrt(mean_square(x + at, columns, BLOCK) + EPSILON)
    for start in range(0, columns, BLOCK):
        i = start + tl.arange(0, BLOCK)
        value = tl.load(x + at + i, i < columns).to(tl.float32) * scale
        tl.store(
            out + at + i, (value * tl.load(weight + i, i < columns)).to(out.dtype.element_ty), i < columns
        )


@triton.jit
def append_kernel(cache, x, position, rows, columns, BLOCK: tl.constexpr):
    batch = tl.program_id(1)
    row = tl.load(position).to(tl.int32) % rows
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(
        cache + (batch * rows + row) * columns + i, tl.load(x + batch * columns + i, i < columns), i < columns
    )


@triton_op("aoti_models::rms_norm", mutates_args={})
def rms_norm(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """x / sqrt(mean(x^2) + 1e-6) * weight over the last dim of [rows, columns]."""
    out = torch.empty_like(x)
    rows, columns = x.shape
    wrap_triton(rms_norm_kernel)[(rows,)](x, weight, out, columns, x.stride(0))
    return out


@triton_op("aoti_models::append_", mutates_args={"cache"})
def append_(cache: torch.Tensor, x: torch.Tensor, position: torch.Tensor) -> None:
    """cache[:, position] = x of [batch, rows, columns], where it lies."""
    batch, rows, columns = cache.shape

    def grid(meta: dict[str, Any]) -> tuple[int, int]:
        return triton.cdiv(columns, meta["BLOCK"]), batch

    wrap_triton(append_kernel)[grid](cache, x, position, rows, columns, BLOCK=256)


class Block(torch.nn.Module):
    """The cache is an input that the model writes to. Weights are the same on every machine."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.bias = torch.nn.Linear(WIDTH, WIDTH)
        with torch.no_grad():
            for parameter in self.bias.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * WIDTH**-0.5)
        self.weight = torch.nn.Parameter(torch.rand(WIDTH, generator=generator) + 0.5)

    def forward(self, x: torch.Tensor, cache: torch.Tensor, position: torch.Tensor) -> torch.Tensor:
        x = rms_norm(x + self.bias(x), self.weight)
        append_(cache, x, position)
        return (cache @ x.unsqueeze(-1)).squeeze(-1)


def exact(
    module: Block, x: torch.Tensor, cache: torch.Tensor, position: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The block in float64 without its kernels, which compute in float32: result and cache."""
    bias, weight = (p.double() for p in (module.bias.bias, module.weight))
    x = x + x @ module.bias.weight.double().t() + bias
    x = x / torch.sqrt((x * x).mean(-1, keepdim=True) + 1e-6) * weight
    cache = cache.clone()
    cache[:, position] = x.unsqueeze(1)
    return (cache @ x.unsqueeze(-1)).squeeze(-1), cache


def build() -> dict[str, Any]:
    """The block and its inputs; the number of sequences is known in the run only."""
    batch = torch.export.Dim("batch", min=2, max=64)
    args = (torch.randn(BATCH, WIDTH), torch.randn(BATCH, ROWS, WIDTH), torch.tensor([5]))
    return {"module": Block(), "args": args, "dynamic_shapes": ({0: batch}, {0: batch}, None)}
