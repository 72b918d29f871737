"""Models of transformers that torch.export does not take as they are written, restated: same weights, same kernels, no branch on data.

torch.export follows one path through Python. What these models decide from the values of tensors is decided here by the entry: whether a
token attends to all, which experts are hit, how far a convolution pads, which patches of an image are seen. Each function says what.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from tools.bench.zoo.models.transformers_text import BATCH, PLACES, WORDS, make

Example = dict[str, Any]

_ENCODER = dict(
    vocab_size=WORDS, hidden_size=64, num_hidden_layers=2, num_attention_heads=4, intermediate_size=128, max_position_embeddings=66
)  # fmt: skip
_WINDOW = 8


def _words(places: int) -> Tensor:
    return torch.randint(2, WORDS, (BATCH, places))


def _padded(places: int) -> Tensor:
    """One row's last places hold no words."""
    mask = torch.ones(BATCH, places, dtype=torch.int64)
    mask[1, -5:] = 0
    return mask


# -- attention in windows: `.item()` of "is there a token that attends to all" decides; here there is none


class _Windowed(nn.Module):
    """Layers of Longformer's kind in a row: scores within a window, no global tokens."""

    def __init__(self, layers: nn.ModuleList) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        added = torch.where(mask > 0, 0.0, torch.finfo(hidden.dtype).min)
        nowhere = torch.zeros_like(mask, dtype=torch.bool)
        for layer in self.layers:
            hidden = layer(
                hidden,
                attention_mask=added,
                is_index_masked=mask == 0,
                is_index_global_attn=nowhere,
                is_global_attn=False,
            )[0]
        return hidden


class _Longformer(nn.Module):
    def __init__(self, model: Any) -> None:
        super().__init__()
        self.embeddings, self.encoder = model.embeddings, _Windowed(model.encoder.layer)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        result: Tensor = self.encoder(self.embeddings(input_ids=input_ids), attention_mask)
        return result


def longformer() -> Example:
    """Without global tokens."""
    model = make("LongformerConfig", "LongformerModel", {**_ENCODER, "attention_window": _WINDOW})
    return {"module": _Longformer(model), "args": (_words(PLACES), _padded(PLACES))}


class _Led(nn.Module):
    """The encoder's parts, then the model itself behind them."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        self.encoder = _Windowed(model.led.encoder.layers)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, decoder_input_ids: Tensor) -> Tensor:
        parts = self.model.led.encoder
        embedded = parts.embed_tokens(input_ids) + parts.embed_positions(input_ids.shape)
        encoded = self.encoder(parts.layernorm_embedding(embedded), attention_mask)
        logits: Tensor = self.model(
            encoder_outputs=(encoded,), attention_mask=attention_mask, decoder_input_ids=decoder_input_ids
        ).logits
        return logits


def led() -> Example:
    """Without global tokens."""
    model = make("LEDConfig", "LEDForConditionalGeneration",
                 dict(vocab_size=WORDS, d_model=64, encoder_layers=2, decoder_layers=2, encoder_attention_heads=4,
                      decoder_attention_heads=4, encoder_ffn_dim=128, decoder_ffn_dim=128, attention_window=_WINDOW,
                      max_encoder_position_embeddings=64, max_decoder_position_embeddings=64, use_cache=False, pad_token_id=0,
                      decoder_start_token_id=1))  # fmt: skip
    return {"module": _Led(model), "args": (_words(PLACES), _padded(PLACES), _words(12))}


def nystromformer() -> Example:
    """With a mask of one row for all queries: the one that the model makes has a row for each word, its scores one for each landmark."""
    module = make(
        "NystromformerConfig",
        "NystromformerModel",
        {**_ENCODER, "num_landmarks": 8, "segment_means_seq_len": PLACES},
    )
    added = torch.where(_padded(PLACES) > 0, 0.0, torch.finfo(torch.float32).min)[:, None, None, :]
    return {"module": module, "args": (), "kwargs": {"input_ids": _words(PLACES), "attention_mask": added}}  # fmt: skip


# -- experts


class _EveryExpert(nn.Module):
    """Switch's experts, each called with its words, those without any included; the model loops over those that are hit."""

    def __init__(self, experts: nn.ModuleDict) -> None:
        super().__init__()
        self.experts = nn.ModuleList(experts.values())

    def forward(self, hidden: Tensor, selected: Tensor, weights: Tensor) -> Tensor:
        total = torch.zeros_like(hidden)
        for number, expert in enumerate(self.experts):
            (rows,) = torch.where(selected[:, 0, number])
            total = total.index_add(0, rows, expert(hidden[rows]) * weights[rows])
        return total


