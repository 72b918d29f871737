"""Operations and bytes of small models, counted by hand."""

from __future__ import annotations

import torch

from tools.bench import cost


class Lookup(torch.nn.Module):
    """Three of a hundred rows, then a linear layer without bias."""

    def __init__(self) -> None:
        super().__init__()
        self.table = torch.nn.Embedding(100, 8)
        self.linear = torch.nn.Linear(8, 5, bias=False)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """[3] -> [3, 5]."""
        result: torch.Tensor = self.linear(self.table(ids))
        return result


def test_a_table_counts_what_is_looked_up() -> None:
    ids = torch.tensor([1, 2, 3])
    found = cost.of_program(torch.export.export(Lookup(), (ids,)), [ids])
    assert found.operations == 2 * 3 * 8 * 5
    assert found.bytes == 3 * 8 + 3 * 8 * 4 + 8 * 5 * 4 + 3 * 5 * 4


class Attention(torch.nn.Module):
    """Attention of a sequence to itself."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[1, 2, 10, 8] -> the same."""
        return torch.nn.functional.scaled_dot_product_attention(x, x, x)


def test_attention_counts_both_products() -> None:
    x = torch.randn(1, 2, 10, 8)
    found = cost.of_program(torch.export.export(Attention(), (x,)), [x])
    assert found.operations == 2 * (2 * 10 * 10 * 8) * 2


def test_a_convolution_counts_as_a_direct_one() -> None:
    module, image = torch.nn.Conv2d(4, 6, 3, padding=1), torch.randn(1, 4, 10, 10)
    found = cost.of_program(torch.export.export(module, (image,)), [image])
    assert found.operations == 2 * 6 * 4 * 3 * 3 * 10 * 10
    assert found.bytes == 4 * (4 * 100 + 6 * 4 * 9 + 6 + 6 * 100)
