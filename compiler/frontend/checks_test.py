"""Programs that are none for inference, or whose bodies do not fit their call: refused, with what is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.fx
from torch import Tensor, nn
from torch.export import Dim
from torch.export.experimental import _export_forward_backward

from compiler.frontend.load import from_program, load
from compiler.support.diagnostics import UserError
from compiler.support.options import CompileOptions, Context


class Branches(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = torch.cond(x.sum() > 0, lambda v: v.sin()[:2], lambda v: v.cos()[:2], (x,))
        return result


class Loss(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x).sum()  # type: ignore[no-any-return]


class Count(nn.Module):
    def forward(self, x: Tensor, count: int) -> Tensor:
        return x * count


class Either(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        torch._check((x.shape[0] == 4) | (x.shape[0] == 6))  # type: ignore[no-untyped-call]
        return x + 1


def _body(program: torch.export.ExportedProgram) -> tuple[torch.fx.Graph, torch.fx.Node]:
    """A body of the program and its output node."""
    graph: Any = program.graph_module.true_graph_0
    (output,) = (n for n in graph.graph.nodes if n.op == "output")
    return graph.graph, output


def _no_result(graph: torch.fx.Graph, output: torch.fx.Node) -> None:
    output.args = ((),)


def _another_type(graph: torch.fx.Graph, output: torch.fx.Node) -> None:
    returned: Any = output.args[0]
    with graph.inserting_before(output):
        made = graph.call_function(torch.ops.aten._to_copy.default, (returned[0],), {"dtype": torch.float64})
    output.args = ((made,),)


def _one_operand_more(graph: torch.fx.Graph, output: torch.fx.Node) -> None:
    first = next(iter(graph.nodes))
    with graph.inserting_after(first):
        graph.placeholder("extra").meta["val"] = first.meta["val"]


def _another_size(graph: torch.fx.Graph, output: torch.fx.Node) -> None:
    (sine,) = (n for n in graph.nodes if n.name.startswith("sin"))
    output.args = ((sine,),)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_no_result, r"at cond: .*Unmatched output spec[^\0]*checks_test.py"),
        (_another_type, r"at cond: .*expected same dtype[^\0]*checks_test.py"),
        (_one_operand_more, r"at cond: .*missing 1 required positional argument[^\0]*checks_test.py"),
        (_another_size, r"result of an operator \(cond\) whose size depends on data"),
    ],
)
def test_bodies_that_do_not_match_are_refused(
    change: Callable[[torch.fx.Graph, torch.fx.Node], None], message: str
) -> None:
    program = torch.export.export(Branches(), (torch.randn(4, 3),), strict=False).run_decompositions()
    change(*_body(program))
    with pytest.raises(UserError, match=message):
        from_program(program, Context(CompileOptions("m")))


def test_a_program_with_its_backward_pass_is_refused() -> None:
    program = torch.export.export(Loss(), (torch.randn(2, 3),), strict=False)
    with pytest.raises(UserError, match="for inference, without a backward pass"):
        from_program(_export_forward_backward(program), Context(CompileOptions("m")))


def _refused(program: torch.export.ExportedProgram, folder: Path) -> str:
    """What both ways in say, which is the same."""
    said = []
    torch.export.save(program, folder / "m.pt2")
    ways: list[Callable[[Context], object]] = [
        lambda c: load(folder / "m.pt2", c),
        lambda c: from_program(program, c),
    ]
    for read in ways:
        with pytest.raises(UserError) as error:
            read(Context(CompileOptions("m")))
        said.append(str(error.value))
    assert said[0] == said[1]
    return said[0]


def test_an_input_that_is_a_number_of_the_caller_is_refused_by_name(tmp_path: Path) -> None:
    dynamic = ({0: Dim.DYNAMIC}, Dim.DYNAMIC)
    program = torch.export.export(Count(), (torch.randn(4, 3), 5), dynamic_shapes=dynamic, strict=False)
    text = _refused(program, tmp_path)
    assert "1 problem" in text and "input count is a symbolic number" in text
    assert re.search(r"checks_test.py:\d+ in forward\n +make it a tensor, or the size of one", text)


def test_an_input_that_is_a_number_and_a_size_is_refused_by_name(tmp_path: Path) -> None:
    """Export takes two equal examples for one size."""

    class Slice(nn.Module):
        def forward(self, x: Tensor, count: int) -> Tensor:
            return x + x[:count]

    dynamic = ({0: Dim.DYNAMIC}, Dim.DYNAMIC)
    program = torch.export.export(Slice(), (torch.randn(4, 3), 4), dynamic_shapes=dynamic, strict=False)
    assert "input count is a symbolic number" in _refused(program, tmp_path)


def test_a_guard_that_either_of_two_conditions_fulfils_is_refused(tmp_path: Path) -> None:
    program = torch.export.export(
        Either(), (torch.randn(4, 3),), dynamic_shapes=({0: Dim.DYNAMIC},), strict=False
    )
    text = _refused(program, tmp_path)
    assert "L['x'].size()[0] == 4 or L['x'].size()[0] == 6 leaves a choice between 2 conditions" in text
    assert (
        "let one condition decide: give the size a range" in text and "or export a program for each" in text
    )


class Sine(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.sin()


def test_a_stride_that_varies_by_itself(tmp_path: Path) -> None:
    shapes = {"x": {0: Dim.AUTO, 1: Dim.AUTO}}
    program = torch.export.export(Sine(), (torch.randn(6, 8)[::2, ::2],), dynamic_shapes=shapes)
    torch.export.save(program, tmp_path / "stepped.pt2")
    context = Context(CompileOptions("stepped"))
    message = r"1\. input 'x': its stride along dimension 0 varies by itself.*\n.*checks_test.py.*\n.*contiguous example"
    with pytest.raises(UserError, match=message):
        load(tmp_path / "stepped.pt2", context)
    with pytest.raises(UserError, match=message):
        from_program(program, context)


def test_strides_that_sizes_give_are_taken() -> None:
    shapes = {"x": {0: Dim.AUTO, 1: Dim.AUTO}}
    program = torch.export.export(Sine(), (torch.randn(6, 8).t(),), dynamic_shapes=shapes)
    (x,) = from_program(program, Context(CompileOptions("turned"))).module.graph.find_nodes(op="placeholder")
    assert str(x.meta["val"].stride()[1]) == str(x.meta["val"].shape[0])
