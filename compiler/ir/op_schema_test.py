"""Schemas as text: types, names, results; checked against torch's own parser over all of its operators in lowering/custom_ops_test."""

from __future__ import annotations

import pytest

from compiler.ir.op_schema import ALIAS, OpType, parse

TENSOR = OpType("Tensor")


def test_types_of_arguments_and_results() -> None:
    schema = parse(
        'mylib::mix.fast(Tensor(a!)[] xs, Tensor? bias, Tensor?[] maybe, SymInt[2] stride=[1, 1], *, float[]? scale=None, str mode="a, (b")'
        " -> (Tensor(a!), Tensor[] rest)"
    )
    assert (schema.name, schema.overload) == ("mylib::mix", "fast")
    assert dict(schema.arguments) == {
        "xs": OpType("list", TENSOR),
        "bias": OpType("optional", TENSOR),
        "maybe": OpType("list", OpType("optional", TENSOR)),
        "stride": OpType("list", OpType("SymInt"), 2),
        "scale": OpType("optional", OpType("list", OpType("float"))),
        "mode": OpType("str"),
    }
    assert schema.results == (TENSOR, OpType("list", TENSOR))
    assert schema.written == {"xs"} and schema.aliased == {0}
    assert [str(t) for _, t in schema.arguments][2:5] == ["Tensor?[]", "SymInt[2]", "float[]?"]


def test_outputs_follow_from_the_results() -> None:
    assert parse("a::b(Tensor x) -> (Tensor, Tensor[], Tensor)").result_lengths(5) == (-1, 3, -1)
    assert parse("a::b(Tensor x) -> Tensor[]").result_lengths(0) == (0,)
    assert parse("a::b() -> ()").result_lengths(0) == ()
    assert parse("a::b_(Tensor(a!) x, Tensor y) -> (Tensor(a!), Tensor)").result_lengths(1) == (ALIAS, -1)
    with pytest.raises(ValueError, match="2 outputs for"):
        parse("a::b(Tensor x) -> Tensor").result_lengths(2)
    with pytest.raises(ValueError, match="3 outputs for"):
        parse("a::b(Tensor x) -> (Tensor[], Tensor[])").result_lengths(3)


@pytest.mark.parametrize(
    "text", ["", "a::b", "a::b(Tensor x", "a::b(Tensor x)", "a::b(3 x) -> Tensor", "a::b() -> (Tensor"]
)
def test_what_is_no_schema_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse(text)
