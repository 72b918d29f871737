"""Which convolutions take Winograd's F(2x2, 3x3), which has 16 products where a plain one has 36.

Enters: the layer's sizes. Leaves: yes or no, and how many numbers its packed weights have.
Invariants
- A layer is taken only where the engine's kernel takes it (`kernels/cpp/conv2d.h`).
- Sizes of an image that are known at run time only count as large: where time is spent, they are.

What decides, measured on Zen 4 with cold weights (`//kernels/cpp:kernel_bench_x86_64_v4`): blocks of 2x2 pixels that reach over the
edge are work for nothing (7x7 pixels: 16 blocks for 12.25; still 1.5 times as fast as the plain kernel), and the
transforms cost as much for each pixel and channel however few channels the other side has. Weights are 16/9 as large, so an
image of few blocks waits for them.
"""

from __future__ import annotations

from compiler.ir.expr import Expr
from compiler.lowering.constants import PANEL, packed_gemm_numel
from compiler.lowering.values import Index

POINTS = 16  # 4x4
MAX_CHANNELS = 2048  # kWinogradMaxChannels
MIN_CHANNELS = 32
MIN_BLOCKS = 9
# Pixels computed over pixels wanted: beyond it more than a third of the products are for nothing.
MAX_WASTE = 1.5


def pays(in_channels: Expr, out_channels: Expr, out_size: Index, *, plain_window: bool) -> bool:
    """Whether a 3x3 convolution is worth it. `plain_window`: stride 1, no dilation, one group."""
    if not plain_window or not in_channels.is_const or not out_channels.is_const:
        return False
    channels, made = in_channels.value(), out_channels.value()
    if channels % PANEL or not MIN_CHANNELS <= channels <= MAX_CHANNELS or made < MIN_CHANNELS:
        return False
    if not all(e.is_const for e in out_size):
        return True
    height, width = (e.value() for e in out_size)
    blocks = -(-height // 2) * -(-width // 2)
    return blocks >= MIN_BLOCKS and 4 * blocks <= MAX_WASTE * height * width


def packed_numel(in_channels: int, out_channels: int) -> int:
    """Elements of "winograd_panel16"."""
    return POINTS * packed_gemm_numel(out_channels, in_channels)
