"""Wrapper IR: text round trip, and a plan that breaks each rule of the verifier."""

from __future__ import annotations

from dataclasses import replace

import pytest

from compiler.ir.dtypes import bool_, float32, int64
from compiler.ir.expr import Expr, const, sym
from compiler.ir.loop import Layout
from compiler.ir.wrapper import (
    Alloc,
    Arg,
    Cond,
    ConstantSlot,
    ExternCall,
    InputSlot,
    Launch,
    Line,
    Operand,
    OutputSlot,
    Plan,
    ProxyCall,
    Return,
    Reuse,
    SizeSymbol,
    View,
    While,
)
from compiler.ir.wrapper_text import parse_plan, print_plan, split_list
from compiler.ir.wrapper_verify import verify
from compiler.support.diagnostics import InternalError
from compiler.support.origins import Origin

MATRIX = Layout.contiguous(float32, [8, 8])  # 256 bytes
FLAG = Layout.contiguous(bool_, [])


def launch(kernel: str, *args: tuple[str, str]) -> Launch:
    origin = Origin("sin", "aten.sin.default", "models/m.py:3 in forward")
    return Launch(kernel, tuple(Arg(name, "float", mode) for name, mode in args), (origin,))


def plan(*lines: Line, outputs: tuple[OutputSlot, ...] = (OutputSlot("y", MATRIX),)) -> Plan:
    w = ConstantSlot("w", MATRIX, MATRIX, 64, 256, "fc.weight", "parameter")
    return Plan(
        "m",
        [InputSlot("x", MATRIX, 'a "quoted": line')],
        [w],
        list(outputs),
        list(lines),
        arena_bytes=1024,
        weights_bytes=320,
    )


def exprs_of(x: int, y: int, z: int) -> tuple[Expr, Expr, Expr]:
    return const(x), const(y), const(z)


GOOD = plan(
    Alloc("a", MATRIX, "arena", 0),
    launch("k0", ("x", "in"), ("a", "out")),
    Reuse("b", MATRIX, "a"),
    launch("k1", ("w", "in"), ("b", "inout")),
    Alloc("y", MATRIX, "output"),
    launch("k2", ("b", "in"), ("y", "out")),
    Return(("y",)),
)


def test_good_plan_verifies_and_round_trips() -> None:
    verify(GOOD)
    assert parse_plan(print_plan(GOOD)) == GOOD


def test_a_launch_with_all_that_a_gpu_takes_round_trips() -> None:
    on_gpu = Layout.contiguous(float32, [8, 8], "cuda")
    older = Launch("k_older", (Arg("x", "float", "in"), Arg("y", "float", "out")), grid=exprs_of(2, 1, 1))
    newer = replace(
        launch("k", ("y", "out")),
        grid=exprs_of(4, 2, 1),
        maps=(Operand("x", on_gpu),),
        workspace=True,
        otherwise=older,
    )
    p = Plan(
        "gpu", [InputSlot("x", on_gpu)], [], [OutputSlot("y", on_gpu)],
        [Alloc("y", on_gpu, "output"), replace(newer, otherwise=replace(older, origins=newer.origins)), Return(("y",))],
        workspace_bytes=1024, semaphores=3,
    )  # fmt: skip
    text = print_plan(p)
    assert " workspace else launch k_older(" in text and print_plan(parse_plan(text)) == text
    assert p.gpu_kernels() == ["k", "k_older"]
    verify(p)
    assert parse_plan(text) == p
    with pytest.raises(InternalError, match="workspace in a plan that has none"):
        verify(replace(p, semaphores=0))


def test_every_kind_of_line_round_trips() -> None:
    s0 = sym("s0", 2, 128)
    dynamic = Layout.contiguous(float32, [s0, 8])
    everything = Plan(
        "every_kind",
        [InputSlot("x", dynamic)],
        [
            ConstantSlot(
                "w",
                Layout.contiguous(float32, [64]),
                MATRIX,
                0,
                256,
                'odd "name"',
                "buffer",
                "conv_panel16:2",
            )
        ],
        [
            OutputSlot("y", dynamic),
            OutputSlot("n", None, None),
            OutputSlot("t", None, True),
            OutputSlot("f", None, -0.5),
        ],
        [
            Alloc("p", FLAG, "arena", 0),
            Alloc("y", dynamic, "output"),
            View("v", Layout(int64, MATRIX.size, MATRIX.stride, s0 * 4), "y"),
            Launch(
                "k",
                (Arg("x", "float", "in"), Arg("y", "float", "out"), Arg(s0 * 8 + 1, "int64_t", "size")),
                (),
                True,
            ),
            ExternCall(
                "aoti_torch_cpu_f",
                "z",
                (Operand("x", dynamic), 3, -1.5, True, None, (1, 2), "a, b", ()),
                MATRIX,
            ),
            ExternCall(
                "aoti_torch_cpu_mm_out",
                "y",
                (Operand("x", dynamic),),
                None,
                (Origin("mm", "aten.mm.default"),),
            ),
            ProxyCall(0, (Operand("x", dynamic), 7, (8, (0.5, None)), "a, [b"), (Operand("y", dynamic),)),
            Cond("p", (launch("k0", ("y", "out")),), (), (Origin("cond", "cond", "m.py:9 in f"),)),
            While("p", (launch("k1", ("p", "out")),), (Cond("p", (), (launch("k2", ("y", "out")),)),)),
            Return(("y", None, None, None)),
        ],
        [SizeSymbol(s0, 0, 0)],
        arena_bytes=64,
        weights_bytes=256,
        ops=['lib::op(Tensor x, str s="a, b") -> Tensor', "lib::other() -> ()"],
    )
    text = print_plan(everything)
    assert parse_plan(text) == everything
    assert print_plan(parse_plan(text)) == text


