"""Verdicts: which pairs are fused, which are kept apart, and why."""

from __future__ import annotations

import re

import pytest

from compiler.ir import dtypes
from compiler.ir.loop import Layout, Program, TensorRef
from compiler.scheduler import cost
from compiler.scheduler.dependencies import analyse
from compiler.scheduler.device_cost import GPU
from compiler.scheduler.example_families import FAMILIES
from compiler.scheduler.example_programs import ProgramBuilder
from compiler.scheduler.fuse import fuse
from compiler.scheduler.group import FusionGroup
from compiler.scheduler.reasons import Reason


def fused(program: Program, limit: int = -1) -> tuple[list[FusionGroup], list[str]]:
    groups, lines, made = fuse(program, analyse(program), limit)
    assert made == len(program.nodes) - len(groups) == sum(line.startswith("fused") for line in lines)
    return groups, lines


def reasons(program: Program) -> set[str]:
    return {line.split(": ")[2] for line in fused(program)[1]}


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("linear_gelu", Reason.EPILOGUE), ("softmax", Reason.VERTICAL), ("nan_positions", Reason.HORIZONTAL),
        ("in_place_chain", Reason.INTO_TEMPLATE), ("in_place_chain", Reason.REDUCTION_AFTER_TEMPLATE), ("diamond", Reason.CYCLE),
        ("mean_over_tokens", Reason.DIFFERENT_LOOPS), ("tall_sum", Reason.LESS_PARALLEL),
    ],
)  # fmt: skip
def test_reasons(name: str, reason: Reason) -> None:
    assert reason.name in reasons(FAMILIES[name]())


def test_every_line_names_the_pair_the_verdict_and_the_reason() -> None:
    known = {r.name: r.value for r in Reason}
    for make in FAMILIES.values():
        for line in fused(make())[1]:
            verdict, pair, name, text = line.split(": ", 3)
            assert re.fullmatch(r"fused \d+|kept apart", verdict) and " + " in pair and known[name] == text


def test_fusions_are_numbered_in_the_order_in_which_they_are_made() -> None:
    for make in FAMILIES.values():
        lines = fused(make())[1]
        numbers = [int(m[1]) for line in lines if (m := re.match(r"fused (\d+): ", line))]
        assert numbers == list(range(1, len(numbers) + 1))
        for limit in range(len(numbers)):
            first = [line for line in fused(make(), limit)[1] if line.startswith("fused")]
            assert first == [line for line in lines if line.startswith("fused")][:limit]


def test_the_limit_is_explained() -> None:
    groups, lines = fused(FAMILIES["softmax"](), limit=1)
    assert len(groups) == 4
    assert any("LIMIT" in line for line in lines)


def test_no_company_for_shim_calls_and_attention() -> None:
    b = ProgramBuilder("p")
    x = b.input("x", [1, 2, 12, 16])
    ref = TensorRef(x, b.layouts[x])
    y = b.template(
        "attention", [ref, ref, ref], (("scale", 1.0), ("causal", False)), [1, 2, 12, 16], b.layouts[x]
    )
    z = b.pointwise("relu", [1, 2, 12, 16], lambda o, i: o.op("maximum", o.load(y, i), o.constant(0.0)))
    assert reasons(b.build(z)) == {"NOT_FUSIBLE"}


def test_two_products_of_one_input_stay_apart() -> None:
    b = ProgramBuilder("p")
    x, w = b.input("x", [8, 16]), b.constant("w", [16 * 16], "panel16", [16, 16])
    program = b.build(b.gemm(x, w, 8, 16, 16), b.gemm(x, w, 8, 16, 16))
    assert len(fused(program)[0]) == 2


