"""The models that are measured on a GPU, in bfloat16 (but for `models/my_model.py`, which is measured beside them).

Enters: nothing. Leaves: modules with example inputs, for `compiler.driver.export --function=NAME` on a machine without a GPU, and
for the other contenders on one with.

    mlp_1, mlp_256      4 x (Linear 4096 + GELU) on 1 and 256 rows
    norms               LayerNorm, GELU, residual, LayerNorm, softmax on [8192, 4096]
    decoder_step        one token through 8 blocks of width 2048: 16 heads, 4 of keys and values, ffn 5632, a cache of 2047
    decoder_prefill     512 tokens through the same

Invariants: the same function gives the same weights on every machine: a pseudo-random sequence that repeats after PERIOD values, so
that a library with its weights compresses to a few megabytes and can be sent to where the GPU is.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Built = tuple[nn.Module, tuple[Tensor, ...]]

PERIOD = 100_003  # prime: no two rows of a matrix begin alike


def fill(module: nn.Module) -> nn.Module:
    """Gives every matrix the repeating sequence, scaled by the products in each of its results, and every bias a hundredth of it."""
    generator = torch.Generator().manual_seed(0)
    sequence = torch.randn(PERIOD, generator=generator)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if parameter.ndim < 2 and not name.endswith("bias"):
                continue  # weights of norms stay ones
            repeats = -(-parameter.numel() // PERIOD)
            depth = parameter.numel() // parameter.shape[0]
            scale = depth**-0.5 if parameter.ndim > 1 else 0.01
            values = (sequence * scale).to(parameter.dtype)
            parameter.copy_(values.repeat(repeats)[: parameter.numel()].view_as(parameter))
    return module.eval()


class Norms(nn.Module):
    """softmax(LayerNorm(x + GELU(LayerNorm(x))))."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.LayerNorm(width)
        self.second = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        """x: [rows, width] -> [rows, width]."""
        mixed: Tensor = self.second(x + F.gelu(self.first(x)))
        return mixed.softmax(-1)


class Block(nn.Module):
    """A decoder's block: RMSNorm, attention with grouped keys and values, RMSNorm, gated feed-forward."""

    def __init__(self, width: int, heads: int, kv_heads: int, ffn: int) -> None:
        super().__init__()
        self.heads, self.kv_heads, self.size = heads, kv_heads, width // heads
        self.attention_norm = nn.RMSNorm(width)
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(width, kv_heads * self.size, bias=False)
        self.value = nn.Linear(width, kv_heads * self.size, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.ffn_norm = nn.RMSNorm(width)
        self.gate = nn.Linear(width, ffn, bias=False)
        self.up = nn.Linear(width, ffn, bias=False)
        self.down = nn.Linear(ffn, width, bias=False)

    def split(self, x: Tensor, heads: int) -> Tensor:
        """[batch, tokens, heads * size] -> [batch, heads, tokens, size]."""
        return x.view(x.shape[0], x.shape[1], heads, self.size).transpose(1, 2)

    def forward(self, x: Tensor, cache: tuple[Tensor, Tensor] | None) -> Tensor:
        """x: [batch, tokens, width]; cache: keys and values [batch, kv_heads, past, size]."""
        normal = self.attention_norm(x)
        query = self.split(self.query(normal), self.heads)
        key, value = (
            self.split(self.key(normal), self.kv_heads),
            self.split(self.value(normal), self.kv_heads),
        )
        if cache is not None:
            key, value = torch.cat([cache[0], key], 2), torch.cat([cache[1], value], 2)
        mixed = F.scaled_dot_product_attention(query, key, value, is_causal=cache is None, enable_gqa=True)
        x = x + self.out(mixed.transpose(1, 2).reshape(x.shape))
        normal = self.ffn_norm(x)
        added: Tensor = self.down(F.silu(self.gate(normal)) * self.up(normal))
        return x + added


class Decoder(nn.Module):
    """Blocks one after the other; with a cache: keys, values [blocks, batch, kv_heads, past, size]."""

    def __init__(self, blocks: int, width: int, heads: int, kv_heads: int, ffn: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(width, heads, kv_heads, ffn) for _ in range(blocks))

    def forward(self, x: Tensor, keys: Tensor | None = None, values: Tensor | None = None) -> Tensor:
        """x: [batch, tokens, width] -> the same."""
        for i, block in enumerate(self.blocks):
            x = block(x, None if keys is None or values is None else (keys[i], values[i]))
        return x


def _normal(*shape: int) -> Tensor:
    return torch.randn(*shape).to(torch.bfloat16)


def _mlp(rows: int) -> Built:
    layers = [layer for _ in range(4) for layer in (nn.Linear(4096, 4096), nn.GELU())]
    return fill(nn.Sequential(*layers).to(torch.bfloat16)), (_normal(rows, 4096),)


def mlp_1() -> Built:
    """[1, 4096]."""
    return _mlp(1)


def mlp_256() -> Built:
    """[256, 4096]."""
    return _mlp(256)


def norms() -> Built:
    """[8192, 4096]."""
    return fill(Norms(4096).to(torch.bfloat16)), (_normal(8192, 4096),)


def _decoder(blocks: int) -> nn.Module:
    return fill(Decoder(blocks, width=2048, heads=16, kv_heads=4, ffn=5632).to(torch.bfloat16))


def decoder_step(blocks: int = 8, past: int = 2047) -> Built:
    """One token [1, 1, 2048] after `past` others."""
    cache = [_normal(blocks, 1, 4, past, 128) for _ in range(2)]
    return _decoder(blocks), (_normal(1, 1, 2048), *cache)


def decoder_prefill(blocks: int = 8) -> Built:
    """[1, 512, 2048]."""
    return _decoder(blocks), (_normal(1, 512, 2048),)
