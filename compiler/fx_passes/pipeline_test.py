"""The FX passes: what each leaves behind, read from the printed graph. That results stay right is tested in lowering."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from compiler.frontend.load import from_program
from compiler.fx_passes import pipeline
from compiler.ir.aten_ops import REWRITTEN
from compiler.ir.graph import ModelGraph
from compiler.ir.graph_text import print_graph
from compiler.support.options import CompileOptions, Context


class _Module(nn.Module):
    def __init__(self, function: Callable[..., Any], *parts: nn.Module) -> None:
        super().__init__()
        self.function = function
        self.parts = nn.ModuleList(parts)

    def forward(self, *args: torch.Tensor) -> Any:
        return self.function(*self.parts, *args)


def _run(
    function: Callable[..., Any], parts: tuple[nn.Module, ...], *inputs: torch.Tensor, device: str = "cpu"
) -> ModelGraph:
    ctx = Context(CompileOptions("case", device=device))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exported = torch.export.export(_Module(function, *parts).eval(), inputs, strict=False)
        return pipeline.run(from_program(exported, ctx), ctx)


def _operators(graph: ModelGraph) -> list[str]:
    return [str(n.target).split(".")[1] for n in graph.module.graph.nodes if n.op == "call_function"]


def test_what_changes_nothing_is_removed() -> None:
    def function(x: torch.Tensor) -> torch.Tensor:
        y = F.dropout(x.to(torch.float32).clone().expand(3, 4), 0.5, False)
        return y.view(3, 4).permute(0, 1)[:, :9] * 1 + 1

    assert _operators(_run(function, (), torch.randn(3, 4))) == ["add"]


def test_a_tensor_made_of_numbers_is_a_constant_as_it_is() -> None:
    """Export copies it and detaches the copy in place, which data that lies in a file's bytes does not take."""
    graph = _run(lambda x: x + torch.tensor([1.0, 2.0, 3.0]), (), torch.randn(2, 3))
    assert _operators(graph) == ["add"]
    assert [c.kind for c in graph.constants] == ["tensor"]


def test_constants_behind_a_removed_copy_are_folded() -> None:
    def function(table: nn.Embedding, x: torch.Tensor) -> torch.Tensor:
        turned = table.weight.sin().t().contiguous()
        return x + turned.view(12).cos()

    table = nn.Embedding(3, 4)
    graph = _run(function, (table,), torch.randn(12))
    assert _operators(graph) == ["add"]
    (folded,) = graph.data.values()
    assert torch.equal(folded.flatten(), table.weight.detach().sin().t().flatten().cos())


def test_pieces_of_a_constant_are_folded() -> None:
    def function(table: nn.Embedding, x: torch.Tensor) -> torch.Tensor:
        first, second = torch.split(table.weight, [1, 2])
        return x + first.sin() * second.cos()

    table = nn.Embedding(3, 4)
    graph = _run(function, (table,), torch.randn(2, 4))
    assert _operators(graph) == ["add"]
    (folded,) = graph.data.values()
    assert torch.equal(folded, (table.weight[:1].sin() * table.weight[1:].cos()).detach())


def test_dead_code_goes_with_its_constants() -> None:
    def function(linear: nn.Linear, x: torch.Tensor) -> torch.Tensor:
        linear(x)
        return x + 1

    graph = _run(function, (nn.Linear(4, 4),), torch.randn(3, 4))
    assert _operators(graph) == ["add"] and not graph.constants and not graph.data


def test_equal_calls_become_one_but_signed_zeros_differ() -> None:
    def function(x: torch.Tensor) -> torch.Tensor:
        same = torch.sin(x) + torch.sin(x)
        return same + torch.where(x > 0, x, 0.0) + torch.where(x > 0, x, -0.0)

    assert _operators(_run(function, (), torch.randn(3))).count("sin") == 1
    assert _operators(_run(function, (), torch.randn(3))).count("where") == 2


def test_products_are_written_as_linear_mm_and_bmm() -> None:
    def function(layer: nn.Linear, x: torch.Tensor, y: torch.Tensor) -> Any:
        by_weight = torch.addmm(layer.bias, x, layer.weight.t()) + torch.matmul(x, layer.weight.t())
        return by_weight, x @ y, torch.matmul(x[None, None], y[None].expand(5, 4, 3)), F.linear(x, y.t())

    graph = _run(function, (nn.Linear(4, 3),), torch.randn(2, 4), torch.randn(4, 3))
    found = _operators(graph)
    assert found.count("linear") == 2 and "mm" in found and "bmm" in found
    assert not REWRITTEN & {str(n.target) for n in graph.module.graph.nodes}


