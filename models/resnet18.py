"""ResNet-18 (He et al., 2015, https://arxiv.org/abs/1512.03385, table 1) in plain PyTorch with seeded weights.

Enters: nothing (the export tool has seeded torch). Leaves: the module and an image [1, 3, 224, 224].
The weights are random, but the batch norms look like those of a trained network: scale, shift, mean and variance of every
channel differ from one, zero, zero and one, so a compiler that folds them wrongly gives wrong results.

    build() -> (ResNet18(), (image,))     forward: [N, 3, 224, 224] -> logits [N, 1000]

Invariant: with the variances chosen here activations stay of order one through all layers (no layer saturates or dies), so
numeric comparisons between the float32 and the float64 network say something about every layer.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

STAGE_CHANNELS = (64, 128, 256, 512)
BLOCKS_PER_STAGE = 2


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with a shortcut around them; the first one may halve the resolution."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            projection = nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False)
            self.shortcut = nn.Sequential(projection, nn.BatchNorm2d(out_channels))

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, out_channels, H / stride, W / stride]."""
        y = torch.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return torch.relu(y + self.shortcut(x))


class ResNet18(nn.Module):
    """Stem, four stages of two basic blocks, global average pooling, classifier."""

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, STAGE_CHANNELS[0], 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(STAGE_CHANNELS[0])
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        blocks: list[nn.Module] = []
        channels = STAGE_CHANNELS[0]
        for stage, out_channels in enumerate(STAGE_CHANNELS):
            for block in range(BLOCKS_PER_STAGE):
                stride = 2 if stage > 0 and block == 0 else 1
                blocks.append(BasicBlock(channels, out_channels, stride))
                channels = out_channels
        self.blocks = nn.Sequential(*blocks)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, num_classes)

    def forward(self, image: Tensor) -> Tensor:
        """[N, 3, H, W] -> [N, num_classes]; H and W multiples of 32."""
        x = self.maxpool(torch.relu(self.bn1(self.conv1(image))))
        x = self.avgpool(self.blocks(x))
        logits: Tensor = self.fc(torch.flatten(x, 1))
        return logits


@torch.no_grad()
def _set_weights(model: nn.Module) -> None:
    """Random weights that give every convolution an output variance near one (He initialisation without its factor of
    two), and batch-norm statistics scattered around what such an output would have measured."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            fan_in = module.weight[0].numel()
            module.weight.normal_(0.0, fan_in**-0.5)
        elif isinstance(module, nn.BatchNorm2d):
            assert (
                module.running_mean is not None
                and module.running_var is not None
                and module.weight is not None
            )
            module.weight.uniform_(0.6, 1.4)
            module.bias.normal_(0.0, 0.15)
            module.running_mean.normal_(0.0, 0.25)
            module.running_var.normal_(0.0, 0.3).exp_()


def build(batch: int = 1) -> tuple[nn.Module, tuple[Tensor, ...]]:
    """The network in evaluation mode and one batch of images of unit variance."""
    model = ResNet18().eval()
    _set_weights(model)
    return model, (torch.randn(batch, 3, 224, 224),)
