"""Matrix products and attention against eager in float64, and which kernels they become."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from compiler.ir import dtypes
from compiler.ir.loop import Program, Reduction, TemplateKernel
from compiler.lowering.testing.case_harness import Argument, check
from compiler.support.options import CompileOptions

MASK = torch.tensor([[True, True, False, True, False, True, True]])
FLOAT_MASK = torch.where(MASK, 0.0, -1e9)


class Attention(nn.Module):
    """Explicit multi-head attention as many models write it."""

    def __init__(self, scale_first: bool = False) -> None:
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(16, 16) for _ in range(3))
        self.scale_first = scale_first

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        q, k, v = (p(x).view(2, 7, 4, 4).transpose(1, 2) for p in (self.q, self.k, self.v))
        scores = (q * 0.5) @ k.transpose(-1, -2) if self.scale_first else q @ k.transpose(-1, -2) / 2.0 + mask
        heads: torch.Tensor = F.softmax(scores, -1) @ v
        return heads.transpose(1, 2).reshape(2, 7, 16)


class Projections(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gate, self.up, self.down = nn.Linear(8, 12), nn.Linear(8, 12), nn.Linear(12, 8, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.down(F.silu(self.gate(x)) * self.up(x))
        return result


class Sliced(nn.Module):
    """A linear layer of rows that lie apart in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(6, 5).bfloat16()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(x[:, :6])  # type: ignore[no-any-return]


