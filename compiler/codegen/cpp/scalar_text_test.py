"""Scalar operations as C++: every operation has a text, literals are exact."""

from __future__ import annotations

import math

import pytest

from compiler.codegen.cpp.scalar_text import (
    accumulate_text,
    clamp_text,
    literal,
    neutral_literal,
    rank_value_text,
    ranked,
    scalar_text,
)
from compiler.ir import dtypes
from compiler.ir.dtypes import DType
from compiler.ir.scalar_ops import SCALAR_OPS

BOOL_ONLY = {"logical_and", "logical_or", "logical_not"}
INTEGER_ONLY = {"shl", "shr", "bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_not", "gcd", "philox"}
FLOAT_OR_INTEGER = {
    "add",
    "sub",
    "mul",
    "maximum",
    "minimum",
    "neg",
    "abs",
    "sign",
    "floordiv",
    "truncdiv",
    "mod",
    "fmod",
}
FLOAT_OR_INTEGER |= {"pow", "eq", "ne", "lt", "le", "gt", "ge", "floor", "ceil", "trunc", "round", "where"}


@pytest.mark.parametrize("name", SCALAR_OPS)
def test_every_operation_has_a_text(name: str) -> None:
    types = (
        [dtypes.bool_]
        if name in BOOL_ONLY
        else [dtypes.int64]
        if name in INTEGER_ONLY
        else [dtypes.float32, dtypes.float64]
    )
    if name in FLOAT_OR_INTEGER:
        types += [dtypes.int64, dtypes.uint8]
    for dtype in types:
        args = ["a", "b", "c", "d"][: SCALAR_OPS[name].arity]
        text = scalar_text(name, dtype, dtype, args)
        assert all(a in text for a in args), text


def test_an_unknown_operation_is_named() -> None:
    with pytest.raises(KeyError, match="no C\\+\\+ for scalar operation 'frobnicate'"):
        scalar_text("frobnicate", dtypes.float32, dtypes.float32, ["a"])


@pytest.mark.parametrize(
    ("value", "dtype", "text"),
    [
        (1, dtypes.float32, "1.0f"),
        (0.1, dtypes.float64, "0.1"),
        (1e-12, dtypes.float32, "1e-12f"),
        (math.inf, dtypes.float32, "__builtin_inff()"),
        (-math.inf, dtypes.float64, "-__builtin_inf()"),
        (math.nan, dtypes.float32, '__builtin_nanf("")'),
        (True, dtypes.bool_, "true"),
        (-3, dtypes.int32, "-3"),
        (-3, dtypes.int64, "(int64_t)-3"),
        (-(1 << 63), dtypes.int64, "INT64_MIN"),
        (200, dtypes.uint8, "(uint8_t)200"),
    ],
)
def test_literals(value: object, dtype: DType, text: str) -> None:
    assert literal(value, dtype) == text


@pytest.mark.parametrize(
    ("kind", "dtype", "text"),
    [
        ("sum", dtypes.float32, "0.0f"),
        ("prod", dtypes.int64, "(int64_t)1"),
        ("max", dtypes.float32, "-__builtin_inff()"),
        ("max", dtypes.uint8, "(uint8_t)0"),
        ("max", dtypes.int8, "(int8_t)-128"),
        ("min", dtypes.int32, "2147483647"),
        ("any", dtypes.bool_, "false"),
        ("all", dtypes.bool_, "true"),
    ],
)
def test_neutral_elements(kind: str, dtype: DType, text: str) -> None:
    assert neutral_literal(kind, dtype) == text


def test_halves_are_computed_as_float_and_rounded_by_casts() -> None:
    assert scalar_text("cast", dtypes.float16, dtypes.float32, ["a"]) == "half_to_float(float_to_half(a))"
    assert scalar_text("cast", dtypes.float32, dtypes.bfloat16, ["a"]) == "(float)a"
    assert scalar_text("add", dtypes.float16, dtypes.float16, ["a", "b"]) == "a + b"


def test_a_nan_passes_a_clamp() -> None:
    assert clamp_text("maximum", "x", "0.0f") == "x < 0.0f ? 0.0f : x"
    assert clamp_text("minimum", "x", "6.0f") == "x > 6.0f ? 6.0f : x"


def test_extremes_of_floats_are_kept_as_ranks() -> None:
    assert ranked("max", dtypes.float32) and ranked("min", dtypes.bfloat16)
    assert not ranked("sum", dtypes.float32) and not ranked("max", dtypes.float64)
    assert accumulate_text("max", dtypes.float32, "acc0", "tmp1") == "aoti_higher(acc0, aoti_rank(tmp1))"
    assert accumulate_text("min", dtypes.float32, "acc0", "tmp1") == "aoti_higher(acc0, aoti_rank(-tmp1))"
    assert rank_value_text("min", "acc0") == "(-aoti_at_rank(acc0))"
    assert accumulate_text("max", dtypes.float64, "acc0", "tmp1") == "aoti_maximum(acc0, tmp1)"
