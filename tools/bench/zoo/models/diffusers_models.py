"""Networks of diffusers in small configurations with random weights: unet_2d() -> example."""

from __future__ import annotations

import importlib
from typing import Any

import torch
from torch import Tensor

Example = dict[str, Any]


def _diffusers() -> Any:
    return importlib.import_module("diffusers")


def _example(module: Any, *args: Tensor, **kwargs: Any) -> Example:
    return {"module": module, "args": args, "kwargs": kwargs}


def unet_2d() -> Example:
    """The U-Net of unconditional diffusion."""
    module = _diffusers().UNet2DModel(sample_size=16, in_channels=3, out_channels=3, layers_per_block=1, block_out_channels=(32, 64),
                                      norm_num_groups=8, down_block_types=("DownBlock2D", "AttnDownBlock2D"),
                                      up_block_types=("AttnUpBlock2D", "UpBlock2D"))  # fmt: skip
    return _example(module, torch.randn(1, 3, 16, 16), torch.tensor([7]))


def unet_2d_condition() -> Example:
    """The U-Net of Stable Diffusion."""
    module = _diffusers().UNet2DConditionModel(sample_size=16, in_channels=4, out_channels=4, layers_per_block=1,
                                               block_out_channels=(32, 64),
                                               norm_num_groups=8, cross_attention_dim=32, attention_head_dim=8,
                                               down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
                                               up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"))  # fmt: skip
    return _example(module, torch.randn(1, 4, 16, 16), torch.tensor([7]), torch.randn(1, 10, 32))


def autoencoder_kl() -> Example:
    """The decoder that makes the image."""
    vae = _diffusers().AutoencoderKL(block_out_channels=(16, 32), down_block_types=("DownEncoderBlock2D",) * 2,
                                     up_block_types=("UpDecoderBlock2D",) * 2, latent_channels=4, norm_num_groups=8)  # fmt: skip
    return _example(vae.decoder, torch.randn(1, 4, 16, 16))


def dit() -> Example:
    """A transformer over latent patches, with classes."""
    module = _diffusers().DiTTransformer2DModel(num_attention_heads=4, attention_head_dim=16, in_channels=4, out_channels=8, num_layers=2,
                                                norm_num_groups=8, sample_size=16, patch_size=2, num_embeds_ada_norm=20)  # fmt: skip
    return _example(
        module, torch.randn(1, 4, 16, 16), timestep=torch.tensor([7]), class_labels=torch.tensor([3])
    )


def flux() -> Example:
    """Two streams, then one, with rotary positions."""
    module = _diffusers().FluxTransformer2DModel(patch_size=1, in_channels=4, num_layers=1, num_single_layers=1, attention_head_dim=16,
                                                 num_attention_heads=2, joint_attention_dim=32, pooled_projection_dim=32,
                                                 axes_dims_rope=(4, 4, 8))  # fmt: skip
    return _example(module, torch.randn(1, 16, 4), encoder_hidden_states=torch.randn(1, 10, 32), pooled_projections=torch.randn(1, 32),
                    timestep=torch.tensor([0.5]), img_ids=torch.zeros(16, 3), txt_ids=torch.zeros(10, 3))  # fmt: skip


def pixart() -> Example:
    """A transformer with cross attention to the text."""
    module = _diffusers().PixArtTransformer2DModel(num_attention_heads=4, attention_head_dim=16, in_channels=4, out_channels=8,
                                                   num_layers=2,
                                                   cross_attention_dim=64, sample_size=16, patch_size=2, caption_channels=32,
                                                   norm_num_groups=8)  # fmt: skip
    return _example(module, torch.randn(1, 4, 16, 16), encoder_hidden_states=torch.randn(1, 10, 32), timestep=torch.tensor([7]),
                    added_cond_kwargs={"resolution": None, "aspect_ratio": None})  # fmt: skip
