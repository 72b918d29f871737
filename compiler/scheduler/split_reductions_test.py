"""Long reductions are cut in two, others are left alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from compiler.ir import dtypes
from compiler.ir.loop import Program
from compiler.ir.loop_interpreter import interpret
from compiler.scheduler.example_programs import ProgramBuilder
from compiler.scheduler.split_reductions import split_reductions


def reduced(kind: str, size: list[int], dims: list[int]) -> Program:
    b = ProgramBuilder("p")
    x = b.input("x", size)
    kept = [d for d in range(len(size)) if d not in dims]
    dtype = dtypes.int64 if kind == "argmax" else dtypes.float32

    def recipe(o, i, r):  # type: ignore[no-untyped-def]
        at = dict(zip([*kept, *dims], [*i, *r], strict=True))
        return o.load(x, [at[d] for d in range(len(size))])

    return b.build(
        b.reduce(kind, [size[d] for d in kept], [size[d] for d in dims], recipe, dtype, dtypes.float32)
    )


@pytest.mark.parametrize(
    ("kind", "size", "dims"),
    [
        ("sum", [512, 520], [0, 1]),
        ("max", [2, 1 << 18], [1]),
        ("min", [1 << 13, 64], [0]),
        ("sum", [3, 1 << 13, 40], [1]),
    ],
)
def test_cut_reductions_keep_their_meaning(kind: str, size: list[int], dims: list[int]) -> None:
    program = reduced(kind, size, dims)
    cut = split_reductions(program)
    assert len(cut.nodes) == 2
    x = np.random.default_rng(0).standard_normal(size).astype(np.float32)
    got, wanted = np.asarray(interpret(cut, [x])[0]), np.asarray(interpret(program, [x])[0])
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(
    ("kind", "size", "dims"),
    [
        ("sum", [64, 64], [0, 1]),  # short
        ("sum", [64, 8192], [1]),  # enough results
        ("argmax", [1 << 20], [0]),  # a position
        ("sum", [262147], [0]),  # a prime number of points
    ],
)
def test_others_stay_whole(kind: str, size: list[int], dims: list[int]) -> None:
    program = reduced(kind, size, dims)
    assert split_reductions(program) is program


def test_the_parts_are_where_the_result_is() -> None:
    program = reduced("sum", [1 << 20], [0])
    (node,) = program.nodes
    program.nodes = [replace(node, layout=replace(node.layout, device="cuda"))]
    assert [n.layout.device for n in split_reductions(program).nodes] == ["cuda", "cuda"]
