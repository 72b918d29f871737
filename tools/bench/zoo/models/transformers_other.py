"""Models of transformers for speech, images and series, in small configurations with random weights: whisper() -> example."""

from __future__ import annotations

import importlib
from typing import Any

import torch
from torch import Tensor, nn

Example = dict[str, Any]

_SMALL = dict(hidden_size=64, num_hidden_layers=2, num_attention_heads=4, intermediate_size=128)
_TEXT = dict(vocab_size=512, max_position_embeddings=64, **_SMALL)


def _transformers() -> Any:
    return importlib.import_module("transformers")


def _make(config: str, model: str, **fields: Any) -> Any:
    transformers = _transformers()
    return getattr(transformers, model)(getattr(transformers, config)(**fields))


def _example(module: nn.Module, **kwargs: Tensor) -> Example:
    return {"module": module, "args": (), "kwargs": kwargs}


def _image(side: int) -> Tensor:
    return torch.randn(1, 3, side, side)


def _words(places: int = 16) -> Tensor:
    return torch.randint(2, 512, (1, places))


# -- speech


def whisper() -> Example:
    """Spectrogram in, logits of the next words out."""
    module = _make("WhisperConfig", "WhisperForConditionalGeneration", vocab_size=512, d_model=64, encoder_layers=2, decoder_layers=2,
                   encoder_attention_heads=4, decoder_attention_heads=4, encoder_ffn_dim=128, decoder_ffn_dim=128, num_mel_bins=80,
                   max_source_positions=50, max_target_positions=32, use_cache=False, pad_token_id=0, bos_token_id=1, eos_token_id=2,
                   decoder_start_token_id=1)  # fmt: skip
    return _example(module, input_features=torch.randn(1, 80, 100), decoder_input_ids=_words(8))


_WAVES = dict(conv_dim=(32, 32, 32), conv_stride=(5, 2, 2), conv_kernel=(10, 3, 3), num_conv_pos_embeddings=16,
              num_conv_pos_embedding_groups=4, vocab_size=32, num_feat_extract_layers=3, apply_spec_augment=False, **_SMALL)  # fmt: skip


def wav2vec2() -> Example:
    """Samples in, letters out."""
    return _example(_make("Wav2Vec2Config", "Wav2Vec2ForCTC", **_WAVES), input_values=torch.randn(1, 2000))


def hubert() -> Example:
    """Samples in, features out."""
    return _example(_make("HubertConfig", "HubertModel", **_WAVES), input_values=torch.randn(1, 2000))


def wavlm() -> Example:
    """Gated relative positions."""
    return _example(_make("WavLMConfig", "WavLMModel", **_WAVES), input_values=torch.randn(1, 2000))


def sew() -> Example:
    """Squeezed in time."""
    return _example(
        _make("SEWConfig", "SEWModel", **_WAVES, squeeze_factor=2), input_values=torch.randn(1, 2000)
    )


def speech_to_text() -> Example:
    """Convolutions and a transformer."""
    module = _make("Speech2TextConfig", "Speech2TextForConditionalGeneration", vocab_size=512, d_model=64, encoder_layers=2,
                   decoder_layers=2, encoder_attention_heads=4, decoder_attention_heads=4, encoder_ffn_dim=128, decoder_ffn_dim=128,
                   max_source_positions=200, max_target_positions=64, conv_channels=64, use_cache=False)  # fmt: skip
    return _example(module, input_features=torch.randn(1, 100, 80), decoder_input_ids=_words(8))


def audio_spectrogram() -> Example:
    """A vision transformer over a spectrogram."""
    module = _make(
        "ASTConfig", "ASTForAudioClassification", max_length=128, num_mel_bins=64, num_labels=20, **_SMALL
    )
    return _example(module, input_values=torch.randn(1, 128, 64))


# -- images


def detr() -> Example:
    """Boxes from queries."""
    backbone = _transformers().ResNetConfig(
        embedding_size=16, hidden_sizes=[16, 32, 64, 64], depths=[1, 1, 1, 1], out_features=["stage4"]
    )
    module = _make("DetrConfig", "DetrForObjectDetection", backbone_config=backbone, use_timm_backbone=False,
                   use_pretrained_backbone=False, backbone=None, d_model=64,
                   encoder_layers=2, decoder_layers=2, encoder_attention_heads=4, decoder_attention_heads=4, encoder_ffn_dim=128,
                   decoder_ffn_dim=128, num_queries=10, num_labels=20)  # fmt: skip
    return _example(module, pixel_values=_image(96))


def yolos() -> Example:
    """Boxes from a vision transformer."""
    module = _make(
        "YolosConfig",
        "YolosForObjectDetection",
        image_size=[64, 64],
        patch_size=16,
        num_detection_tokens=10,
        num_labels=20,
        **_SMALL,
    )
    return _example(module, pixel_values=_image(64))


