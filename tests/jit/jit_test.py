"""`jit.compile`: modules and functions through Dynamo, this compiler's stages and the Python wrapper, beside eager PyTorch in float64."""

from __future__ import annotations

import copy
import importlib
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from compiler.driver import export_oracle, jit


def distance(value: Tensor, oracle: Tensor) -> float:
    """Largest absolute difference; infinite where one is NaN and the other is not."""
    value, oracle = value.double(), oracle.double()
    if not torch.equal(value.isnan(), oracle.isnan()):
        return float("inf")
    same = (value == oracle) | value.isnan()
    return float((value - oracle).abs().masked_fill(same, 0).max()) if value.numel() else 0.0


def flat(outputs: Any) -> list[Tensor]:
    return [x for x in torch.utils._pytree.tree_leaves(outputs) if isinstance(x, Tensor)]


def made_after(number: int) -> list[jit.CompiledGraph]:
    return [c for c in jit.compiled() if c.number > number]


def last_number() -> int:
    return max((c.number for c in jit.compiled()), default=-1)


def check(
    compiled: Callable[..., Any],
    module: nn.Module,
    inputs: tuple[Tensor, ...],
    wide: nn.Module | None = None,
) -> None:
    """No further from float64 than twice eager's own distance (and one unit in the last place of the largest value). `wide`: the module in
    float64, where its code names a dtype."""
    wide = wide or copy.deepcopy(module).double()
    with torch.inference_mode():
        ours, eager = flat(compiled(*inputs)), flat(module(*inputs))
        with export_oracle.float64_by_default():
            oracle = flat(wide(*export_oracle.widen(inputs)))
    assert len(ours) == len(eager) == len(oracle)
    for number, (mine, theirs, truth) in enumerate(zip(ours, eager, oracle, strict=True)):
        assert (
            mine.dtype == theirs.dtype and mine.shape == theirs.shape and mine.stride() == theirs.stride()
        ), number
        if not mine.is_floating_point():
            assert torch.equal(mine, theirs), number
            continue
        finite = truth[truth.isfinite()]
        unit = torch.finfo(mine.dtype).eps * float(finite.abs().max()) if finite.numel() else 0.0
        assert distance(mine, truth) <= 2 * distance(theirs, truth) + unit, number


@pytest.mark.parametrize("table", ["sequences", "shapes"])
def test_table(table: str) -> None:
    """A whole table of the end-to-end tests as one graph."""
    module, inputs = importlib.import_module(f"tests.e2e.{table}").build()
    wide = export_oracle.float64_module(torch.export.export(module, inputs))
    check(jit.compile(module), module, inputs, wide)


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(48, 96)
        self.norm = nn.LayerNorm(96)
        self.second = nn.Linear(96, 48)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.norm(torch.nn.functional.gelu(self.first(x)))
        return x + self.second(hidden), hidden.argmax(-1)


def test_parameters_changed_in_place_are_taken_anew() -> None:
    torch.manual_seed(0)
    module, x = Block().eval(), torch.randn(7, 48)
    fast = jit.compile(module)
    check(fast, module, (x,))
    with torch.no_grad():
        module.first.weight.mul_(-0.5)
    check(fast, module, (x,))


def test_a_function_at_several_sizes_and_a_graph_break() -> None:
    def function(x: Tensor, y: Tensor) -> Tensor:
        z = torch.cos(torch.mm(torch.sin(x), y))
        torch._dynamo.graph_break()
        return z.softmax(-1)

    fast = jit.compile(function)
    for size in (4, 9):
        x, y = torch.randn(size, 5), torch.randn(5, size)
        torch.testing.assert_close(fast(x, y), function(x, y))


