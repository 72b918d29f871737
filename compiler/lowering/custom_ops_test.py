"""Custom operators in files: schemas beside the program, declared where nobody knows them, refused where they changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from compiler.frontend import custom_ops
from compiler.fx_passes import pipeline
from compiler.ir.graph_parse import parse_graph
from compiler.ir.graph_text import print_graph
from compiler.ir.loop import CustomKernel, Result, Written
from compiler.ir.loop_parse import parse_program
from compiler.ir.loop_text import print_program
from compiler.ir.op_schema import parse
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
    _library("typed(float f, SymInt[2] n, Tensor[] xs, ScalarType? d=None) -> (Tensor[], Tensor)"),
]


def _fake_two(xs: Any, y: Any, fs: Any, s: Any, b: bool = True, n: int = 3) -> Any:
    return torch.empty_like(xs[0]), torch.empty(n)


torch.library.register_fake("fx_test::two", _fake_two)


torch.library.register_fake(
    "fx_test::typed",
    lambda f, n, xs, d=None: ([torch.empty_like(x) for x in xs], torch.empty(2, dtype=d)),
)


class Typed(nn.Module):
    def forward(self, x: Tensor) -> Any:
        parts, last = torch.ops.fx_test.typed(2, [3, x.shape[0]], [x, x.sin()], torch.float64)
        return parts[1] + 1, last


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


def test_values_have_the_types_of_the_schema_and_results_may_be_lists() -> None:
    from compiler.frontend.load import from_program

    exported = torch.export.export(Typed(), (torch.randn(2),), strict=False)
    program = lower.run(pipeline.run(from_program(exported, _ctx()), _ctx()), _ctx())
    (call,) = (n for n in program.nodes if isinstance(n, CustomKernel))
    assert repr(call.args[0]) == "2.0" and call.args[1] == (3, 2) and call.args[3] == 7
    results = [n for n in program.nodes if isinstance(n, Result)]
    assert [(str(r.layout.dtype), len(r.layout.size)) for r in results] == [
        ("float32", 1),
        ("float32", 1),
        ("float64", 1),
    ]


class Writing(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("seen", torch.zeros(4))
        self.register_buffer("often", torch.zeros(4))

    def forward(self, x: Tensor) -> Any:
        h = x.sin()
        torch.ops.fx_test.writes(h[1:])
        torch.ops.fx_test.writes(self.seen)
        for _ in range(2):
            torch.ops.fx_test.writes(self.often)
        return h


def _writing() -> Any:
    from compiler.frontend.load import from_program

    exported = torch.export.export(Writing(), (torch.randn(4),), strict=False)
    graph = from_program(exported, _ctx())
    text = print_graph(graph)
    assert print_graph(parse_graph(text, graph.data)) == text
    return lower.run(pipeline.run(graph, _ctx()), _ctx())


def test_what_an_operator_writes_to_is_a_result_that_begins_as_the_old_value() -> None:
    program = _writing()
    text = print_program(program)
    assert print_program(parse_program(text)) == text
    first, second = [n for n in program.nodes if isinstance(n, CustomKernel)][:2]
    (argument,) = first.args
    assert isinstance(argument, Written) and str(argument.layout.offset) == "1"
    assert second.bases[0] is not None and second.bases[0].buffer == "b_seen"
    assert {m.target for m in program.mutations} == {"b_seen", "b_often"}


def test_schemas_are_read_as_torch_reads_them() -> None:
    """Over all of torch's own: names of arguments, which are options and which lists, and how many results there are."""
    names = [n.partition(".") for n in torch._C._dispatch_get_all_op_names() if n.startswith("aten::")]
    schemas = [torch._C._get_schema(name, overload) for name, _, overload in names]
    assert len(schemas) > 2000
    for schema in schemas:
        read = parse(str(schema))
        assert [n for n, _ in read.arguments] == [a.name for a in schema.arguments], schema
        assert len(read.results) == len(schema.returns), schema
        for (_, ours), theirs in zip(read.arguments, schema.arguments, strict=True):
            assert (ours.kind == "optional") == isinstance(theirs.type, torch.OptionalType), schema
            assert (ours.kind == "list") == isinstance(theirs.type, torch.ListType), schema
            assert (ours.kind == "Tensor") == isinstance(theirs.type, torch.TensorType), schema
        marks = [(a.name, a.alias_info) for a in schema.arguments]
        assert read.written == {n for n, alias in marks if alias is not None and alias.is_write}, schema
        assert read.aliased == {
            k for k, r in enumerate(schema.returns) if r.alias_info is not None and r.alias_info.is_write
        }, schema


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