def segformer() -> Example:
    """Hierarchical transformer with an MLP as decoder."""
    module = _make("SegformerConfig", "SegformerForSemanticSegmentation", depths=[1, 1, 1, 1], hidden_sizes=[16, 32, 48, 64],
                   num_attention_heads=[1, 2, 2, 4], decoder_hidden_size=32, num_labels=20)  # fmt: skip
    return _example(module, pixel_values=_image(64))


def dpt() -> Example:
    """Depth."""
    module = _make("DPTConfig", "DPTForDepthEstimation", image_size=64, patch_size=16, num_channels=3, backbone_out_indices=[0, 1, 2,
                                                            3], neck_hidden_sizes=[16, 32, 48, 64],
                   fusion_hidden_size=32, **{**_SMALL, "num_hidden_layers": 4})  # fmt: skip
    return _example(module, pixel_values=_image(64))


def sam_mask_decoder() -> Example:
    """SAM without its large encoder: prompts and features in, masks out."""
    transformers = _transformers()
    vision = transformers.SamVisionConfig(
        hidden_size=32,
        output_channels=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        mlp_dim=64,
        image_size=64,
        patch_size=16,
        window_size=2,
        global_attn_indexes=[1],
        num_pos_feats=16,
    )
    prompt = transformers.SamPromptEncoderConfig(
        hidden_size=32, image_size=64, patch_size=16, mask_input_channels=8
    )
    decoder = transformers.SamMaskDecoderConfig(
        hidden_size=32, mlp_dim=64, num_attention_heads=2, iou_head_hidden_dim=32
    )
    configuration = transformers.SamConfig(
        vision_config=vision, prompt_encoder_config=prompt, mask_decoder_config=decoder
    )
    model = transformers.SamModel(configuration)
    points = torch.tensor([[[[20.0, 30.0]]]])
    return _example(model, pixel_values=_image(64), input_points=points)


def dinov2() -> Example:
    """Features of patches."""
    module = _make(
        "Dinov2Config",
        "Dinov2Model",
        image_size=56,
        patch_size=14,
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
    )
    return _example(module, pixel_values=_image(56))


def swin() -> Example:
    """Shifted windows."""
    module = _make(
        "SwinConfig",
        "SwinForImageClassification",
        image_size=64,
        patch_size=4,
        embed_dim=16,
        depths=[2, 2],
        num_heads=[2, 4],
        window_size=4,
        num_labels=20,
    )
    return _example(module, pixel_values=_image(64))


def cvt() -> Example:
    """Convolutional projections."""
    module = _make(
        "CvtConfig",
        "CvtForImageClassification",
        embed_dim=[16, 32, 64],
        num_heads=[1, 2, 4],
        depth=[1, 2, 3],
        num_labels=20,
    )
    return _example(module, pixel_values=_image(64))


def mobilevit_segmentation() -> Example:
    """MobileViT with DeepLab's head."""
    module = _make("MobileViTConfig", "MobileViTForSemanticSegmentation", image_size=64, hidden_sizes=[32, 48, 64],
                   neck_hidden_sizes=[8, 16, 24, 32, 48, 64, 128], num_labels=20)  # fmt: skip
    return _example(module, pixel_values=_image(64))


# -- text and images


def _two_towers(prefix: str, **fields: Any) -> Any:
    text = dict(_TEXT, pad_token_id=0, bos_token_id=1, eos_token_id=2)
    vision = dict(image_size=64, patch_size=16, **_SMALL)
    return _make(f"{prefix}Config", f"{prefix}Model", text_config=text, vision_config=vision, **fields)


def clip() -> Example:
    """Similarity of images and texts."""
    return _example(_two_towers("CLIP", projection_dim=32), input_ids=_words(), pixel_values=_image(64))


def siglip() -> Example:
    """The same with a sigmoid."""
    return _example(_two_towers("Siglip"), input_ids=_words(64), pixel_values=_image(64))


def blip() -> Example:
    """A caption's logits."""
    module = _make("BlipConfig", "BlipForConditionalGeneration", text_config=dict(_TEXT, encoder_hidden_size=64, pad_token_id=0,
                                                            bos_token_id=1, eos_token_id=2, sep_token_id=3),
                   vision_config=dict(image_size=64, patch_size=16, **_SMALL))  # fmt: skip
    return _example(module, pixel_values=_image(64), input_ids=_words())


def layoutlm() -> Example:
    """Words with boxes."""
    module = _make("LayoutLMConfig", "LayoutLMModel", max_2d_position_embeddings=128, **_TEXT)
    return _example(module, input_ids=_words(), bbox=torch.randint(0, 60, (1, 16, 4)).sort(-1).values)


# -- series


def patchtst() -> Example:
    """Forecast from patches."""
    module = _make("PatchTSTConfig", "PatchTSTForPrediction", num_input_channels=3, context_length=64, patch_length=8, patch_stride=8,
                   prediction_length=12, d_model=32, num_hidden_layers=2, num_attention_heads=4, ffn_dim=64)  # fmt: skip
    return _example(module, past_values=torch.randn(2, 64, 3))
