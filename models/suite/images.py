"""Image networks with seeded weights: ResNet-50, MobileNetV3-Large, EfficientNet-B0, ConvNeXt-Tiny, a small U-Net."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.suite.layers import SqueezeExcite, conv_norm, scatter_norms

Example = tuple[nn.Module, tuple[Tensor, ...]]


def _image(size: int = 224) -> tuple[Tensor, ...]:
    return (torch.randn(1, 3, size, size),)


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 with a shortcut (He et al., arXiv:1512.03385, figure 5)."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        out = 4 * width
        self.body = nn.Sequential(
            conv_norm(channels, width, 1, activation=nn.ReLU()),
            conv_norm(width, width, 3, stride, activation=nn.ReLU()),
            conv_norm(width, out, 1),
        )
        same = channels == out and stride == 1
        self.shortcut: nn.Module = nn.Identity() if same else conv_norm(channels, out, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, 4 * width, H / stride, W / stride]."""
        return torch.relu(self.body(x) + self.shortcut(x))


def resnet50() -> Example:
    """ResNet-50 (table 1 of the paper)."""
    layers: list[nn.Module] = [conv_norm(3, 64, 7, 2, activation=nn.ReLU()), nn.MaxPool2d(3, 2, 1)]
    channels = 64
    for stage, (width, blocks) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3))):
        for block in range(blocks):
            layers.append(Bottleneck(channels, width, 2 if stage > 0 and block == 0 else 1))
            channels = 4 * width
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 1000)]
    return scatter_norms(nn.Sequential(*layers)), _image()


def resnet50_bfloat16() -> Example:
    """The same in bfloat16."""
    model, (image,) = resnet50()
    return model.bfloat16(), (image.bfloat16(),)


class InvertedResidual(nn.Module):
    """Expand, depthwise, squeeze and excite, project (Sandler et al., arXiv:1801.04381; Howard et al., arXiv:1905.02244)."""

    def __init__(
        self,
        channels: int,
        expanded: int,
        out: int,
        kernel: int,
        stride: int,
        excite: nn.Module,
        act: nn.Module,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        if expanded != channels:
            layers.append(conv_norm(channels, expanded, 1, activation=act))
        layers += [conv_norm(expanded, expanded, kernel, stride, groups=expanded, activation=act), excite]
        self.body = nn.Sequential(*layers, conv_norm(expanded, out, 1))
        self.has_shortcut = stride == 1 and channels == out

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, out, H / stride, W / stride]."""
        y: Tensor = self.body(x)
        return x + y if self.has_shortcut else y


# kernel, expanded, out, squeeze and excite, h-swish, stride: table 1 of arXiv:1905.02244
_MOBILENET_V3 = (
    (3, 16, 16, False, False, 1), (3, 64, 24, False, False, 2), (3, 72, 24, False, False, 1), (5, 72, 40, True, False, 2),
    (5, 120, 40, True, False, 1), (5, 120, 40, True, False, 1), (3, 240, 80, False, True, 2), (3, 200, 80, False, True, 1),
    (3, 184, 80, False, True, 1), (3, 184, 80, False, True, 1), (3, 480, 112, True, True, 1), (3, 672, 112, True, True, 1),
    (5, 672, 160, True, True, 2), (5, 960, 160, True, True, 1), (5, 960, 160, True, True, 1),
)  # fmt: skip


def _multiple_of_8(channels: float) -> int:
    """The nearest multiple of 8 that does not lose more than a tenth."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded


