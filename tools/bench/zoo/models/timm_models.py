"""timm's models with random weights on images of the smallest size that each takes: getattr(module, "dla34")() -> (module, inputs)."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

Example = tuple[nn.Module, tuple[Tensor, ...]]

_FLEXIBLE = 64
_SIDE = {
    name: side
    for side, names in {
        _FLEXIBLE: """resnest14d skresnet18 dla34 hrnet_w18_small repvgg_a0 ghostnet_100 mobilenetv4_conv_small nf_regnet_b1
            convnextv2_atto dpn68 ese_vovnet19b_dw mambaout_femto starnet_s1 fasternet_t0 inception_next_atto mobilevit_xxs
            edgenext_xx_small poolformer_s12 lambda_resnet26t efficientvit_b0 focalnet_tiny_srf davit_tiny twins_svt_small fastvit_t8""",
        224: """deit_tiny_patch16_224 cait_xxs24_224 xcit_nano_12_p16_224 eva02_tiny_patch14_224 tnt_s_legacy_patch16_224
            pit_ti_224 hiera_tiny_224 levit_128s efficientformerv2_s0 coatnet_nano_rw_224 convit_tiny mvitv2_tiny
            mixer_s32_224 resmlp_12_224 gmlp_ti16_224 sequencer2d_s""",
        240: "crossvit_tiny_240",
        256: "botnet26t_256 halonet26t",
    }.items()
    for name in names.split()
}  # fmt: skip


def __getattr__(name: str) -> Callable[[], Example]:
    if name not in _SIDE:
        raise AttributeError(f"no model {name}")
    return functools.partial(_classifier, name)


def _timm() -> Any:
    return importlib.import_module("timm")


def _classifier(name: str) -> Example:
    return scattered(_timm().create_model(name, num_classes=100)), (torch.randn(1, 3, *[_SIDE[name]] * 2),)


@torch.no_grad()
def scattered(model: nn.Module) -> nn.Module:
    """Many of timm's models begin with gains or last layers of zero, by which whole branches would not show in the result."""
    for parameter in model.parameters():
        if not parameter.any():
            parameter.normal_(std=0.02)
    return model


def beit_small() -> Example:
    """BEiT with relative positions, four layers."""
    beit = importlib.import_module("timm.models.beit")
    model = beit.Beit(img_size=64, patch_size=16, num_classes=100, embed_dim=192, depth=4, num_heads=3, use_abs_pos_emb=False,
                      use_rel_pos_bias=True, init_values=0.1)  # fmt: skip
    return scattered(model), (torch.randn(1, 3, 64, 64),)


def volo_small() -> Example:
    """VOLO with outlook attention in small."""
    volo = importlib.import_module("timm.models.volo")
    model = volo.VOLO(
        layers=(2, 2, 2, 1),
        img_size=64,
        num_classes=100,
        embed_dims=(96, 192, 192, 192),
        num_heads=(3, 6, 6, 6),
    )
    return scattered(model), (torch.randn(1, 3, 64, 64),)
