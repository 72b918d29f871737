"""Matrix products: linear layers, mm, bmm, addmm, matmul's broadcasting, einsum, with the epilogues that follow them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.e2e.case import Input, combine, integers, net, normal, of, permuted


def mlp(*sizes: int) -> nn.Module:
    """Linear layers with ReLU between them."""
    layers: list[nn.Module] = []
    for before, after in zip(sizes, sizes[1:], strict=False):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class Residual(nn.Module):
    """A linear layer with everything that may be fused behind it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(channels, channels)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        return F.gelu(self.linear(x)) * mask + x


class Narrow(nn.Module):
    """A layer in 16-bit floats between float32 neighbours."""

    def __init__(self, layer: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        self.layer, self.dtype = layer.to(dtype), dtype

    def forward(self, x: Tensor) -> Tensor:
        return F.gelu(self.layer(x.to(self.dtype)).float())


class SharedInput(nn.Module):
    """Three projections of one input, as attention has them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.projections = nn.ModuleList(nn.Linear(channels, n) for n in (channels, 2 * channels, 3))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return tuple(p(x) for p in self.projections)


class ConstantLeft(nn.Module):
    """The constant is the first operand."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(9, 20))

    def forward(self, x: Tensor) -> Tensor:
        return self.weight @ x


CASES = [
    net("mlp", lambda: mlp(64, 100, 100, 10), normal(32, 64)),
    # Enough outputs that the largest error of each side is no accident.
    net("mlp_one_row", lambda: mlp(256, 256, 256, 100), normal(1, 256)),
    net("linear_no_bias", lambda: nn.Linear(33, 17, bias=False), normal(5, 33)),
    net("linear_bfloat16", lambda: Narrow(nn.Linear(48, 33), torch.bfloat16), normal(7, 48)),
    net("linear_bfloat16_odd", lambda: Narrow(nn.Linear(47, 33), torch.bfloat16), normal(7, 47)),
    net("linear_float16", lambda: Narrow(nn.Linear(48, 33), torch.float16), normal(7, 48)),
    net(
        "conv_bfloat16",
        lambda: Narrow(nn.Conv2d(10, 20, 3, padding=1, stride=2), torch.bfloat16),
        normal(2, 10, 9, 8),
    ),
    net("linear_one_channel", lambda: nn.Linear(40, 1), normal(21, 40)),
    net("linear_one_input", lambda: nn.Linear(1, 50), normal(13, 1)),
    net("linear_rank_3", lambda: nn.Linear(24, 48), normal(2, 7, 24)),
    net("linear_rank_1", lambda: nn.Linear(24, 48), normal(24)),
    net("linear_permuted_input", lambda: nn.Linear(24, 31), permuted(normal(24, 9), 1, 0)),
    net("linear_large", lambda: nn.Linear(1000, 513), normal(130, 1000)),
    net("residual", lambda: Residual(48), normal(3, 10, 48), normal(48)),
    net("shared_input", lambda: SharedInput(40), normal(11, 40)),
    net("constant_left", ConstantLeft, normal(20, 14)),
    of("mm", torch.mm, normal(19, 23), normal(23, 35)),
    of("mm_transposed", lambda x, y: x.t() @ y.t(), normal(30, 12), normal(25, 30)),
    of("mm_epilogue", lambda x, y, z: (x @ y).relu() + z, normal(64, 64), normal(64, 64), normal(64)),
    of("mm_prologue", lambda x, y: x.sin() @ (y * 2), normal(15, 16), normal(16, 17)),
    of("mm_of_itself", lambda x: x @ x.t(), normal(18, 9)),
    of("mm_chain", lambda x, y, z: x @ y @ z, normal(8, 60), normal(60, 8), normal(8, 33)),
    of("mm_two_users", lambda x, y: ((z := x @ y).softmax(-1), z.sum(0)), normal(12, 12), normal(12, 12)),
    of("mm_inner_1", lambda x, y: x @ y, normal(6, 1), normal(1, 8)),
    of(
        "addmm",
        lambda c, x, y: torch.addmm(c, x, y, beta=0.5, alpha=2.0),
        normal(9, 11),
        normal(9, 5),
        normal(5, 11),
    ),
    of("matrix_vector", lambda x, y: (x @ y, y @ x.t(), torch.dot(y, y)), normal(22, 70), normal(70)),
    of("bmm", torch.bmm, normal(5, 12, 7), normal(5, 7, 9)),
    of("bmm_transposed", lambda x, y: torch.bmm(x, y.transpose(1, 2)), normal(3, 10, 16), normal(3, 20, 16)),
    of("baddbmm", lambda c, x, y: torch.baddbmm(c, x, y), normal(1, 4, 6), normal(3, 4, 5), normal(3, 5, 6)),
    of("matmul_broadcast", lambda x, y: x @ y, normal(4, 1, 6, 5), normal(3, 5, 8)),
    of("matmul_rank_3_by_2", lambda x, y: x @ y, normal(4, 6, 5), normal(5, 8)),
    of("einsum", lambda x, y: torch.einsum("bhid,bhjd->bhij", x, y), normal(2, 3, 5, 8), normal(2, 3, 7, 8)),
    of(
        "inverse",
        lambda x: (torch.linalg.inv(x + 3 * torch.eye(4)), torch.inverse(x[0]) * 2),
        normal(3, 4, 4),
    ),
    of(
        "solve",
        lambda a, b: (torch.linalg.solve(a, b), torch.linalg.solve(a[0], b[0, :, 0])),
        normal(2, 5, 5),
        normal(2, 5, 3),
    ),
    of("solve_broadcast", lambda a, b: torch.linalg.solve(a, b, left=False), normal(4, 4), normal(3, 2, 4)),
    of("determinant", lambda x: (torch.det(x), *torch.linalg.slogdet(x)), normal(3, 5, 5)),
    of("cholesky", lambda x: torch.linalg.cholesky(x @ x.mT + torch.eye(6)).relu(), normal(2, 6, 6)),
    of(
        "solve_triangular",
        lambda a, b: torch.linalg.solve_triangular(a + 3 * torch.eye(4), b, upper=True),
        normal(4, 4),
        normal(4, 7),
    ),
    of("qr", lambda x: (*torch.linalg.qr(x), *torch.linalg.qr(x, mode="complete")), normal(2, 6, 4)),
    of("lu", lambda x: tuple(torch.linalg.lu_factor(x)), permuted(normal(5, 7), 1, 0)),
    of(
        "embedding_bag",
        lambda w, i, o: [torch.nn.functional.embedding_bag(i, w, o, mode=m) for m in ("sum", "mean", "max")],
        normal(20, 6),
        integers(13, low=0, high=20),
        Input((4,), lambda s: torch.tensor([0, 3, 3, 9])),
    ),
    of("outer", lambda x, y: torch.outer(x, y) + 1, normal(13), normal(17)),
]


def build() -> tuple[nn.Module, tuple[Tensor, ...]]:
    """All cases as one model."""
    return combine(CASES)
