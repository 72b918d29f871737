"""torchvision's models with random weights on small images: getattr(module, "resnet50")() -> (module, inputs).

Detectors stand for what of them exports: backbone and heads, up to the boxes' selection, whose number of results depends on data.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

Example = tuple[nn.Module, tuple[Tensor, ...]]

# Sides of the images: the smallest sensible ones.
_SIDE = {"alexnet": 96, "inception_v3": 107, "maxvit_t": 224, "swin_t": 64, "swin_v2_t": 64}
_CLASSIFIERS = (
    "alexnet googlenet inception_v3 squeezenet1_1 densenet121 resnet18 resnet50 resnext50_32x4d shufflenet_v2_x1_0 mobilenet_v2 "
    "mobilenet_v3_small mnasnet0_5 efficientnet_b0 efficientnet_v2_s regnet_y_400mf convnext_tiny swin_t swin_v2_t maxvit_t"
).split()
_SEGMENTERS = "fcn_resnet50 deeplabv3_mobilenet_v3_large lraspp_mobilenet_v3_large".split()


def __getattr__(name: str) -> Callable[[], Example]:
    if name in _CLASSIFIERS:
        return functools.partial(_classifier, name)
    if name in _SEGMENTERS:
        return functools.partial(_segmenter, name)
    raise AttributeError(f"no model {name}")


def _models() -> Any:
    return importlib.import_module("torchvision.models")


def _image(side: int) -> Tensor:
    return torch.randn(1, 3, side, side)


def _classifier(name: str) -> Example:
    # What the training alone needs (auxiliary heads) is no part of the model in inference.
    extra = {"aux_logits": False, "init_weights": True} if name in ("googlenet", "inception_v3") else {}
    model = _models().get_model(name, weights=None, num_classes=100, **extra)
    return model, (_image(_SIDE.get(name, 64)),)


def _segmenter(name: str) -> Example:
    model = _models().get_model(name, weights=None, weights_backbone=None)
    return model, (_image(96),)


def vgg11_bn() -> Example:
    """Without the two wide layers at its end, which are 90 % of its weights."""
    model = _models().vgg11_bn(weights=None)
    model.avgpool, model.classifier = nn.AdaptiveAvgPool2d(1), nn.Linear(512, 100)
    return model, (_image(64),)


def vit_small() -> Example:
    """VisionTransformer of four layers."""
    model = _models().VisionTransformer(64, 16, 4, 6, 192, 768, num_classes=100)
    nn.init.normal_(model.heads.head.weight, std=0.1)  # zeros otherwise, and every result with them
    return model, (_image(64),)


class Heads(nn.Module):
    """A detector's features and what its heads say of every anchor."""

    def __init__(self, backbone: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.backbone, self.head = backbone, head

    def forward(self, image: Tensor) -> Any:
        """[N, 3, H, W] -> the head's results."""
        return self.head(list(self.backbone(image).values()))


def ssdlite_heads() -> Example:
    """SSDlite on MobileNetV3-Large."""
    model = _models().detection.ssdlite320_mobilenet_v3_large(weights=None, weights_backbone=None)
    return Heads(model.backbone, model.head), (_image(160),)


def retinanet_heads() -> Example:
    """RetinaNet on a ResNet-50 with feature pyramid."""
    model = _models().detection.retinanet_resnet50_fpn(weights=None, weights_backbone=None, num_classes=20)
    return Heads(model.backbone, model.head), (_image(128),)


def fasterrcnn_rpn() -> Example:
    """The region proposal network of Faster R-CNN on MobileNetV3-Large with feature pyramid."""
    model = _models().detection.fasterrcnn_mobilenet_v3_large_320_fpn(weights=None, weights_backbone=None)
    return Heads(model.backbone, model.rpn.head), (_image(128),)


def r3d_18() -> Example:
    """3d convolutions; eight frames."""
    return _models().video.r3d_18(weights=None, num_classes=100), (torch.randn(1, 3, 8, 32, 32),)


def s3d() -> Example:
    """Separable 3d convolutions."""
    return _models().video.s3d(weights=None, num_classes=100), (torch.randn(1, 3, 16, 224, 224),)


def mvit_v2_s() -> Example:
    """Multiscale transformer over frames."""
    return _models().video.mvit_v2_s(weights=None, num_classes=100), (torch.randn(1, 3, 16, 224, 224),)


def raft_small() -> Example:
    """Optical flow with two of its updates."""

    class Flow(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.raft = _models().optical_flow.raft_small(weights=None)

        def forward(self, first: Tensor, second: Tensor) -> Any:
            return self.raft(first, second, num_flow_updates=2)

    return Flow(), (_image(128), _image(128))
