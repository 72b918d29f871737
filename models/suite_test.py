"""The networks of the suite have the published numbers of parameters, and each function makes inputs that its network takes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from models.suite import images, small, transformers

# torchvision's documentation of these networks; GPT-2: 50257 * 768 + 1024 * 768 + 12 * 7087872 + 1536
PARAMETERS: dict[str, tuple[Callable[[], small.Example], int]] = {
    "resnet50": (images.resnet50, 25_557_032),
    "mobilenet_v3": (images.mobilenet_v3, 5_483_032),
    "efficientnet_b0": (images.efficientnet_b0, 5_288_548),
    "convnext_tiny": (images.convnext_tiny, 28_589_128),
    "vit_b16": (transformers.vit_b16, 86_567_656),
    "gpt2_prompt": (transformers.gpt2_prompt, 124_439_808),
}
ALL = [
    *(f for f, _ in PARAMETERS.values()), images.resnet50_bfloat16, images.unet, transformers.bert_base,
    transformers.bert_base_bfloat16, transformers.gpt2_token, transformers.gpt2_token_bfloat16, small.mlp, small.mlp_32,
    small.norm_chain, small.recommender, small.lstm,
]  # fmt: skip


def _count(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters(name: str) -> None:
    build, wanted = PARAMETERS[name]
    with torch.device("meta"):
        assert _count(build()[0]) == wanted


@pytest.mark.parametrize("build", ALL, ids=lambda f: f.__name__)
def test_runs(build: Callable[[], small.Example]) -> None:
    with torch.device("meta"), torch.no_grad():
        model, inputs = build()
        outputs = model(*inputs)
    first = outputs[0] if isinstance(outputs, tuple) else outputs
    assert not model.training and first.is_floating_point() and first.numel() > 0
