"""Image models that are measured on a GPU, in float16: ResNet-50 and ViT-B/16, with one image and with 32.

Enters: nothing. Leaves: modules with example inputs, as `models/gpu.py`. ResNet-50 as of He et al., "Deep Residual Learning", with the
stride on the 3x3 convolutions; ViT-B/16 as of Dosovitskiy et al., "An Image is Worth 16x16 Words". Weights are `models.gpu.fill`'s.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.gpu import Built, fill

SIZE = 224


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """A convolution that keeps sizes (over the stride), and its batch norm."""
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs))


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 with four times as many channels, beside a shortcut."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.reduce, self.conv = _conv(inputs, width, 1), _conv(width, width, 3, stride)
        self.expand = _conv(width, 4 * width, 1)
        same = stride == 1 and inputs == 4 * width
        self.shortcut = nn.Identity() if same else _conv(inputs, 4 * width, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        """x: [N, inputs, H, W] -> [N, 4 * width, H / stride, W / stride]."""
        y = F.relu(self.conv(F.relu(self.reduce(x))))
        return F.relu(self.expand(y) + self.shortcut(x))


class ResNet50(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = _conv(3, 64, 7, 2)
        blocks, inputs = [], 64
        for width, count, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
            for k in range(count):
                blocks.append(Bottleneck(inputs, width, stride if k == 0 else 1))
                inputs = 4 * width
        self.blocks, self.classes = nn.Sequential(*blocks), nn.Linear(inputs, 1000)

    def forward(self, x: Tensor) -> Tensor:
        """x: [N, 3, 224, 224] -> [N, 1000]."""
        x = F.max_pool2d(F.relu(self.stem(x)), 3, 2, 1)
        logits: Tensor = self.classes(self.blocks(x).mean((2, 3)))
        return logits


class EncoderBlock(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """x: [N, tokens, width] -> the same."""
        n, tokens, width = x.shape
        q, k, v = self.qkv(self.first(x)).view(n, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, tokens, width)
        x = x + self.out(mixed)
        added: Tensor = self.down(F.gelu(self.up(self.second(x))))
        return x + added


class ViT(nn.Module):
    def __init__(self, width: int = 768, depth: int = 12, heads: int = 12, patch: int = 16) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, width, patch, patch)
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.places = nn.Parameter(torch.zeros(1, (SIZE // patch) ** 2 + 1, width))
        self.blocks = nn.Sequential(*(EncoderBlock(width, heads) for _ in range(depth)))
        self.norm, self.classes = nn.LayerNorm(width), nn.Linear(width, 1000)

    def forward(self, x: Tensor) -> Tensor:
        """x: [N, 3, 224, 224] -> [N, 1000]."""
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.places
        logits: Tensor = self.classes(self.norm(self.blocks(x))[:, 0])
        return logits


def _images(model: nn.Module, count: int) -> Built:
    return fill(model.half()), (torch.randn(count, 3, SIZE, SIZE).half(),)


def resnet50_1() -> Built:
    """[1, 3, 224, 224]."""
    return _images(ResNet50(), 1)


def resnet50_32() -> Built:
    """[32, 3, 224, 224]."""
    return _images(ResNet50(), 32)


def vit_1() -> Built:
    """[1, 3, 224, 224]."""
    return _images(ViT(), 1)


def vit_32() -> Built:
    """[32, 3, 224, 224]."""
    return _images(ViT(), 32)
