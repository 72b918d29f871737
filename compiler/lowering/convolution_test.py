"""Convolutions and pooling against eager in float64, and the layouts that they work in."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from compiler.ir.loop import Pointwise, Program, TemplateKernel
from compiler.lowering.testing.case_harness import Argument, check, lower_function, tensors
from compiler.support.options import CompileOptions


class Block(nn.Module):
    """A residual block."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(8, 8, 3, padding=1, bias=False), nn.Conv2d(8, 8, 3, padding=1)
        self.bn1, self.bn2 = nn.BatchNorm2d(8), nn.BatchNorm2d(8)
        for bn in (self.bn1, self.bn2):
            bn.running_mean, bn.running_var = torch.randn(8), torch.rand(8) + 0.5
            nn.init.normal_(bn.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x))))) + x)


IMAGE = (2, 4, 9, 8)
CASES: dict[str, tuple[Callable[..., Any], tuple[Argument, ...]]] = {
    "conv2d": (nn.Conv2d(4, 5, 3, padding=1), (IMAGE,)),
    "conv2d strided, no bias": (nn.Conv2d(4, 5, 3, stride=2, bias=False), (IMAGE,)),
    "conv2d dilated": (nn.Conv2d(4, 5, 3, dilation=2, padding=(2, 1)), (IMAGE,)),
    "conv2d same": (nn.Conv2d(4, 5, 3, padding="same"), (IMAGE,)),
    "conv2d same, even kernel": (nn.Conv2d(4, 5, 4, padding="same"), (IMAGE,)),
    "conv2d 1x1": (nn.Conv2d(4, 5, 1), (IMAGE,)),
    "conv2d 1x1 strided": (nn.Conv2d(4, 5, 1, stride=2), (IMAGE,)),
    "conv2d grouped": (nn.Conv2d(4, 6, 3, groups=2), (IMAGE,)),
    "conv2d depthwise": (nn.Conv2d(4, 4, 3, groups=4, padding=1), (IMAGE,)),
    "conv2d depthwise multiplied": (nn.Conv2d(4, 8, 3, groups=4), (IMAGE,)),
    "conv2d without batch": (nn.Conv2d(4, 5, 3), ((4, 9, 8),)),
    "conv2d channels last": (
        nn.Conv2d(4, 5, 3),
        (torch.randn(2, 4, 9, 8).to(memory_format=torch.channels_last),),
    ),
    "conv2d reflect": (nn.Conv2d(4, 5, 3, padding=1, padding_mode="reflect"), (IMAGE,)),
    "conv1d": (nn.Conv1d(4, 5, 3, padding=1, stride=2), ((2, 4, 9),)),
    "conv3d": (nn.Conv3d(2, 3, 2, padding=1), ((1, 2, 4, 5, 3),)),
    "conv3d strided, dilated": (
        nn.Conv3d(4, 6, (3, 2, 3), stride=(2, 1, 2), padding=(2, 0, 1), dilation=(2, 1, 1), groups=2),
        ((2, 4, 7, 5, 6),),
    ),
    "conv3d of one depth": (nn.Conv3d(4, 5, (1, 3, 3)), ((1, 4, 3, 6, 5),)),
    "conv3d bfloat16": (nn.Conv3d(4, 6, 3, padding=1).bfloat16(), (torch.randn(1, 4, 3, 4, 5).bfloat16(),)),
    "conv2d of one channel": (nn.Conv2d(1, 1, 3), ((2, 1, 6, 7),)),
    "conv transposed, every remainder": (
        nn.ConvTranspose2d(4, 3, (5, 4), stride=(3, 2), padding=(2, 1), output_padding=(1, 0)),
        (IMAGE,),
    ),
    "conv transposed, dilated": (
        nn.ConvTranspose2d(4, 3, 3, stride=2, padding=1, dilation=(2, 3), bias=False),
        (IMAGE,),
    ),
    "conv transposed, stride 1": (nn.ConvTranspose2d(4, 3, 3, padding=1), (IMAGE,)),
    "conv transposed, taps fewer than strides": (nn.ConvTranspose2d(4, 3, 2, stride=3), (IMAGE,)),
    "conv transposed 1d": (nn.ConvTranspose1d(4, 6, 5, stride=2, padding=2), ((2, 4, 9),)),
    "conv transposed bfloat16": (
        nn.ConvTranspose2d(4, 6, 4, stride=2, padding=1).bfloat16(),
        (torch.randn(IMAGE).bfloat16(),),
    ),
    "conv transposed": (nn.ConvTranspose2d(4, 3, 3, stride=2, padding=1, output_padding=1), (IMAGE,)),
    "conv transposed, stride is kernel": (nn.ConvTranspose2d(4, 3, 2, stride=2), (IMAGE,)),
    "conv transposed, uneven": (nn.ConvTranspose2d(5, 3, (2, 3), stride=(2, 3), bias=False), ((1, 5, 4, 3),)),
    "conv transposed 1d, bfloat16": (
        nn.ConvTranspose1d(4, 6, 4, stride=4).bfloat16(),
        (torch.randn(2, 4, 5).bfloat16(),),
    ),
    "conv transposed 3d": (nn.ConvTranspose3d(4, 2, 2, stride=2), ((1, 4, 2, 3, 2),)),
    "conv transposed, output padding": (nn.ConvTranspose2d(4, 3, 2, stride=2, output_padding=1), (IMAGE,)),
    "conv transposed grouped": (nn.ConvTranspose1d(4, 6, 3, groups=2, dilation=2), ((2, 4, 5),)),
    "conv computed weight": (lambda x, w: F.conv2d(x, w, padding=1), (IMAGE, (5, 4, 3, 3))),
    "conv float64": (
        lambda x, w: F.conv2d(x, w),
        (torch.randn(IMAGE).double(), torch.randn(5, 4, 3, 3).double()),
    ),
    "conv bfloat16": (nn.Conv2d(4, 5, 3).bfloat16(), (torch.randn(IMAGE).bfloat16(),)),
    "conv bfloat16 1x1": (nn.Conv2d(4, 5, 1).bfloat16(), (torch.randn(IMAGE).bfloat16(),)),
    "conv bfloat16 odd channels": (nn.Conv2d(3, 5, 3).bfloat16(), (torch.randn(2, 3, 9, 8).bfloat16(),)),
    "conv bfloat16 grouped": (
        nn.Conv2d(4, 6, 3, groups=2, padding=1).bfloat16(),
        (torch.randn(IMAGE).bfloat16(),),
    ),
    "conv bfloat16 depthwise": (nn.Conv2d(4, 4, 3, groups=4).bfloat16(), (torch.randn(IMAGE).bfloat16(),)),
    "residual block": (Block(), ((2, 8, 6, 6),)),
    "conv and group norm": (nn.Sequential(nn.Conv2d(4, 8, 3), nn.GroupNorm(2, 8), nn.SiLU()), (IMAGE,)),
    "batch norm alone": (nn.Sequential(nn.ReLU(), nn.BatchNorm2d(4)), (IMAGE,)),
    "max pool": (lambda x: F.max_pool2d(x, 3, 2, 1), (IMAGE,)),
    "max pool dilated, ceil": (
        lambda x: F.max_pool2d(x, (2, 3), 2, (1, 1), (1, 2), ceil_mode=True),
        (IMAGE,),
    ),
    "max pool with positions": (lambda x: F.max_pool2d(x, 3, 2, 1, return_indices=True), (IMAGE,)),
    "max pool large": (lambda x: F.max_pool2d(x, 6, 1), (IMAGE,)),
    "max pool of computed": (lambda x, y: F.max_pool2d(torch.exp(x) * y, 2), (IMAGE, (8,))),
    "max pool 1d, 3d": (lambda x: (F.max_pool1d(x[0], 3, 2), F.max_pool3d(x, 2)), (IMAGE,)),
    "average pool": (lambda x: F.avg_pool2d(x, 3, 2, 1), (IMAGE,)),
    "average pool, true count": (lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False), (IMAGE,)),
    "average pool, ceil": (lambda x: F.avg_pool2d(x, 2, 2, ceil_mode=True), (IMAGE,)),
    "average pool, divisor": (lambda x: F.avg_pool2d(x, 2, divisor_override=3), (IMAGE,)),
    "average pool 1d, large": (lambda x: (F.avg_pool1d(x[0], 3), F.avg_pool2d(x, 7)), (IMAGE,)),
    "averages of integers": (
        lambda x: (
            F.avg_pool2d(x, 3, 2, 1),
            F.avg_pool2d(x, 6, 1, 3, count_include_pad=False),
            F.avg_pool2d(x, 2, divisor_override=3),
            F.avg_pool3d(x, 2),
            F.local_response_norm(x, 3),
        ),
        (torch.arange(-40, 80).reshape(1, 4, 5, 6),),
    ),
    "adaptive to one": (lambda x: F.adaptive_avg_pool2d(x, 1), (IMAGE,)),
    "adaptive even": (lambda x: F.adaptive_avg_pool2d(x, (3, 4)), (IMAGE,)),
    "adaptive uneven": (lambda x: F.adaptive_avg_pool2d(x, (4, 3)), (IMAGE,)),
    "adaptive 1d": (lambda x: F.adaptive_avg_pool1d(x[0], 5), (IMAGE,)),
    "nearest upsampling": (lambda x: F.interpolate(x, scale_factor=2), (IMAGE,)),
    "bilinear upsampling": (
        lambda x: F.interpolate(x, (13, 5), mode="bilinear", align_corners=False),
        (IMAGE,),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_convolutions(name: str) -> None:
    function, arguments = CASES[name]
    check(copy.deepcopy(function), *arguments)  # which turns a module's weights into float64


@pytest.mark.parametrize(
    "name", [name for name in CASES if name.startswith("conv") and "transposed" not in name]
)
def test_convolutions_on_a_gpu(name: str) -> None:
    """What is lowered for a GPU means the same."""
    function, arguments = CASES[name]
    check(copy.deepcopy(function), *arguments, options=CompileOptions("case", device="cuda"))


def test_weights_for_a_gpu_are_reordered_while_compiling() -> None:
    image, options = (
        torch.randn(1, 8, 9, 9).to(memory_format=torch.channels_last),
        CompileOptions("case", device="cuda"),
    )
    for groups, shape in ((1, [16, 3, 3, 8]), (2, [16, 3, 3, 4]), (8, [3, 3, 16, 1])):
        program = check(nn.Conv2d(8, 16, 3, groups=groups, bias=False), image, options=options)
        assert _kinds(program) == ["triton_convolution"]
        (weight,) = program.constants
        assert [s.value() for s in weight.layout.size] == shape and weight.layout.is_contiguous()
        assert weight.recipe is not None and weight.kind == "folded"


def _kinds(program: Program) -> list[str]:
    return [n.template if isinstance(n, TemplateKernel) else type(n).__name__ for n in program.nodes]


def test_a_transposed_convolution_that_only_spreads_is_a_product() -> None:
    assert _kinds_of(nn.ConvTranspose2d(4, 3, 2, stride=2), (2, 4, 9, 8)) == ["gemm"]


def test_transposed_and_deep_convolutions_are_templates() -> None:
    assert _kinds_of(nn.ConvTranspose2d(4, 3, 4, stride=2, padding=1), (2, 4, 9, 8)) == ["conv2d"] * 4
    assert _kinds_of(nn.Conv3d(4, 3, 3, padding=1), (1, 4, 5, 6, 7)) == ["conv2d"] * 3


def test_batch_norm_disappears_and_nothing_is_reordered_between_convolutions() -> None:
    program = check(Block(), (2, 8, 6, 6))
    # Only the entry reorders; batch norm is in the weights; the output gets its promised strides from the last pointwise node.
    assert _kinds(program) == ["Pointwise", "conv2d", "Pointwise", "conv2d", "Pointwise"]


def test_channels_last_input_is_not_copied() -> None:
    program = check(
        nn.Conv2d(4, 5, 3, bias=False), torch.randn(2, 4, 9, 8).to(memory_format=torch.channels_last)
    )
    assert _kinds(program) == ["conv2d"]


def _kinds_of(module: nn.Module, shape: tuple[int, ...], **options: Any) -> list[str]:
    program = lower_function(module, tensors([shape]), CompileOptions("case", **options))
    return [k for k in _kinds(program) if k != "Pointwise"]


def test_winograd_is_taken_where_it_pays_and_can_be_turned_off() -> None:
    layer, image = nn.Conv2d(32, 40, 3, padding=1), (2, 32, 9, 8)
    program = check(layer, image)
    assert "conv2d_winograd" in _kinds(program)
    (weight,) = [c for c in program.constants if c.packing == "winograd_panel16"]
    assert weight.layout.size[0].value() == 16 * 3 * 32 * 16
    assert _kinds_of(layer, image, winograd=False) == ["conv2d"]


@pytest.mark.parametrize(
    ("layer", "image", "taken"),
    [
        (nn.Conv2d(512, 512, 3, padding=1), (1, 512, 7, 7), True),
        (nn.Conv2d(32, 32, 3, padding=1), (1, 32, 3, 3), False),
        (nn.Conv2d(32, 32, 3, padding=1, stride=2), (1, 32, 56, 56), False),
        (nn.Conv2d(32, 32, 3, padding=1, dilation=2), (1, 32, 56, 56), False),
        (nn.Conv2d(64, 64, 3, padding=1, groups=2), (1, 64, 56, 56), False),
        (nn.Conv2d(32, 32, (3, 1)), (1, 32, 56, 56), False),
        (nn.Conv2d(40, 32, 3), (1, 40, 56, 56), False),
        (nn.Conv2d(32, 8, 3), (1, 32, 56, 56), False),
        (nn.Conv2d(2064, 32, 3), (1, 2064, 9, 9), False),
    ],
)
def test_layers_that_winograd_takes(layer: nn.Module, image: tuple[int, ...], taken: bool) -> None:
    assert _kinds_of(layer, image) == ["conv2d_winograd" if taken else "conv2d"]


def test_pooling_follows_the_order_of_the_convolution() -> None:
    program = check(
        nn.Sequential(nn.Conv2d(4, 16, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 4, 3)), (1, 4, 12, 12)
    )
    pool = [n for n in program.nodes if isinstance(n, Pointwise)][2]
    assert [s.value() for s in pool.layout.size] == [1, 5, 5, 16] and pool.layout.is_contiguous()


def test_only_the_edges_of_a_pool_are_masked() -> None:
    program = check(lambda x: F.max_pool2d(x, 3, 2, 1), (1, 4, 8, 8))
    (node,) = program.nodes
    assert isinstance(node, Pointwise)
    assert [bool(op.args) for op in node.body.loads()].count(False) == 4
