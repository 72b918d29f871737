"""Custom operators in files: schemas beside the program, declared where nobody knows them, refused where they changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from compiler.frontend import custom_ops
from compiler.fx_passes import pipeline
from compiler.ir.loop import CustomKernel
from compiler.ir.loop_parse import parse_program
from compiler.ir.loop_text import print_program
from compiler.lowering import lower
from compiler.support.diagnostics import UserError
from compiler.support.options import CompileOptions, Context


def _library(schema: str) -> Any:
    library: Any = torch.library.Library("fx_test", "FRAGMENT")  # type: ignore[no-untyped-call]
    library.define(schema)
    return library


KEPT = [
    _library("two(Tensor[] xs, Tensor? y, float[] fs, str s, bool b=True, int n=3) -> (Tensor, Tensor)"),
    _library("writes(Tensor(a!) x) -> ()"),
]


def _fake_two(xs: Any, y: Any, fs: Any, s: Any, b: bool = True, n: int = 3) -> Any:
    return torch.empty_like(xs[0]), torch.empty(n)


torch.library.register_fake("fx_test::two", _fake_two)


class Model(nn.Module):
    def forward(self, x: Tensor) -> Any:
        a, b = torch.ops.fx_test.two([x, x + 1], None, [0.5, 2.0], "text")
        return a.sin(), b


def _ctx() -> Context:
    return Context(CompileOptions("model"))


def test_arguments_of_every_kind_reach_loop_ir_with_defaults() -> None:
    from compiler.frontend.load import from_program

    exported = torch.export.export(Model(), (torch.randn(2),), strict=False)
    program = lower.run(pipeline.run(from_program(exported, _ctx()), _ctx()), _ctx())
    (call,) = (n for n in program.nodes if isinstance(n, CustomKernel))
    assert call.args[1:] == (None, (0.5, 2.0), "text", True, 3) and len(call.operands()) == 2
    text = print_program(program)
    assert print_program(parse_program(text)) == text


def test_a_known_operator_with_another_schema_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="was exported with .*float n.*but the operator is .*here"):
        custom_ops.declare(["fx_test::two(Tensor[] xs, float n) -> (Tensor, Tensor)"], tmp_path)


def test_an_unknown_operator_is_declared_by_its_schema(tmp_path: Path) -> None:
    custom_ops.declare(["fx_test::unknown(Tensor x) -> Tensor"], tmp_path)
    custom_ops.declare(["fx_test::unknown(Tensor x) -> Tensor"], tmp_path)
    assert custom_ops.is_custom(torch.ops.fx_test.unknown.default)


@pytest.mark.parametrize(
    "damaged", [{"a": 1}, [1], ["no schema"], ["a::b(Tensor x -> Tensor"], ["(((("], [""]]
)
def test_a_damaged_list_is_refused(damaged: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="custom_ops.json"):
        custom_ops.declare(damaged, tmp_path)
