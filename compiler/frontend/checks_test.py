"""Programs that are none for inference, or whose bodies do not fit their call: refused, with what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.fx
from torch import Tensor, nn
from torch.export.experimental import _export_forward_backward

from compiler.frontend.load import from_program
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
