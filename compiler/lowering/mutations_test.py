"""Mutation through frontend, passes and lowering: what the interpreter leaves in each target is what eager leaves there."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from compiler.frontend.load import from_program
from compiler.fx_passes import pipeline
from compiler.ir.loop import Program
from compiler.ir.loop_interpreter import read, run_nodes
from compiler.ir.loop_parse import parse_program
from compiler.ir.loop_text import print_program
from compiler.lowering import lower
from compiler.support.options import CompileOptions, Context


class State(nn.Module):
    def __init__(self, **buffers: Tensor) -> None:
        super().__init__()
        for name, value in buffers.items():
            self.register_buffer(name, value)


def _check(module: nn.Module, *inputs: Tensor) -> Program:
    """Runs both once; compares every buffer and input afterwards."""
    eager = copy.deepcopy(module)
    ctx = Context(CompileOptions("case"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exported = torch.export.export(module, inputs, strict=False)
        program = lower.run(pipeline.run(from_program(exported, ctx), ctx), ctx)
    program = parse_program(print_program(program), program.data)
    buffers = run_nodes(program, [x.numpy() for x in inputs])
    changed = tuple(x.clone() for x in inputs)
    eager(*changed)
    fqns = {c.name: c.fqn for c in program.constants}
    wanted: dict[str, Any] = {i.name: x for i, x in zip(program.inputs, changed, strict=True)}
    wanted.update((c.name, eager.get_buffer(fqns[c.name])) for c in program.constants)
    for mutation in program.mutations:
        np.testing.assert_allclose(read(mutation.value, buffers), wanted[mutation.target].numpy(), rtol=1e-6)
        del wanted[mutation.target]
    for name, unchanged in wanted.items():
        before = dict(zip((i.name for i in program.inputs), inputs, strict=True)).get(name)
        before = module.get_buffer(fqns[name]) if before is None else before
        assert torch.equal(unchanged, before), f"{name} is changed by eager only"
    return program


def test_a_cache_is_scattered_into() -> None:
    class Cache(State):
        cache: Tensor

        def forward(self, x: Tensor, position: Tensor) -> Tensor:
            self.cache.index_copy_(1, position, x.unsqueeze(1))
            total: Tensor = self.cache.sum(1)
            return total

    program = _check(Cache(cache=torch.randn(2, 5, 3)), torch.randn(2, 3), torch.tensor([3]))
    assert program.mutated() == {"b_cache"}


def test_swapped_buffers_each_get_the_other_ones_old_value() -> None:
    class Swap(State):
        a: Tensor
        b: Tensor

        def forward(self, x: Tensor) -> Tensor:
            old = self.a.clone()
            self.a.copy_(self.b)
            self.b.copy_(old)
            return self.a + x

    assert len(_check(Swap(a=torch.randn(3), b=torch.randn(3)), torch.randn(3)).mutations) == 2


def test_an_input_in_another_memory_order() -> None:
    class Scale(nn.Module):
        def forward(self, x: Tensor, y: Tensor) -> Tensor:
            x.mul_(2).add_(y)
            return x

    x, y = torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last), torch.randn(2, 3, 4, 5)
    program = _check(Scale(), x, y)
    assert program.mutations[0].value.buffer != program.outputs[0].value.buffer  # type: ignore[union-attr]


def test_state_is_no_constant_to_any_pass() -> None:
    class Model(State):
        weight: Tensor
        fixed: Tensor

        def forward(self, x: Tensor) -> Tensor:
            y = x @ self.weight + (self.weight * 2 + self.fixed).sum()
            self.weight.add_(1)
            return y

    program = _check(Model(weight=torch.randn(4, 4), fixed=torch.randn(4)), torch.randn(2, 4))
    kinds = {c.fqn: (c.kind, c.packing) for c in program.constants}
    assert kinds["weight"] == ("buffer", "")


def test_state_that_is_only_written_and_what_is_written_back_unchanged() -> None:
    class Model(State):
        last: Tensor
        same: Tensor

        def forward(self, x: Tensor) -> Tensor:
            self.last.copy_(x)
            self.same.copy_(self.same.clone())
            return x + 1

    assert _check(Model(last=torch.zeros(3), same=torch.ones(3)), torch.randn(3)).mutated() == {"b_last"}


def test_a_part_and_a_view_of_a_buffer() -> None:
    class Model(State):
        grid: Tensor

        def forward(self, x: Tensor) -> Tensor:
            self.grid[1:3, ::2].mul_(3)
            self.grid.view(-1)[4:6] = x
            return self.grid.t()

    _check(Model(grid=torch.randn(4, 6)), torch.randn(2))


def test_batch_statistics_that_a_run_updates() -> None:
    class Model(State):
        mean: Tensor
        var: Tensor

        def forward(self, x: Tensor) -> Tensor:
            return torch.native_batch_norm(x, None, None, self.mean, self.var, True, 0.1, 1e-5)[0]

    state = Model(mean=torch.zeros(3), var=torch.ones(3))
    x = torch.linspace(-2, 3, 60).reshape(4, 3, 5)
    assert _check(state, x).mutated() == {"b_mean", "b_var"}
