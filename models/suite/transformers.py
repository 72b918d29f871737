"""Transformers with seeded weights: BERT-base (128 tokens), ViT-B/16, GPT-2 small over a prompt and for one token.

Each has the sizes of the published network; linear layers for queries, keys and values are one.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Example = tuple[nn.Module, tuple[Tensor, ...]]

WIDTH, HEADS, LAYERS = 768, 12, 12
HEAD = WIDTH // HEADS


def _heads(x: Tensor) -> Tensor:
    """[N, S, WIDTH] -> [N, HEADS, S, HEAD]."""
    return x.view(*x.shape[:-1], HEADS, HEAD).transpose(1, 2)


class Block(nn.Module):
    """Attention and MLP; norms before (ViT, GPT-2) or behind (BERT) each."""

    def __init__(self, norm_first: bool, causal: bool, approximate: str) -> None:
        super().__init__()
        self.norm_first, self.causal, self.approximate = norm_first, causal, approximate
        self.qkv, self.project = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)
        self.norm_1, self.norm_2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)

    def attend(self, x: Tensor, past: tuple[Tensor, Tensor] | None) -> tuple[Tensor, Tensor, Tensor]:
        """The attention's output, and the keys and values that it read."""
        q, k, v = (_heads(part) for part in self.qkv(x).chunk(3, -1))
        if past is not None:
            k, v = torch.cat([past[0], k], 2), torch.cat([past[1], v], 2)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal and past is None)
        return self.project(y.transpose(1, 2).flatten(2)), k, v

    def mlp(self, x: Tensor) -> Tensor:
        """[N, S, WIDTH] -> the same."""
        result: Tensor = self.down(F.gelu(self.up(x), approximate=self.approximate))
        return result

    def forward(self, x: Tensor, past: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """[N, S, WIDTH] -> the same, with keys and values."""
        if self.norm_first:
            y, k, v = self.attend(self.norm_1(x), past)
            x = x + y
            return x + self.mlp(self.norm_2(x)), k, v
        y, k, v = self.attend(x, past)
        x = self.norm_1(x + y)
        x = x + self.mlp(x)
        return self.norm_2(x), k, v


def _blocks(norm_first: bool, causal: bool, approximate: str = "none") -> nn.ModuleList:
    return nn.ModuleList(Block(norm_first, causal, approximate) for _ in range(LAYERS))


class Bert(nn.Module):
    """Encoder (Devlin et al., arXiv:1810.04805), without pooler."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(30522, WIDTH), nn.Embedding(512, WIDTH)
        self.norm, self.blocks = nn.LayerNorm(WIDTH), _blocks(False, False)

    def forward(self, ids: Tensor) -> Tensor:
        """int64 [N, S] -> [N, S, WIDTH]."""
        x = self.norm(self.words(ids) + self.places.weight[: ids.shape[1]])
        for block in self.blocks:
            x, _, _ = block(x)
        result: Tensor = x
        return result


def bert_base() -> Example:
    """One text of 128 tokens."""
    return Bert().eval(), (torch.randint(0, 30522, (1, 128)),)


def bert_base_bfloat16() -> Example:
    """The same in bfloat16."""
    model, inputs = bert_base()
    return model.bfloat16(), inputs


class Vit(nn.Module):
    """Vision transformer (Dosovitskiy et al., arXiv:2010.11929), 16 x 16 patches of 224 x 224."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, WIDTH, 16, 16)
        self.first = nn.Parameter(torch.randn(1, 1, WIDTH) * 0.02)
        self.places = nn.Parameter(torch.randn(1, 197, WIDTH) * 0.02)
        self.blocks, self.norm, self.head = _blocks(True, False), nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 1000)

    def forward(self, image: Tensor) -> Tensor:
        """[N, 3, 224, 224] -> [N, 1000]."""
        x = self.patches(image).flatten(2).transpose(1, 2)
        x = torch.cat([self.first.expand(x.shape[0], -1, -1), x], 1) + self.places
        for block in self.blocks:
            x, _, _ = block(x)
        result: Tensor = self.head(self.norm(x[:, 0]))
        return result


def vit_b16() -> Example:
    """One image."""
    return Vit().eval(), (torch.randn(1, 3, 224, 224),)


class Gpt2(nn.Module):
    """Decoder (Radford et al., 2019, the small one); the last linear layer is the embedding's table."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(50257, WIDTH), nn.Embedding(1024, WIDTH)
        self.blocks, self.norm = _blocks(True, True, "tanh"), nn.LayerNorm(WIDTH)
        nn.init.normal_(self.words.weight, std=0.02)

    def forward(self, ids: Tensor, *past: Tensor) -> tuple[Tensor, ...]:
        """int64 [N, S], keys and values of each layer so far -> logits of the last token, keys and values."""
        start = past[0].shape[2] if past else 0
        x = self.words(ids) + self.places.weight[start : start + ids.shape[1]]
        state: list[Tensor] = []
        for i, block in enumerate(self.blocks):
            x, k, v = block(x, (past[2 * i], past[2 * i + 1]) if past else None)
            state += [k, v]
        return F.linear(self.norm(x[:, -1]), self.words.weight), *state


def gpt2_prompt() -> Example:
    """128 tokens at once."""
    return Gpt2().eval(), (torch.randint(0, 50257, (1, 128)),)


def gpt2_token() -> Example:
    """One token over a cache of 128."""
    cache = tuple(torch.randn(1, HEADS, 128, HEAD) for _ in range(2 * LAYERS))
    return Gpt2().eval(), (torch.randint(0, 50257, (1, 1)), *cache)


def gpt2_token_bfloat16() -> Example:
    """The same in bfloat16."""
    model, (ids, *cache) = gpt2_token()
    return model.bfloat16(), (ids, *(c.bfloat16() for c in cache))
