"""Models of the serving tests, with weights by formula, so that a C++ test can repeat what they compute (serving_models.h).

`rows`: any number of rows, for batching; `large_rows`: the same with more weights than an update makes on the calling thread.
`prefill` and `decode`: two methods of one module, which share parameters, a cache and a count, for packages and sessions.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim

WIDTH, LENGTH, WORDS, PROMPT = 16, 32, 50, 8
MANY_WORDS = 20_000  # 1.28 MB: decision 0025 begins at a MiB


def _formula(rows: int, columns: int, factor: int) -> Tensor:
    """((factor i + 3 j) mod 11 - 5) / 8."""
    i, j = torch.arange(rows)[:, None], torch.arange(columns)[None]
    return (((factor * i + 3 * j) % 11) - 5).float() / 8


class Rows(nn.Module):
    def __init__(self, words: int = WORDS) -> None:
        super().__init__()
        self.proj = nn.Linear(WIDTH, WIDTH)
        self.table = nn.Embedding(words, WIDTH)
        self.proj.weight.data = _formula(WIDTH, WIDTH, 7)
        self.proj.bias.data = _formula(1, WIDTH, 0)[0]
        self.table.weight.data = _formula(words, WIDTH, 5)

    def forward(self, x: Tensor, ids: Tensor) -> tuple[Tensor, Tensor]:
        """x: [b, 16], ids: [b, 2]."""
        h = torch.relu(self.proj(x)) + self.table(ids).sum(1)
        return h, h.sum(1)


class Decoder(nn.Module):
    """cache: [32, 16], of which `count` rows are used."""

    cache: Tensor
    count: Tensor

    def __init__(self, prompt: bool) -> None:
        super().__init__()
        self.prompt = prompt
        self.proj = nn.Linear(WIDTH, WIDTH)
        self.proj.weight.data = _formula(WIDTH, WIDTH, 7)
        self.proj.bias.data = _formula(1, WIDTH, 0)[0]
        self.table = nn.Parameter(_formula(WORDS, WIDTH, 5))
        self.register_buffer("cache", torch.zeros(LENGTH, WIDTH))
        self.register_buffer("count", torch.zeros(1, dtype=torch.int64))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x: [8, 16] of the prompt, [1, 16] of a step."""
        keys = self.proj(x)
        if self.prompt:
            self.cache.index_copy_(0, torch.arange(PROMPT), keys)
            self.count.fill_(PROMPT)
        else:
            self.cache.index_copy_(0, self.count, keys)
            self.count.add_(1)
        return self.cache.sum(0) + self.table[3], self.count.clone()


def rows(words: int = WORDS) -> dict[str, Any]:
    batch = Dim("b", min=1, max=64)
    example = (torch.zeros(4, WIDTH), torch.zeros(4, 2, dtype=torch.int64))
    return {"module": Rows(words).eval(), "args": example, "dynamic_shapes": ({0: batch}, {0: batch})}


def large_rows() -> dict[str, Any]:
    return rows(MANY_WORDS)


def prefill() -> dict[str, Any]:
    return {"module": Decoder(prompt=True).eval(), "args": (torch.zeros(PROMPT, WIDTH),)}


def decode() -> dict[str, Any]:
    return {"module": Decoder(prompt=False).eval(), "args": (torch.zeros(1, WIDTH),)}