SMALL_INTEGERS = torch.arange(6, dtype=torch.int8).reshape(2, 3)
CASES: dict[str, tuple[Callable[..., Any], tuple[Argument, ...]]] = {
    "linear of small integers": (lambda x: F.linear(x, x.flip(0)), (SMALL_INTEGERS,)),
    "scaled sums of small integers": (
        lambda x: (
            torch.baddbmm(x, x[None], torch.ones(1, 3, 3, dtype=torch.int8), beta=2.6, alpha=1.5),
            torch.addbmm(x, x[None], torch.ones(1, 3, 3, dtype=torch.int8), beta=0.6, alpha=3.2),
        ),
        (SMALL_INTEGERS,),
    ),
    "bilinear of integers": (
        lambda x: F.bilinear(x, x, torch.ones(4, 3, 3, dtype=torch.int8)),
        (SMALL_INTEGERS,),
    ),
    "mm": (lambda x, y: x @ y, ((5, 7), (7, 3))),
    "mm of views": (lambda x, y: x.t() @ y.t(), ((7, 5), (3, 7))),
    "mm of computed": (lambda x, y: torch.cos(torch.sin(x) @ (y + 1)), ((5, 7), (7, 3))),
    "one row": (lambda x, y: torch.sin(x) @ torch.cos(y) + 1, ((1, 7), (7, 3))),
    "one column": (lambda x, y: torch.bmm(torch.sin(x), torch.cos(y)), ((4, 5, 7), (4, 7, 1))),
    "one row of bfloat16": (
        lambda x, y: x @ y,
        (torch.randn(1, 64).bfloat16(), torch.randn(64, 5).bfloat16()),
    ),
    "linear to one": (nn.Linear(7, 1), ((4, 7),)),
    "linear to one, bfloat16": (nn.Linear(7, 1).bfloat16(), (torch.randn(4, 7).bfloat16(),)),
    "bmm": (lambda x, y: torch.bmm(x, y), ((4, 5, 7), (4, 7, 3))),
    "matmul broadcasts": (lambda x, y: x @ y, ((2, 1, 5, 7), (3, 7, 4))),
    "matmul by a matrix": (lambda x, y: x @ y, ((2, 5, 7), (7, 4))),
    "vectors": (lambda x, y, m: (x @ y, x @ m, m @ y[:3], torch.outer(x, y)), ((5,), (5,), (5, 3))),
    "matrix times vector": (lambda m, x: torch.mv(m, x), ((4, 5), (5,))),
    "addmm": (lambda b, x, y: torch.addmm(b, x, y, alpha=2.0, beta=0.5), ((3,), (5, 7), (7, 3))),
    "addmm beta 0": (
        lambda b, x, y: torch.addmm(b, x, y, beta=0),
        (torch.full((3,), float("nan")), (5, 7), (7, 3)),
    ),
    "baddbmm": (lambda b, x, y: torch.baddbmm(b, x, y, alpha=0.5), ((4, 5, 3), (4, 5, 7), (4, 7, 3))),
    "einsum": (lambda x, y: torch.einsum("bij,bkj->bik", x, y), ((2, 3, 4), (2, 5, 4))),
    "linear": (nn.Linear(7, 5), ((4, 7),)),
    "linear three dims": (nn.Linear(7, 5, bias=False), ((2, 3, 7),)),
    "linear one dim": (nn.Linear(7, 5), ((7,),)),
    "linear computed weight": (lambda x, w, b: F.linear(x, w, b), ((2, 3, 7), (5, 7), (5,))),
    "gated": (Projections(), ((2, 3, 8),)),
    "inner dim 0": (lambda x, y: x @ y + 1, ((3, 0), (0, 4))),
    "no rows": (lambda x, y: x @ y, ((0, 3), (3, 4))),
    "float64": (
        lambda x, y: x @ y,
        (torch.randn(3, 4, dtype=torch.float64), torch.randn(4, 5, dtype=torch.float64)),
    ),
    "integers": (lambda x, y: x @ y, (torch.arange(6).view(2, 3), torch.arange(12).view(3, 4))),
    "bfloat16": (lambda x, y: x @ y, (torch.randn(3, 64).bfloat16(), torch.randn(64, 5).bfloat16())),
    "bfloat16 weight, even K": (nn.Linear(6, 5).bfloat16(), (torch.randn(4, 6).bfloat16(),)),
    "bfloat16 weight, rows an odd number apart": (
        Sliced(),
        (torch.randn(4, 7).bfloat16(),),
    ),
    "float16 weight": (nn.Linear(6, 5).half(), (torch.randn(4, 6).half(),)),
    "bfloat16 weight": (nn.Linear(7, 5).bfloat16(), (torch.randn(4, 7).bfloat16(),)),
    "attention": (
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v),
        ((2, 3, 5, 8), (2, 3, 7, 8), (2, 3, 7, 6)),
    ),
    "attention causal": (
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=0.3),
        ((2, 3, 7, 8), (2, 3, 7, 8), (2, 3, 7, 8)),
    ),
    "attention bool mask": (
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, attn_mask=MASK),
        ((2, 3, 5, 8), (2, 3, 7, 8), (2, 3, 7, 8)),
    ),
    "attention float mask": (
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, attn_mask=FLOAT_MASK),
        ((2, 3, 5, 8), (2, 3, 7, 8), (2, 3, 7, 8)),
    ),
    "attention nothing to attend to": (
        lambda q, k, v: F.scaled_dot_product_attention(
            q, k, v, attn_mask=torch.zeros(5, 7, dtype=torch.bool)
        ),
        ((2, 3, 5, 8), (2, 3, 7, 8), (2, 3, 7, 8)),
    ),
    "attention grouped": (
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, enable_gqa=True),
        ((2, 6, 5, 8), (2, 2, 7, 8), (2, 2, 7, 8)),
    ),
    "attention bfloat16": (
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True),
        tuple(torch.randn(2, 3, 7, 8).bfloat16() for _ in range(3)),
    ),
    "attention bfloat16 odd head size": (
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v),
        tuple(torch.randn(2, 3, 5, 7).bfloat16() for _ in range(3)),
    ),
    "attention three dims": (
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v),
        ((3, 5, 8), (3, 7, 8), (3, 7, 8)),
    ),
    "attention two dims": (lambda q, k, v: F.scaled_dot_product_attention(q, k, v), ((5, 8), (7, 8), (7, 8))),
    "attention float64": (
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True),
        tuple(torch.randn(2, 3, 5, 8, dtype=torch.float64) for _ in range(3)),
    ),
    "attention explicit": (Attention(), ((2, 7, 16), FLOAT_MASK)),
    "attention scaled first": (Attention(True), ((2, 7, 16), FLOAT_MASK)),
    "attention filled": (
        lambda q, k, v: F.softmax((q @ k.transpose(1, 2)).masked_fill(~MASK, float("-inf")) * 1.0, -1) @ v,
        ((3, 5, 8), (3, 7, 8), (3, 7, 8)),
    ),
    "multi-head module": (lambda x: _multi_head(x), ((2, 7, 16),)),
}

_MULTI_HEAD = nn.MultiheadAttention(16, 4, batch_first=True).eval()


def _multi_head(x: torch.Tensor) -> torch.Tensor:
    module = _MULTI_HEAD.double() if x.dtype == torch.float64 else _MULTI_HEAD.float()
    result: torch.Tensor = module(x, x, x, need_weights=False)[0]
    return result