def mobilenet_v3() -> Example:
    """MobileNetV3-Large."""
    layers: list[nn.Module] = [conv_norm(3, 16, 3, 2, activation=nn.Hardswish())]
    channels = 16
    for kernel, expanded, out, excites, swish, stride in _MOBILENET_V3:
        squeezed = _multiple_of_8(expanded / 4)
        excite = SqueezeExcite(expanded, squeezed, nn.ReLU(), nn.Hardsigmoid()) if excites else nn.Identity()
        act = nn.Hardswish() if swish else nn.ReLU()
        layers.append(InvertedResidual(channels, expanded, out, kernel, stride, excite, act))
        channels = out
    layers += [conv_norm(channels, 960, 1, activation=nn.Hardswish()), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    layers += [nn.Linear(960, 1280), nn.Hardswish(), nn.Linear(1280, 1000)]
    return scatter_norms(nn.Sequential(*layers)), _image()


# expansion, kernel, stride, out, blocks: table 1 of arXiv:1905.11946
_EFFICIENTNET_B0 = (
    (1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3), (6, 5, 1, 112, 3), (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)  # fmt: skip


def efficientnet_b0() -> Example:
    """EfficientNet-B0."""
    layers: list[nn.Module] = [conv_norm(3, 32, 3, 2, activation=nn.SiLU())]
    channels = 32
    for expansion, kernel, stride, out, blocks in _EFFICIENTNET_B0:
        for block in range(blocks):
            expanded = expansion * channels
            excite = SqueezeExcite(expanded, max(1, channels // 4), nn.SiLU(), nn.Sigmoid())
            step = stride if block == 0 else 1
            layers.append(InvertedResidual(channels, expanded, out, kernel, step, excite, nn.SiLU()))
            channels = out
    layers += [conv_norm(channels, 1280, 1, activation=nn.SiLU()), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return scatter_norms(nn.Sequential(*layers, nn.Linear(1280, 1000))), _image()


class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of [N, C, H, W]."""

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> the same."""
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ConvNextBlock(nn.Module):
    """Depthwise 7x7, norm, and an MLP over channels (Liu et al., arXiv:2201.03545, figure 4)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels, 1e-6)
        self.up, self.down = nn.Linear(channels, 4 * channels), nn.Linear(4 * channels, channels)
        self.scale = nn.Parameter(torch.full((channels,), 0.5))

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> the same."""
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        y = self.scale * self.down(F.gelu(self.up(y)))
        result: Tensor = x + y.permute(0, 3, 1, 2)
        return result


def convnext_tiny() -> Example:
    """ConvNeXt-Tiny."""
    widths = (96, 192, 384, 768)
    layers: list[nn.Module] = [nn.Conv2d(3, widths[0], 4, 4), ChannelNorm(widths[0], 1e-6)]
    for stage, blocks in enumerate((3, 3, 9, 3)):
        if stage > 0:
            before = widths[stage - 1]
            layers += [ChannelNorm(before, 1e-6), nn.Conv2d(before, widths[stage], 2, 2)]
        layers += [ConvNextBlock(widths[stage]) for _ in range(blocks)]
    layers += [
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.LayerNorm(widths[-1], 1e-6),
        nn.Linear(widths[-1], 1000),
    ]
    return nn.Sequential(*layers).eval(), _image()


class UNet(nn.Module):
    """Two steps down, two up by transposed convolutions, skips joined by channels (Ronneberger et al., arXiv:1505.04597)."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()

        def pair(channels: int, out: int) -> nn.Sequential:
            return nn.Sequential(
                conv_norm(channels, out, 3, activation=nn.ReLU()),
                conv_norm(out, out, 3, activation=nn.ReLU()),
            )

        self.in_1, self.in_2, self.bottom = pair(3, width), pair(width, 2 * width), pair(2 * width, 4 * width)
        self.up_2 = nn.ConvTranspose2d(4 * width, 2 * width, 2, stride=2)
        self.up_1 = nn.ConvTranspose2d(2 * width, width, 2, stride=2)
        self.out_2, self.out_1 = pair(4 * width, 2 * width), pair(2 * width, width)
        self.head = nn.Conv2d(width, 2, 1)

    def forward(self, image: Tensor) -> Tensor:
        """[N, 3, H, W] -> [N, 2, H, W]; H and W multiples of 4."""
        one = self.in_1(image)
        two = self.in_2(F.max_pool2d(one, 2))
        x = self.up_2(self.bottom(F.max_pool2d(two, 2)))
        x = self.out_2(torch.cat([two, x], 1))
        x = self.out_1(torch.cat([one, self.up_1(x)], 1))
        result: Tensor = self.head(x)
        return result


def unet() -> Example:
    """128 x 128."""
    return scatter_norms(UNet()), _image(128)
