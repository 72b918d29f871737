"""Printer and parser are inverse for every kind of node; bad text is refused with its line."""

from __future__ import annotations

import pytest
import torch

from compiler.ir.loop import Constant, Layout
from compiler.ir.loop_parse import parse_program
from compiler.ir.loop_text import digest, print_program

EVERYTHING = """\
program every_node
in_spec "[1, {\\"type\\": null}]"
out_spec "[1]"
symbol n in [2, inf]
input x float32 [8, 4] stride [4, 1] at "models/x.py:3 in forward"
input ids int64 [n] stride [1]
constant w float32 [4] stride [1] source "layer.w" fqn "layer.w" sha256 00ff
constant p float32 [64] stride [1] source "layer.v:view" packing "panel16" transpose
buf0 = pointwise float32 [8, 4] stride [4, 1]
  from "sin" "aten.sin.default" "models/x.py:3 in forward"
  from "a \\"b\\"" "aten.add.Tensor" ""
  %0 = load x[4*i0 + i1] : float32
  %1 = index [i0 // 2 - 1] : int64
  %2 = constant 0 : int64
  %3 = ge %1, %2 : bool
  %4 = constant -inf : float32
  %5 = load x[4*i0 + i1 - 4] if %3 else %4 : float32
  %6 = where %3, %0, %5 : float32
  %7 = constant -0.0 : float32
  %8 = add %6, %7 : float32
  yield %8
buf1 = reduction.argmax int64 [8] stride [1] over [4] acc float32
  from "argmax" "aten.argmax.default" ""
  %0 = load buf0[4*i0 + r0] : float32
  yield %0
buf2 = scan.sum float32 [8, 4] stride [4, 1] dim 1 acc float32
  from "cumsum" "aten.cumsum.default" ""
  %0 = load buf0[4*i0 + i1] : float32
  yield %0
buf3 = scatter.add float32 [8, 4] stride [4, 1] over [2, 4] at [i1 + 4*v1] base buf2 float32 [8, 4] stride [4, 1]
  from "index_put" "aten.index_put.default" ""
  %0 = load buf1[i0] : int64
  %1 = indirect %0 in [8] "aten.index_put.default [index_put]" : int64
  %2 = load w[i1] : float32
  yield %2
buf4 = view float32 [4, 4] stride [1, 4] offset 16 of buf3 float32 [4, 4] stride [1, 4] offset 16
  from "t" "aten.t.default" ""
buf5 = template gemm float32 [4, 16] stride [16, 1] over [4, 16]
  from "mm" "aten.mm.default" ""
  operand buf4 float32 [4, 4] stride [1, 4] offset 16
  operand p float32 [64] stride [1]
  param M = int 4
  param N = int 16
  param K = int 4
buf7 = extern aoti_torch_cpu_f float32 [8] stride [1] op "aten.f.default"
  from "f" "aten.f.default" ""
  operand buf1 int64 [8] stride [1]
  argument int 3
  argument float 0.5
  argument bool true
  argument none
  argument str "a; b]"
  argument [int 1; [int 2; none]; float inf]
output y = buf5 float32 [4, 16] stride [16, 1]
output count = int 3
output nothing = none
"""


def test_every_node_is_printed_as_it_was_read() -> None:
    text = EVERYTHING.replace("[i1 + 4*v1]", "[4*v1 + i1]").replace(
        "index [i0 // 2 - 1]", "index [(i0 // 2) - 1]"
    )
    assert print_program(parse_program(text)) == text
    assert print_program(parse_program(EVERYTHING)) == text


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("buf0 = pointwise float33 [8] stride [1]", "unknown dtype 'float33'"),
        ("buf0 = cosine float32 [8] stride [1]", "cosine"),
        ("buf0 = pointwise float32 [8] stride 1", r"expected '\[', got '1'"),
        ("buf0 = pointwise float32 [8 stride [1]", r"no \] closes"),
        (
            "buf0 = pointwise float32 [8] stride [1]\n  %0 = load x[j0] : float32\n  yield %0",
            "unknown symbol 'j0'",
        ),
        (
            "buf0 = pointwise float32 [8] stride [1]\n  %1 = constant 1.0 : float32\n  yield %1",
            "expected the op %0",
        ),
        (
            "buf0 = pointwise float32 [8] stride [1]\n  %0 = frobnicate : float32\n  yield %0",
            "unknown operation 'frobnicate'",
        ),
        ("buf0 = pointwise float32 [8] stride [1]\n  %0 = constant 1.0 : float32", "yields nothing"),
        ("input x float32 [8] stride [1] else", "unexpected 'else'"),
        ("input x float32 [8] stride [1] at forward", "expected a quoted string"),
    ],
)
def test_bad_text_is_refused_with_its_line(line: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        parse_program("program bad\n" + line)
    assert "loop IR line" in str(error.value)


def test_digests_are_of_the_elements() -> None:
    w = torch.arange(6, dtype=torch.float32).view(2, 3)
    assert digest(w.t()) == digest(w.t().contiguous()) != digest(w)
    assert digest(torch.zeros(0)) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_a_program_with_data_prints_their_digests() -> None:
    program = parse_program("program p\n", {"w": torch.ones(2)})
    program.constants.append(
        Constant("w", Layout.contiguous(parse_program(EVERYTHING).inputs[0].layout.dtype, [2]), "w", "w")
    )
    assert f"sha256 {digest(torch.ones(2))}" in print_program(program)