class _Router(nn.Linear):
    """A classifier that is of its type already; the model converts it, a module, in every call."""

    def to(self, *_: Any, **__: Any) -> _Router:
        return self


def switch_transformers() -> Example:
    """Every expert is called, and the router's classifier is not converted."""
    model = make("SwitchTransformersConfig", "SwitchTransformersForConditionalGeneration",
                 dict(vocab_size=WORDS, d_model=64, d_kv=16, d_ff=128, num_layers=2, num_heads=4, num_experts=4, expert_capacity=16,
                      num_sparse_encoder_layers=1, num_sparse_decoder_layers=1, decoder_start_token_id=0, use_cache=False))  # fmt: skip
    for module in list(model.modules()):
        if type(module).__name__ == "SwitchTransformersSparseMLP":
            module.experts = _EveryExpert(module.experts)
            module.router.classifier.__class__ = _Router
    inputs = {"input_ids": _words(PLACES), "attention_mask": _padded(PLACES), "decoder_input_ids": _words(12)}
    return {"module": model, "args": (), "kwargs": inputs}


# -- codecs: sizes of convolutions are tensors


def _with_numbers(model: nn.Module) -> nn.Module:
    """Convolutions whose stride, kernel and padding are Python's numbers, not buffers."""
    for module in model.modules():
        if type(module).__name__ in ("EncodecConv1d", "MimiConv1d"):
            convolution: Any = module
            sizes = {name: int(getattr(module, name)) for name in ("stride", "kernel_size", "padding_total")}
            for name, size in sizes.items():
                delattr(module, name)
                setattr(module, name, size)
            convolution.padding_right = sizes["padding_total"] // 2
            convolution.padding_left = sizes["padding_total"] - convolution.padding_right
            convolution._get_extra_padding_for_conv1d = _ExtraPadding(**sizes)
    return model


class _ExtraPadding:
    """What the last frame lacks, of the length that the input has."""

    def __init__(self, stride: int, kernel_size: int, padding_total: int) -> None:
        self.stride, self.taps = stride, kernel_size - padding_total

    def __call__(self, hidden: Tensor) -> int:
        return -(hidden.shape[-1] - self.taps) % self.stride


def encodec() -> Example:
    """The decoder of a neural codec: convolutions and an LSTM."""
    model = make(
        "EncodecConfig",
        "EncodecModel",
        dict(num_filters=8, hidden_size=32, codebook_dim=32, num_lstm_layers=2),
    )
    return {"module": _with_numbers(model.decoder), "args": (torch.randn(1, 32, 20),)}


def mimi() -> Example:
    """The encoder of a neural codec."""
    model = make("MimiConfig", "MimiModel",
                 dict(num_filters=8, codebook_dim=32, vector_quantization_hidden_dimension=32, upsample_groups=64, hidden_size=64,
                      num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=4, intermediate_size=128))  # fmt: skip
    return {"module": _with_numbers(model.encoder), "args": (torch.randn(1, 1, 3840),)}


# -- images and series


def vilt() -> Example:
    """Words and embedded patches in one sequence; the model draws the patches of an image by chance, as many as its mask has."""
    module = make("ViltConfig", "ViltModel", {**_ENCODER, "image_size": 64, "patch_size": 16})
    inputs = {
        "input_ids": _words(16),
        "image_embeds": torch.randn(BATCH, 16, 64),
        "pixel_mask": torch.ones(BATCH, 4, 4, dtype=torch.int64),
    }
    return {"module": module, "args": (), "kwargs": inputs}


def autoformer() -> Example:
    """Auto-correlation in place of attention. No mask is asked for, but tracing has one made, of another size than scores."""
    module = make("AutoformerConfig", "AutoformerModel",
                  dict(prediction_length=8, context_length=24, lags_sequence=[1, 2], num_time_features=2, d_model=32, encoder_layers=1,
                       decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=64, decoder_ffn_dim=64,
                       label_length=8, use_cache=False))  # fmt: skip
    for part in (module.encoder, module.decoder):
        # Makes no mask where none is given; attention itself does not look.
        part.config._attn_implementation = "flash_attention_2"
    past, future = 26, 8
    inputs = {"past_values": torch.randn(2, past), "past_time_features": torch.randn(2, past, 2),
              "past_observed_mask": torch.ones(2, past), "future_values": torch.randn(2, future),
              "future_time_features": torch.randn(2, future, 2)}  # fmt: skip
    return {"module": module, "args": (), "kwargs": inputs}