@pytest.mark.parametrize(
    "broken, why",
    [
        (plan(launch("k", ("ghost", "in")), Return(("y",))), "'ghost' is used before it is defined"),
        (plan(Alloc("x", MATRIX, "output"), Return(("x",))), "'x' is defined twice"),
        (
            plan(
                Alloc("a", MATRIX, "arena", 0),
                Alloc("b", MATRIX, "arena", 128),
                launch("k", ("a", "in")),
                Return(("y",)),
            ),
            "'a' is used after 'b' took its memory",
        ),
        (
            plan(
                Alloc("a", MATRIX, "arena", 0),
                Reuse("b", MATRIX, "a"),
                launch("k", ("a", "in")),
                Return(("y",)),
            ),
            "'a' is used after 'b' took it over",
        ),
        (
            plan(
                Alloc("a", MATRIX, "arena", 0),
                View("v", MATRIX, "a"),
                Alloc("b", MATRIX, "arena", 0),
                launch("k", ("v", "in")),
                Return(("y",)),
            ),
            "'v' is used after 'b' took its memory",
        ),
        (plan(Alloc("a", MATRIX, "arena", 32), Return(("a",))), "misaligned or beyond the arena"),
        (plan(Alloc("a", MATRIX, "arena", 896), Return(("a",))), "misaligned or beyond the arena"),
        (plan(launch("k", ("x", "out")), Return(("y",))), "'x' is written but belongs to the caller"),
        (
            plan(launch("k", ("w", "inout")), Return(("y",))),
            "'w' is written but belongs to the caller or the weights",
        ),
        (plan(Alloc("a", MATRIX, "arena", 0), Return(("a",))), "whose memory is not the caller's"),
        (plan(Return(("x",))), "whose memory is not the caller's"),
        (plan(Alloc("y", MATRIX, "output"), Return(())), "returns 0 values for 1 outputs"),
        (plan(Alloc("y", MATRIX, "output"), Return((None,))), "wants a tensor"),
        (plan(Alloc("y", MATRIX, "output")), "the last line is not a return"),
        (
            plan(Alloc("y", MATRIX, "output"), Return(("y",)), Return(("y",))),
            "a return that is not the last line",
        ),
        (
            plan(View("v", Layout.contiguous(float32, [65]), "x"), Return(("v",))),
            "reaches 260 bytes into the memory of 'x'",
        ),
        (
            plan(
                Alloc("a", MATRIX, "arena", 0),
                Reuse("b", Layout.contiguous(float32, [65]), "a"),
                Return(("b",)),
            ),
            "reaches 260 bytes",
        ),
        (plan(Cond("x", (), ()), Return(("y",))), "predicate 'x' is not a bool of one element"),
        (
            plan(Alloc("y", Layout.contiguous(float32, [64]), "output"), Return(("y",))),
            "another layout",
        ),
        (
            plan(
                Alloc("y", MATRIX, "output"),
                Return(("y", "y")),
                outputs=(OutputSlot("a", MATRIX), OutputSlot("b", MATRIX)),
            ),
            "'y' is given away twice",
        ),
        (
            plan(launch("k0"), Launch("k", (Arg(sym("s9", 0, 4), "int64_t", "size"),)), Return(())),
            "unknown symbols",
        ),
        (replace(GOOD, weights_bytes=300), "misaligned or outside the weights"),
    ],
)
def test_broken_plans_are_refused(broken: Plan, why: str) -> None:
    with pytest.raises(InternalError) as caught:
        verify(broken)
    assert why in str(caught.value)


def test_names_of_a_block_end_with_it() -> None:
    inner = (Alloc("a", MATRIX, "arena", 64), launch("k", ("a", "out")))
    flag = Alloc("p", FLAG, "arena", 0)
    with pytest.raises(InternalError, match="'a' is used before it is defined"):
        verify(plan(flag, Cond("p", inner, ()), launch("k", ("a", "in")), Return(("y",))))


def test_parser_names_the_line() -> None:
    text = print_plan(GOOD).replace("launch k1", "lunch k1")
    with pytest.raises(ValueError, match=r"line 13 of the plan is not understood: lunch k1"):
        parse_plan(text)


def test_split_list_respects_brackets_and_quotes() -> None:
    assert split_list('a: float32 [1, 2], "x, y", (b, c)') == ["a: float32 [1, 2]", '"x, y"', "(b, c)"]
    assert split_list("") == []