@pytest.mark.parametrize("name", CASES)
def test_products(name: str) -> None:
    torch.backends.mha.set_fastpath_enabled(False)
    function, arguments = CASES[name]
    check(function, *arguments)


def _templates(program: Program) -> list[str]:
    return [n.template for n in program.nodes if isinstance(n, TemplateKernel)]


def test_linear_packs_its_weight_once_and_keeps_no_plain_copy() -> None:
    program = check(nn.Linear(7, 5), (4, 7))
    assert _templates(program) == ["gemm"]
    assert {(c.fqn, c.packing, c.transpose) for c in program.constants} == {
        ("inner.weight", "panel16", True),
        ("inner.bias", "", False),
    }
    assert [c.layout.size[0].value() for c in program.constants if c.packing] == [16 * 7]


class Experts(nn.Module):
    """Each row by the matrix that was chosen for it."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.randn(3, 6, 8))

    def forward(self, x: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
        return torch.bmm(self.weights[chosen], x.unsqueeze(-1)).squeeze(-1)


def test_a_batch_of_matrices_by_vectors_copies_no_matrix() -> None:
    program = check(Experts(), (5, 8), torch.tensor([2, 0, 1, 1, -1]))
    (node,) = program.nodes
    assert isinstance(node, Reduction) and node.layout.size[1].value() == 6


def test_one_row_by_a_constant_matrix_keeps_the_packed_weight() -> None:
    assert _templates(check(nn.Linear(7, 5), (1, 7))) == ["gemm"]


def test_query_key_and_value_become_one_product() -> None:
    program = check(Attention(), (2, 7, 16), FLOAT_MASK)
    assert _templates(program) == ["gemm", "attention"]


def test_linears_with_epilogues_stay_apart() -> None:
    assert _templates(check(Projections(), (2, 3, 8))) == ["gemm"] * 3


class Fused(nn.Module):
    """Queries, keys and values are the thirds of one product."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(16, 48)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = (part.view(1, 7, 4, 4).transpose(1, 2) for part in self.qkv(x).chunk(3, -1))
        return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_parts_of_one_product_are_views_of_it(dtype: torch.dtype) -> None:
    program = check(Fused().to(dtype), torch.randn(1, 7, 16, dtype=dtype))
    # the pointwise node is the bias, which becomes the product's epilogue
    assert [getattr(n, "template", "pointwise") for n in program.nodes] == ["gemm", "pointwise", "attention"]


def test_bfloat16_stays_in_attention_where_rows_are_words() -> None:
    def attend(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        return F.scaled_dot_product_attention(q, k, v)

    for size, dtype in ((8, dtypes.bfloat16), (7, dtypes.float32)):
        program = check(attend, *(torch.randn(1, 2, 5, size).bfloat16() for _ in range(3)))
        (node,) = (n for n in program.nodes if isinstance(n, TemplateKernel))
        assert {o.layout.dtype for o in node.operands} == {node.layout.dtype} == {dtype}


def test_explicit_attention_is_recognised() -> None:
    program = check(Attention(True), (2, 7, 16), FLOAT_MASK)
    assert "attention" in _templates(program) and not any(isinstance(n, Reduction) for n in program.nodes)


def test_filled_attention_is_recognised() -> None:
    def filled(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        return F.softmax((q @ k.transpose(1, 2) / 3).masked_fill(~MASK, float("-inf")), -1) @ v

    assert _templates(check(filled, (3, 5, 8), (3, 7, 8), (3, 7, 8))) == ["attention"]


def test_tied_weights_are_one_constant() -> None:
    embedding = torch.nn.Parameter(torch.randn(10, 4))
    program = check(
        lambda x: F.linear(F.embedding(x, embedding.to(torch.float32)), embedding.to(torch.float32)),
        torch.tensor([1, 3]),
    )
    assert len({c.source for c in program.constants}) == 1


@pytest.mark.parametrize(
    ("left", "right"), [((2, 7, 12), (2, 12, 1)), ((7, 12), (12, 1)), ((2, 7, 12), (12,))]
)
def test_a_matrix_times_a_vector_is_one_row_on_a_gpu(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    """Which a template takes at the speed of memory; what it means is the same."""
    options = CompileOptions("case", device="cuda")
    program = check(lambda x, y: x @ y + 1, torch.randn(left), torch.randn(right), options=options)
    (node,) = (n for n in program.nodes if isinstance(n, TemplateKernel))
    rows = [str(node.param(name)) for name in "MNK"]
    assert node.template == "triton_gemm" and rows[0] == "1" and rows[2] == "12" and rows[1] in ("7", "14")
