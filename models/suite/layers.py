"""What the networks of the suite share: a convolution with its norm and activation, and seeded norms that are not the identity.

conv_norm(3, 32, 3, stride=2, activation=nn.SiLU())    convolution without bias, batch norm, SiLU
scatter_norms(model)                                   batch-norm statistics as a trained network has them
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def conv_norm(
    channels: int,
    out_channels: int,
    kernel: int,
    stride: int = 1,
    groups: int = 1,
    activation: nn.Module | None = None,
) -> nn.Sequential:
    """Convolution that keeps the size (over the stride), batch norm, activation."""
    conv = nn.Conv2d(
        channels, out_channels, kernel, stride=stride, padding=kernel // 2, groups=groups, bias=False
    )
    return nn.Sequential(
        conv, nn.BatchNorm2d(out_channels), *([activation] if activation is not None else [])
    )


class SqueezeExcite(nn.Module):
    """Scales each channel by a small network's view of all channels' means (Hu et al., arXiv:1709.01507)."""

    def __init__(self, channels: int, squeezed: int, activation: nn.Module, gate: nn.Module) -> None:
        super().__init__()
        self.down, self.up = nn.Conv2d(channels, squeezed, 1), nn.Conv2d(squeezed, channels, 1)
        self.activation, self.gate = activation, gate

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> the same."""
        mean = x.mean((2, 3), keepdim=True)
        scale: Tensor = self.gate(self.up(self.activation(self.down(mean))))
        return x * scale


@torch.no_grad()
def scatter_norms(model: nn.Module) -> nn.Module:
    """Weights that keep the variance of activations, batch-norm statistics around what such activations would give."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            module.weight.normal_(0.0, (2.0 / module.weight[0].numel()) ** 0.5)
        elif isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None and module.running_var is not None
            module.weight.uniform_(0.6, 1.2)
            module.bias.normal_(0.0, 0.1)
            module.running_mean.normal_(0.0, 0.2)
            module.running_var.normal_(0.0, 0.2).exp_()
    return model.eval()
