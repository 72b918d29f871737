"""ResNet-18: sizes of the published network, and weights that make a good test of a compiler."""

from __future__ import annotations

import torch

from models import resnet18


def build() -> tuple[torch.nn.Module, torch.Tensor]:
    torch.manual_seed(0)
    module, (image,) = resnet18.build()
    return module, image


def test_is_resnet18() -> None:
    module, image = build()
    # The number of parameters that the published ResNet-18 for ImageNet has.
    assert sum(p.numel() for p in module.parameters()) == 11_689_512
    assert image.shape == (1, 3, 224, 224)
    with torch.no_grad():
        assert module(image).shape == (1, 1000)
    assert not module.training


def test_batch_norms_cannot_be_dropped() -> None:
    module, _ = build()
    for norm in module.modules():
        if isinstance(norm, torch.nn.BatchNorm2d):
            for values, neutral in (
                (norm.weight, 1.0),
                (norm.bias, 0.0),
                (norm.running_mean, 0.0),
                (norm.running_var, 1.0),
            ):
                assert values is not None and (values - neutral).abs().mean() > 0.05
            assert norm.running_var is not None and (norm.running_var > 0.05).all()


def test_activations_stay_of_order_one() -> None:
    module, image = build()
    spreads: list[float] = []
    for block in module.blocks.children():  # type: ignore[union-attr]
        block.register_forward_hook(lambda _module, _inputs, output: spreads.append(float(output.std())))
    with torch.no_grad():
        logits = module(image)
    assert len(spreads) == 8 and all(0.3 < s < 10 for s in spreads)
    assert 0.3 < float(logits.std()) < 10


def test_weights_come_from_the_seed() -> None:
    (first, image), (second, same_image) = build(), build()
    assert torch.equal(image, same_image)
    assert all(
        torch.equal(a, b)
        for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    )
    torch.manual_seed(1)
    other, _ = resnet18.build()
    assert not torch.equal(first.conv1.weight, other.conv1.weight)  # type: ignore[union-attr,arg-type]
