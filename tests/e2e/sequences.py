"""Normalisation, softmax, attention, embedding: what transformers consist of."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.e2e.case import Input, booleans, combine, integers, net, normal, of


class Attention(nn.Module):
    """Multi-head self-attention with its projections."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(channels, 3 * channels)
        self.out = nn.Linear(channels, channels)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        b, s, c = x.shape
        q, k, v = self.qkv(x).view(b, s, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.out(y.transpose(1, 2).reshape(b, s, c))  # type: ignore[no-any-return]


class Block(nn.Module):
    """A transformer block with the norms in front."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.attention = Attention(channels, heads)
        self.mlp = nn.Sequential(
            nn.Linear(channels, 4 * channels), nn.GELU(), nn.Linear(4 * channels, channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))  # type: ignore[no-any-return]


class EmbeddingMean(nn.Module):
    """The mean of the embeddings that a mask keeps."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(100, 24, padding_idx=0)
        self.positions = nn.Parameter(torch.randn(16, 24))

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        x = self.words(ids) + self.positions[: ids.shape[1]]
        weight = mask.unsqueeze(-1).to(x.dtype)
        mean: Tensor = (x * weight).sum(1) / weight.sum(1).clamp(min=1e-6)
        return mean


class RMSNorm(nn.Module):
    """Root mean square normalisation written out."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.rand(channels) + 0.5)

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * self.weight


def rotary(x: Tensor) -> Tensor:
    """Rotary position embedding, [B, H, S, D]."""
    size = x.shape[-1]
    angle = torch.arange(x.shape[-2])[:, None] / 10000 ** (torch.arange(0, size, 2) / size)
    even, odd = x[..., ::2], x[..., 1::2]
    turned = torch.stack((even * angle.cos() - odd * angle.sin(), even * angle.sin() + odd * angle.cos()), -1)
    return turned.flatten(-2)


def attention(*sizes: int) -> tuple[Input, ...]:
    """Query, key and value of (B, H, Sq, Sk, D)."""
    b, h, sq, sk, d = sizes
    return normal(b, h, sq, d), normal(b, h, sk, d), normal(b, h, sk, d)


def manual_attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
    """Attention out of its parts."""
    scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5
    weights = torch.softmax(scores.masked_fill(~mask, float("-inf")), -1)
    return torch.matmul(weights, v)


def grouped(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """A quarter of the heads have keys and values."""
    heads = q.shape[1] // 4
    return F.scaled_dot_product_attention(q, k[:, :heads], v[:, :heads], enable_gqa=True)


def grouped_bfloat16(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return grouped(q.bfloat16(), k.bfloat16(), v.bfloat16()).float()


def causal_bfloat16(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return F.scaled_dot_product_attention(q.bfloat16(), k.bfloat16(), v.bfloat16(), is_causal=True).float()


def padded_attention(q: Tensor, k: Tensor, v: Tensor, count: Tensor) -> Tensor:
    """Attention to the first `count` keys."""
    mask = (torch.arange(k.shape[2]) < count)[None, None, None]
    return F.scaled_dot_product_attention(q, k, v, mask)


CASES = [
    of("softmax_last", lambda x: x.softmax(-1), normal(7, 130, scale=4.0)),
    of("softmax_first", lambda x: x.softmax(0), normal(40, 9)),
    of("softmax_middle", lambda x: x.softmax(1), normal(3, 20, 5)),
    of("softmax_one", lambda x: x.softmax(-1), normal(4, 1)),
    of("log_softmax", lambda x: x.log_softmax(-1), normal(5, 33, scale=4.0)),
    of("softmax_large", lambda x: x.softmax(-1), normal(3, 50, scale=100.0)),
    of("logsumexp", lambda x: (x.logsumexp(1), x.logsumexp((0, 1))), normal(6, 21)),
    net("layer_norm", lambda: nn.LayerNorm(100), normal(9, 100, shift=5.0)),
    net("layer_norm_plain", lambda: nn.LayerNorm(24, elementwise_affine=False), normal(3, 5, 24)),
    net("layer_norm_two_dims", lambda: nn.LayerNorm((6, 8)), normal(4, 6, 8)),
    net("layer_norm_no_bias", lambda: nn.LayerNorm(31, bias=False), normal(2, 31)),
    net("group_norm", lambda: nn.GroupNorm(3, 12), normal(2, 12, 5, 5)),
    net("instance_norm", lambda: nn.InstanceNorm2d(4, affine=True), normal(2, 4, 6, 6)),
    net("rms_norm", lambda: RMSNorm(48), normal(4, 7, 48)),
    net("norm_gelu_softmax", lambda: nn.Sequential(nn.LayerNorm(64), nn.GELU(), nn.Softmax(-1)), normal(16, 64)),
    of("normalize", lambda x: (F.normalize(x, dim=1), x.norm(dim=-1), x.norm(p=1)), normal(8, 20)),
    net("embedding", lambda: nn.Embedding(50, 12), integers(3, 7, low=0, high=50)),
    net("embedding_mean", EmbeddingMean, integers(2, 10, low=0, high=100), booleans(2, 10)),
    of("attention", F.scaled_dot_product_attention, *attention(2, 3, 17, 17, 16)),
    of("attention_cross", F.scaled_dot_product_attention, *attention(1, 2, 5, 40, 32)),
    of("attention_causal", lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True), *attention(1, 2, 19, 19, 8)),
    of("attention_scale", lambda q, k, v: F.scaled_dot_product_attention(q, k, v, scale=0.3), *attention(1, 1, 9, 9, 24)),
    of("attention_mask", F.scaled_dot_product_attention, *attention(2, 2, 12, 12, 16), normal(2, 1, 12, 12)),
    of("attention_padding", padded_attention, *attention(1, 2, 20, 20, 16), integers(low=5, high=15)),
    of("attention_bfloat16", causal_bfloat16, *attention(2, 3, 19, 19, 16)),
    of("attention_bfloat16_grouped", grouped_bfloat16, *attention(1, 4, 1, 77, 16)),
    of("attention_grouped", grouped, *attention(1, 8, 1, 100, 16)),
    of("attention_one_query", F.scaled_dot_product_attention, *attention(1, 4, 1, 100, 16)),
    of("attention_by_hand", manual_attention, *attention(1, 2, 8, 8, 16), Input((8, 8), lambda s: torch.ones(s).tril().bool())),
    net("attention_block", lambda: Attention(48, 4), normal(2, 15, 48)),
    net("transformer_block", lambda: Block(64, 4), normal(1, 21, 64)),
    net("transformer_two_blocks", lambda: nn.Sequential(Block(32, 2), Block(32, 2)), normal(2, 9, 32)),
    net("encoder_layer", lambda: nn.TransformerEncoderLayer(32, 4, 64, batch_first=True), normal(2, 7, 32)),
    of("rotary", rotary, normal(1, 2, 10, 16)),
]  # fmt: skip


def build() -> tuple[nn.Module, tuple[Tensor, ...]]:
    """All cases as one model."""
    return combine(CASES)