def test_batch_norm_is_folded_into_the_convolution_in_float64() -> None:
    conv, bn = nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4)
    bn.running_mean, bn.running_var = torch.randn(4), torch.rand(4) + 0.5
    nn.init.normal_(bn.weight)
    graph = _run(lambda c, n, x: n(c(x)), (conv, bn), torch.randn(1, 3, 6, 6))
    assert _operators(graph) == ["conv2d"]
    assert bn.weight is not None
    factor = bn.weight.detach().double() / torch.sqrt(bn.running_var.double() + bn.eps)
    folded = next(v for k, v in graph.data.items() if k.endswith(":normalized"))
    torch.testing.assert_close(
        folded, (conv.weight.detach() * factor[:, None, None, None]).float(), rtol=0, atol=0
    )


def test_a_shared_convolution_keeps_its_weights() -> None:
    def function(conv: nn.Conv2d, bn: nn.BatchNorm2d, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = conv(x)
        normal: torch.Tensor = bn(y)
        return normal + y

    graph = _run(function, (nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)), torch.randn(1, 3, 6, 6))
    assert _operators(graph) == ["conv2d", "mul", "add", "add"]


def test_constants_are_folded_but_not_views_of_weights_or_large_patterns() -> None:
    def function(layer: nn.Linear, x: torch.Tensor) -> Any:
        table = torch.cos(torch.arange(4) * 0.5) + layer.bias.exp()
        pattern = torch.arange(1 << 20).view(1024, 1024) % 7
        return x * table[None, :] + layer.weight.t()[0], pattern

    graph = _run(function, (nn.Linear(4, 4),), torch.randn(3, 4))
    assert [c.kind for c in graph.constants] == ["folded", "parameter"]
    assert "exp" not in _operators(graph) and "remainder" in _operators(graph)


def test_random_numbers_are_never_folded_or_shared() -> None:
    graph = _run(lambda x: x + torch.rand(3) + torch.rand(3), (), torch.randn(3))
    assert _operators(graph).count("rand") == 2


def test_masks_of_all_layers_become_one_additive_mask() -> None:
    def function(x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        for _ in range(3):
            x = F.scaled_dot_product_attention(x, x, x, attn_mask=mask[:, None, None, :])
        return x

    graph = _run(function, (), torch.randn(2, 3, 5, 8), torch.ones(2, 5, dtype=torch.bool))
    assert _operators(graph).count("where") == 1


def test_linears_of_one_input_merge_only_into_memory() -> None:
    def attention(q: nn.Linear, k: nn.Linear, v: nn.Linear, x: torch.Tensor) -> torch.Tensor:
        return F.scaled_dot_product_attention(q(x), k(x), v(x))

    layers = tuple(nn.Linear(8, 8) for _ in range(3))
    graph = _run(attention, layers, torch.randn(2, 5, 8))
    assert _operators(graph).count("linear") == 1 and len(graph.constants) == 2
    graph = _run(lambda q, k, v, x: F.silu(q(x)) * k(x) + v(x), layers, torch.randn(2, 5, 8))
    assert _operators(graph).count("linear") == 3


def test_large_linears_of_one_input_merge_on_a_gpu_whatever_reads_them() -> None:
    def feed_forward(gate: nn.Linear, up: nn.Linear, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = F.silu(gate(x)) * up(x)
        return result

    layers = tuple(nn.Linear(512, 8, bias=False) for _ in range(2))
    many, few = torch.randn(2, 128, 512), torch.randn(2, 100, 512)
    for x, device, count in ((many, "cuda", 1), (few, "cuda", 2), (many, "cpu", 2)):
        assert _operators(_run(feed_forward, layers, x, device=device)).count("linear") == count


def test_every_node_keeps_an_origin_and_a_type() -> None:
    graph = _run(lambda a, b, x: b(a(x)), (nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)), torch.randn(1, 3, 6, 6))
    for node in graph.module.graph.nodes:
        assert node.op == "output" or ("origin" in node.meta and "val" in node.meta)
    assert "pipeline_test.py:" in print_graph(graph)
