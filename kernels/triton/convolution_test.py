"""The convolution templates in Triton's interpreter, against float64: odd sizes, strides, paddings, dilations, groups, hooks."""

from __future__ import annotations

import os

os.environ["TRITON_INTERPRET"] = "1"  # before the kernels are decorated

from dataclasses import dataclass

import pytest
import torch
import triton
import triton.language as tl
from torch import Tensor

from kernels.triton.convolution import convolution, depthwise
from kernels.triton.hooks import store_strided
from kernels.triton.testing.products import assert_close, untouched

BLOCK = 32


@dataclass(frozen=True)
class Case:
    """x [n, groups * c, h, w] and weight [groups * o, c, kh, kw]."""

    n: int
    c: int
    h: int
    w: int
    o: int
    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    pad: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    dtype: torch.dtype = torch.float32

    def tensors(self) -> tuple[Tensor, Tensor]:
        """In channels-last memory; x is a window of a wider tensor."""
        x = torch.randn(self.n, self.h, self.w + 3, self.groups * self.c).to(self.dtype)[:, :, : self.w]
        w = torch.randn(self.groups * self.o, *self.kernel, self.c).to(self.dtype)
        return x, w

    def exact(self, x: Tensor, w: Tensor) -> Tensor:
        """As a matrix [pixels, channels], float64."""
        arguments = (None, self.stride, self.pad, self.dilation, self.groups)
        y = torch.nn.functional.conv2d(
            x.double().permute(0, 3, 1, 2), w.double().permute(0, 3, 1, 2), *arguments
        )
        return y.permute(0, 2, 3, 1).reshape(-1, self.groups * self.o)

    def out_size(self) -> tuple[int, int]:
        oh, ow = (
            (size + 2 * p - d * (k - 1) - 1) // s + 1
            for size, k, s, p, d in zip(
                (self.h, self.w), self.kernel, self.stride, self.pad, self.dilation, strict=True
            )
        )
        return oh, ow

    def geometry(self) -> dict[str, int]:
        names = ("KH", "KW", "SH", "SW", "PH", "PW", "DH", "DW")
        return dict(zip(names, (*self.kernel, *self.stride, *self.pad, *self.dilation), strict=True))


def run(case: Case, x: Tensor, w: Tensor, out: Tensor, split: int = 1, **arguments: object) -> None:
    oh, ow = case.out_size()
    pixels = case.n * oh * ow
    options = {
        "prologue": None,
        "prologue_args": (),
        "epilogue": store_strided,
        "epilogue_args": (out, 0, *out.stride()),
        **arguments,
    }
    sizes = (case.n, case.h, case.w, case.c, oh, ow, case.o, *x.stride()[:3])
    tiles = triton.cdiv(pixels, BLOCK) * triton.cdiv(case.o, BLOCK)
    workspace = untouched(case.groups * tiles * split * BLOCK * BLOCK)
    semaphores = torch.zeros(case.groups * tiles, dtype=torch.int32)
    convolution[(tiles, split, case.groups)](
        x, w, *sizes, workspace, semaphores, BLOCK_M=BLOCK, BLOCK_N=BLOCK, BLOCK_K=BLOCK, SPLIT_K=split,
        **case.geometry(), **options,
    )  # fmt: skip
    assert not semaphores.any(), "a semaphore was left set"


def run_depthwise(case: Case, x: Tensor, w: Tensor, out: Tensor, **arguments: object) -> None:
    oh, ow = case.out_size()
    grid = (triton.cdiv(case.n * oh * ow, BLOCK), triton.cdiv(case.groups * case.o, BLOCK), 1)
    options = {
        "prologue": None,
        "prologue_args": (),
        "epilogue": store_strided,
        "epilogue_args": (out, 0, *out.stride()),
        **arguments,
    }
    depthwise[grid](
        x, w, case.n, case.h, case.w, case.groups, oh, ow, case.o, *x.stride()[:3], w.stride(0), w.stride(2), BLOCK_M=BLOCK, BLOCK_N=BLOCK,
        **case.geometry(), **options,
    )  # fmt: skip


CASES = [
    Case(1, 3, 9, 11, 5, (7, 7), (2, 2), (3, 3)),
    Case(2, 40, 6, 5, 33, (3, 3), (1, 1), (1, 1)),
    Case(1, 32, 7, 7, 16, (3, 2), (2, 1), (0, 1), (1, 2), dtype=torch.float16),
    Case(2, 5, 1, 20, 7, (1, 5), (1, 3), (0, 2)),
    Case(1, 8, 5, 5, 6, (3, 3), (1, 1), (1, 1), groups=3),
    Case(1, 64, 4, 4, 8, (1, 1), (2, 2)),
]


@pytest.mark.parametrize("taps", [False, True])
@pytest.mark.parametrize("split", [1, 3])
@pytest.mark.parametrize("case", CASES)
def test_convolution(taps: bool, split: int, case: Case) -> None:
    x, w = case.tensors()
    exact = case.exact(x, w)
    out = untouched(*exact.shape, dtype=case.dtype)
    run(case, x, w, out, split=split, TAPS=taps, EVEN_C=case.c % BLOCK == 0)
    assert_close(out, exact, case.exact(x.abs(), w.abs()), case.c * case.kernel[0] * case.kernel[1])


@pytest.mark.parametrize(
    "case",
    [
        Case(2, 1, 9, 8, 1, (3, 3), (1, 1), (1, 1), groups=40),
        Case(1, 1, 8, 8, 2, (5, 5), (2, 2), (2, 2), groups=5, dtype=torch.float16),
        Case(1, 1, 7, 9, 1, (3, 3), (1, 2), (2, 2), (2, 2), groups=3),
    ],
)
def test_depthwise(case: Case) -> None:
    x, w = case.tensors()
    exact = case.exact(x, w)
    out = untouched(*exact.shape, dtype=case.dtype)
    run_depthwise(case, x, w, out)
    assert_close(out, exact, case.exact(x.abs(), w.abs()), case.kernel[0] * case.kernel[1])


@triton.jit
def normalise(tile, batch, rows, columns, args):
    """(x - mean[c]) * 2: not zero for the zeros that stand for the padding."""
    mean, channels = args
    return (tile - tl.load(mean + columns, mask=columns < channels, other=0.0)) * 2


@triton.jit
def bias_relu(acc, batch, rows, columns, mask, args):
    bias, out, channels = args
    value = acc + tl.load(bias + columns, mask=columns < channels, other=0.0)
    tl.store(out + rows * channels + columns, tl.maximum(value, 0.0), mask)


@pytest.mark.parametrize("kind", ["taps", "channels", "depthwise"])
def test_hooks(kind: str) -> None:
    case = Case(2, 1 if kind == "depthwise" else 6, 6, 7, 4, (3, 3), (1, 1), (1, 1), groups=3)
    x, w = case.tensors()
    mean, bias = torch.randn(x.shape[3]), torch.randn(w.shape[0])
    changed = (x.double() - mean.double()) * 2
    exact = case.exact(changed, w) + bias.double()
    out = untouched(*exact.shape)
    hooks = {
        "prologue": normalise,
        "prologue_args": (mean, x.shape[3]),
        "epilogue": bias_relu,
        "epilogue_args": (bias, out, w.shape[0]),
    }
    if kind == "depthwise":
        run_depthwise(case, x, w, out, **hooks)
    else:
        run(case, x, w, out, TAPS=kind == "taps", **hooks)
    magnitude = case.exact(x.double().abs() * 2 + mean.double().abs() * 2, w.abs()) + bias.double().abs()
    assert_close(out, exact.relu(), magnitude, case.c * 9 + 4)