@pytest.mark.parametrize(
    ("rows", "depth", "residual", "norm", "apart"),
    [
        (1024, 1024, True, True, True),  # the norm's kernel adds
        (1024, 1024, True, False, False),  # a kernel of its own costs a launch
        (4096, 1024, True, False, True),
        (4096, 1024, False, False, False),  # nothing to wait for
        (4096, 64, True, False, False),  # the product waits for memory
        (16, 1024, True, True, False),
    ],
)
def test_long_epilogues_of_large_products_are_kernels_on_a_gpu(
    rows: int, depth: int, residual: bool, norm: bool, apart: bool
) -> None:
    size = [rows, 1024]
    b = ProgramBuilder("p")
    x, w, r = b.input("x", [1, rows, depth]), b.input("w", [1, depth, 1024]), b.input("r", size)
    params = (("B", 1), ("M", rows), ("N", 1024), ("K", depth))
    layout = Layout.contiguous(dtypes.float32, [1, *size])
    y = b.template("triton_gemm", [TensorRef(n, b.layouts[n]) for n in (x, w)], params, [1, *size], layout)
    z = b.pointwise(
        "add",
        size,
        lambda o, i: o.op("add", o.load(y, [0, *i]), o.load(r, i) if residual else o.constant(1.0)),
    )
    out = b.reduce("sum", [rows], [1024], lambda o, i, j: o.load(z, [*i, *j])) if norm else z
    program = b.build(out)
    groups, lines, _ = fuse(program, analyse(program), -1, GPU)
    assert any("LONG_EPILOGUE" in line for line in lines) is apart
    first = next(g for g in groups if g.kind == "template")
    assert (len(first.nodes) == 1) is apart
    assert not apart or not norm or len(groups) == 2
    assert not any("LONG_EPILOGUE" in line for line in fused(program)[1])


def test_a_transposed_reader_of_a_stored_value() -> None:
    """y = a + a.T needs all of a before it starts."""
    b = ProgramBuilder("p")
    x = b.input("x", [8, 8])
    a = b.pointwise("exp", [8, 8], lambda o, i: o.op("exp", o.load(x, i)))
    y = b.pointwise("add", [8, 8], lambda o, i: o.op("add", o.load(a, i), o.load(a, [i[1], i[0]])))
    assert reasons(b.build(y)) == {"OTHER_INDEX"}


def test_kernels_do_not_grow_without_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("compiler.scheduler.fuse.MAX_OPS", 7)
    assert "TOO_LARGE" in reasons(FAMILIES["pointwise_chain"]())


def test_rows_too_long_for_the_cache_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("compiler.scheduler.fuse.LOCAL_LIMIT_BYTES", 100)
    assert "LOCAL_TOO_LARGE" in reasons(FAMILIES["softmax"]())


def test_tasks_of_columns_are_tiles() -> None:
    b = ProgramBuilder("p")
    x = b.input("x", [50, 640])
    s = b.reduce("sum", [640], [50], lambda o, i, r: o.load(x, [r[0], i[0]]))
    (group,) = fused(b.build(s))[0]
    assert cost.tasks_of(group) == 640 // cost.COLUMNS_PER_TASK


def test_a_template_with_one_column_takes_its_epilogue() -> None:
    b = ProgramBuilder("p")
    x, w = b.input("x", [8, 16]), b.constant("w", [16 * 16], "panel16", [16, 1])
    y = b.gemm(x, w, 8, 1, 16)
    z = b.pointwise("relu", [8], lambda o, i: o.op("maximum", o.load(y, [i[0], 0]), o.constant(0.0)))
    assert len(fused(b.build(z))[0]) == 1


def test_a_chain_of_a_thousand_nodes_is_fused_quickly() -> None:
    b = ProgramBuilder("p")
    x = b.input("x", [64])
    for _ in range(1000):
        x = b.pointwise("neg", [64], lambda o, i, x=x: o.op("neg", o.load(x, i)))
    groups, _ = fused(b.build(x))
    assert 5 <= len(groups) <= 40
    assert Layout.contiguous(dtypes.float32, [64]).numel() == 64