class Select(nn.Module):
    def forward(self, x: Tensor, n: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        kept = x[x.sum(1) > 0]
        count = n.item()
        torch._check(count >= 0)  # type: ignore[no-untyped-call]
        torch._check(count <= x.shape[0])  # type: ignore[no-untyped-call]
        return kept @ x.t(), kept.nonzero(), x[:count] * 2


def test_sizes_that_depend_on_data_stay_in_one_graph() -> None:
    torch.manual_seed(3)
    module, before = Select(), last_number()
    fast = jit.compile(module)
    for x in (torch.randn(6, 4), -torch.ones(6, 4), torch.ones(6, 4)):
        check(fast, module, (x, torch.tensor(2)))
    check(fast, module, (torch.randn(6, 4), torch.tensor(0)))
    for made in made_after(before):
        assert made.python_text.count("= rt.read_size(") == 3 and "del buf" in made.python_text
    # Dynamo looks at the number before the graph does and traces anew for it: the model's own check speaks.
    with torch.inference_mode(), pytest.raises(RuntimeError, match="Expected cond to be True"):
        fast(torch.randn(6, 4), torch.tensor(7))


def test_torch_compile_with_our_backend() -> None:
    fast = torch.compile(lambda x: (x * 2).relu().sum(0), backend=jit.backend, dynamic=False)
    x = torch.randn(33, 65)
    torch.testing.assert_close(fast(x), (x * 2).relu().sum(0))


class Mixed(nn.Module):
    """Sizes that vary, one twice another's, and a softmax over one of them."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(16, 8)

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        rows = torch.softmax(self.linear(x), 0)
        both = torch.cat([rows, rows.sin()], 0)
        return both @ torch.cat([rows, rows], 0).t(), y.sum(0) + x.view(x.shape[0] * 2, 8)[0]


@pytest.mark.parametrize("dynamic", [None, True])
def test_sizes_that_change_are_compiled_once(dynamic: bool | None) -> None:
    torch.manual_seed(5)
    module, before = Mixed().eval(), last_number()
    fast = torch.compile(module, backend=jit.backend, dynamic=dynamic)
    for rows, other in ((5, 5), (7, 3), (3, 3), (64, 2), (2, 9), (31, 31)):
        check(fast, module, (torch.randn(rows, 16), torch.randn(other, 8)))
    made = made_after(before)
    assert len(made) == (1 if dynamic else 2) and all(len(m.variants) == 1 for m in made)
    assert "rt.slot(" in made[-1].python_text and ".shape[0]\n" in made[-1].python_text


def test_sizes_that_the_open_program_does_not_take_are_compiled_for_themselves() -> None:
    captured: list[tuple[torch.fx.GraphModule, list[Any]]] = []

    def keep(graph: torch.fx.GraphModule, inputs: list[Any]) -> Callable[..., Any]:
        captured.append((graph, inputs))
        return graph.forward

    torch.compile(lambda x: x * 2, backend=keep, dynamic=True)(torch.randn(6))
    graph, inputs = captured[0]
    doubling = next(n for n in graph.graph.nodes if n.op == "call_function")
    graph.register_buffer("six", torch.arange(6.0))
    with graph.graph.inserting_before(doubling):
        doubling.args = (doubling.args[0], graph.graph.get_attr("six"))  # no size is open any more
    graph.recompile()
    made = jit.backend(graph, inputs)
    for n in (6, 1, 6, 1):
        x = torch.randn(n)
        assert torch.equal(made(n, x)[0], x * torch.arange(6.0)), n
    assert [v.is_fixed for v in made.variants] == [False, True]


def test_numbers_are_part_of_the_code() -> None:
    before = last_number()
    fast = jit.compile(lambda x, n: x * n + n)
    x = torch.randn(5, 3)
    for n in (2, 3, 7, 3):
        torch.testing.assert_close(fast(x, n), x * n + n)
    made = made_after(before)
    assert len(made) == 2 and [v.numbers for v in made[1].variants] == [(3,), (7,)]


class Sums(nn.Module):
    """A running sum of its inputs: state."""

    def __init__(self) -> None:
        super().__init__()
        self.total: Tensor
        self.register_buffer("total", torch.zeros(3))
        self.layer = nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        self.total.add_(x.sum(0))
        return self.layer(x) + self.total  # type: ignore[no-any-return]


def test_state_is_the_modules_own_whatever_the_sizes() -> None:
    before = last_number()
    module = Sums().eval()
    fast, eager = jit.compile(module), copy.deepcopy(module)
    with torch.no_grad():
        for rows in (2, 3, 1, 3):
            x = torch.randn(rows, 3)
            torch.testing.assert_close(fast(x), eager(x))
            torch.testing.assert_close(module.total, eager.total)
        made = [v.built for c in made_after(before) for v in c.variants]
        for each in (module, eager):
            each.total.fill_(7)
        torch.testing.assert_close(fast(x), eager(x))
        again = [v.built for c in made_after(before) for v in c.variants]
    assert len(again) == len(made) and all(a is b for a, b in zip(again, made, strict=True))


def test_another_parameter_is_taken() -> None:
    module = nn.Linear(4, 2)
    fast = jit.compile(module)
    x = torch.randn(3, 4)
    with torch.no_grad():
        fast(x)
        module.weight = nn.Parameter(torch.randn(2, 4))
        torch.testing.assert_close(fast(x), module(x))
        module.bias.add_(1)
        torch.testing.assert_close(fast(x), module(x))


def test_inputs_are_written_and_random_numbers_differ_from_call_to_call() -> None:
    def double(x: Tensor) -> Tensor:
        return x.mul_(2) + 1

    x = torch.ones(3)
    assert jit.compile(double)(x).tolist() == [3, 3, 3] and x.tolist() == [2, 2, 2]
    drop = jit.compile(lambda x: torch.nn.functional.dropout(x, 0.5, True))
    first, second = drop(torch.ones(4000)), drop(torch.ones(4000))
    assert not torch.equal(first, second) and set(first.tolist()) == {0.0, 2.0}
    assert abs(float(first.mean()) - 1) < 0.1


def test_the_wrapper_can_be_read() -> None:
    fast = jit.compile(lambda x, y: torch.cos(torch.mm(torch.sin(x), y)))
    fast(torch.randn(64, 64), torch.randn(64, 64))
    made = jit.compiled()[-1]
    assert "rt.kernels.cpp_fused_sin_0(" in made.python_text
    assert "jit_test.py:" in made.python_text  # the model's source lines
    assert " | kernels->cpp_fused_sin_0(ctx, " in made.wrappers()


def test_an_operator_of_pytorch_is_called() -> None:
    """What has no lowering goes to PyTorch's own operator."""
    fast = jit.compile(lambda x: torch.logcumsumexp(x, 1) + 1)
    x = torch.randn(5, 9)
    torch.testing.assert_close(fast(x), torch.logcumsumexp(x, 1) + 1)


def test_bad_data_is_an_error_and_the_next_call_works() -> None:
    fast = jit.compile(lambda table, index: table[index])
    table = torch.randn(10, 3)
    with pytest.raises(IndexError, match="10"):
        fast(table, torch.tensor([2, 10]))
    assert torch.equal(fast(table, torch.tensor([2, -1])), table[[2, -1]])


def test_refusals() -> None:
    with pytest.raises(Exception, match="under torch.inference_mode"):
        jit.compile(Block().eval())(torch.randn(2, 48))
