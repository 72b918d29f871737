"""Convolution and pooling, with what stands around them in image networks."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.e2e.case import combine, net, normal, of, permuted


def batch_norm(channels: int) -> nn.BatchNorm2d:
    """A batch norm whose statistics and weights are those of no identity."""
    norm = nn.BatchNorm2d(channels)
    for tensor, low, high in (
        (norm.weight, 0.5, 1.5),
        (norm.bias, -0.5, 0.5),
        (norm.running_mean, -0.5, 0.5),
        (norm.running_var, 0.3, 2.0),
    ):
        assert tensor is not None
        nn.init.uniform_(tensor, low, high)
    return norm


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolution with a residual."""

    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        self.reduce = nn.Sequential(nn.Conv2d(channels, inner, 1, bias=False), batch_norm(inner), nn.ReLU())
        self.conv = nn.Sequential(
            nn.Conv2d(inner, inner, 3, padding=1, bias=False), batch_norm(inner), nn.ReLU()
        )
        self.expand = nn.Sequential(nn.Conv2d(inner, channels, 1, bias=False), batch_norm(channels))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.expand(self.conv(self.reduce(x))) + x)


class Classifier(nn.Module):
    """Convolution, pooling, flattening, linear layer: layouts change on the way."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 10, 3)
        self.fc = nn.Linear(10 * 4 * 4, 6)

    def forward(self, x: Tensor) -> Tensor:
        y = F.max_pool2d(torch.relu(self.conv(x)), 2)
        return self.fc(y.flatten(1)).log_softmax(1)  # type: ignore[no-any-return]


CASES = [
    net("conv", lambda: nn.Conv2d(3, 8, 3), normal(1, 3, 12, 14)),
    net("conv_padding", lambda: nn.Conv2d(5, 7, 3, padding=1), normal(2, 5, 9, 9)),
    net("conv_same", lambda: nn.Conv2d(4, 4, 4, padding="same"), normal(1, 4, 8, 7)),
    net("conv_stride", lambda: nn.Conv2d(16, 33, 3, stride=2, padding=1), normal(1, 16, 15, 15)),
    net("conv_uneven", lambda: nn.Conv2d(4, 6, (3, 5), stride=(1, 2), padding=(2, 1)), normal(1, 4, 10, 13)),
    net("conv_dilation", lambda: nn.Conv2d(4, 6, 3, dilation=2, padding=2), normal(1, 4, 11, 11)),
    net("conv_1x1", lambda: nn.Conv2d(32, 48, 1), normal(2, 32, 7, 7)),
    net("conv_1x1_stride", lambda: nn.Conv2d(16, 32, 1, stride=2, bias=False), normal(1, 16, 8, 8)),
    net("conv_stem", lambda: nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False), normal(1, 3, 32, 32)),
    net("conv_groups", lambda: nn.Conv2d(12, 24, 3, groups=3, padding=1), normal(1, 12, 6, 6)),
    net("conv_depthwise", lambda: nn.Conv2d(20, 20, 3, groups=20, padding=1), normal(1, 20, 10, 10)),
    net(
        "conv_depthwise_stride",
        lambda: nn.Conv2d(20, 20, 5, groups=20, stride=2, padding=2),
        normal(2, 20, 9, 9),
    ),
    net("conv_depthwise_multiplier", lambda: nn.Conv2d(6, 12, 3, groups=6), normal(1, 6, 8, 8)),
    net("conv_winograd", lambda: nn.Conv2d(48, 40, 3, padding=1), normal(2, 48, 9, 11)),
    net("conv_reflect", lambda: nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect"), normal(1, 3, 6, 6)),
    net("conv_channels_last_input", lambda: nn.Conv2d(6, 8, 3), permuted(normal(2, 9, 9, 6), 0, 3, 1, 2)),
    net(
        "conv_batch_norm_relu",
        lambda: nn.Sequential(nn.Conv2d(8, 16, 3, padding=1), batch_norm(16), nn.ReLU()),
        normal(1, 8, 14, 14),
    ),
    net(
        "conv_twice",
        lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.SiLU(), nn.Conv2d(8, 5, 3)),
        normal(2, 3, 10, 10),
    ),
    net("conv_one_channel", lambda: nn.Conv2d(1, 1, 5, padding=2), normal(2, 1, 9, 8)),
    net("conv_3d", lambda: nn.Conv3d(4, 9, 3, stride=(2, 1, 1), padding=1), normal(2, 4, 5, 6, 7)),
    net(
        "conv_transposed_phases", lambda: nn.ConvTranspose2d(8, 5, 4, stride=2, padding=1), normal(2, 8, 5, 6)
    ),
    net(
        "conv_transposed_uneven",
        lambda: nn.ConvTranspose2d(5, 20, (5, 3), stride=(3, 2), padding=(2, 1)),
        normal(1, 5, 4, 6),
    ),
    net("conv_1d", lambda: nn.Conv1d(5, 9, 3, padding=1), normal(2, 5, 20)),
    net("bottleneck", lambda: Bottleneck(32, 8), normal(1, 32, 8, 8)),
    net("classifier", Classifier, normal(2, 3, 10, 10)),
    net("batch_norm_alone", lambda: batch_norm(6), normal(3, 6, 5, 4)),
    net("batch_norm_1d", lambda: nn.BatchNorm1d(7), normal(4, 7)),
    of("max_pool", lambda x: F.max_pool2d(x, 3, stride=2, padding=1), normal(1, 8, 11, 12)),
    of("max_pool_dilation", lambda x: F.max_pool2d(x, 2, stride=1, dilation=2), normal(1, 3, 8, 8)),
    of("max_pool_ceil", lambda x: F.max_pool2d(x, 3, stride=2, ceil_mode=True), normal(1, 3, 8, 8)),
    of("max_pool_negative", lambda x: F.max_pool2d(-x.exp(), 3, padding=1), normal(1, 3, 9, 9)),
    of("avg_pool", lambda x: F.avg_pool2d(x, 2), normal(2, 5, 8, 10)),
    of("avg_pool_padding", lambda x: F.avg_pool2d(x, 3, stride=2, padding=1), normal(1, 5, 9, 9)),
    of(
        "avg_pool_exclude",
        lambda x: F.avg_pool2d(x, 3, padding=1, count_include_pad=False),
        normal(1, 5, 9, 9),
    ),
    of("avg_pool_ceil", lambda x: F.avg_pool2d(x, 3, stride=2, ceil_mode=True), normal(1, 2, 8, 8)),
    of("avg_pool_1d", lambda x: F.avg_pool1d(x, 3), normal(2, 5, 12)),
    of("adaptive_to_1", lambda x: F.adaptive_avg_pool2d(x, 1).flatten(1), normal(2, 16, 7, 7)),
    of("adaptive_even", lambda x: F.adaptive_avg_pool2d(x, (2, 3)), normal(1, 4, 8, 9)),
    of("adaptive_uneven", lambda x: F.adaptive_avg_pool2d(x, (3, 4)), normal(1, 4, 8, 9)),
    of("adaptive_max", lambda x: F.adaptive_max_pool2d(x, 1), normal(2, 4, 5, 6)),
    of("upsample_nearest", lambda x: F.interpolate(x, scale_factor=2.0, mode="nearest"), normal(1, 3, 5, 6)),
    of("pad", lambda x: (F.pad(x, (1, 2, 0, 3)), F.pad(x, (-1, 1), value=2.0)), normal(2, 3, 4, 5)),
    of("pixel_shuffle", lambda x: F.pixel_shuffle(x, 2), normal(1, 8, 3, 4)),
]


def build() -> tuple[nn.Module, tuple[Tensor, ...]]:
    """All cases as one model."""
    return combine(CASES)
