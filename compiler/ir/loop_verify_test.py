"""Each rule of the verifier catches a program that breaks it, and the message names the node."""

from __future__ import annotations

import pytest

from compiler.ir.loop_parse import parse_program
from compiler.ir.loop_verify import verify
from compiler.support.diagnostics import InternalError

GOOD = """\
program good
input x float32 [8, 4] stride [4, 1]
input ids int64 [8] stride [1]
constant w float32 [64] stride [1] source "w" packing "panel16"
buf0 = pointwise float32 [8, 4] stride [4, 1]
  from "a" "aten.a.default" ""
  %0 = load ids[i0] : int64
  %1 = indirect %0 in [8] "a" : int64
  %2 = load x[i1 + 4*v1] : float32
  %3 = sin %2 : float32
  yield %3
buf1 = reduction.sum float32 [8] stride [1] over [4] acc float32
  from "a" "aten.a.default" ""
  %0 = load buf0[4*i0 + r0] : float32
  yield %0
buf2 = template gemm float32 [8, 16] stride [16, 1] over [8, 16]
  from "a" "aten.a.default" ""
  operand buf0 float32 [8, 4] stride [4, 1]
  operand w float32 [64] stride [1]
  param M = int 8
  param N = int 16
  param K = int 4
output y = buf2 float32 [8, 16] stride [16, 1]
"""

BROKEN = {
    "reads ahead": ("load buf0[4*i0 + r0]", "load buf2[4*i0 + r0]", "buf1: reads buf2, which is not defined"),
    "defined twice": ("buf1 = red", "buf0 = red", "buffer buf0 is defined twice"),
    "out of bounds": ("load buf0[4*i0 + r0]", "load buf0[4*i0 + r0 + 1]", r"index 4\*i0 \+ r0 \+ 1 reaches 32, buf0 has 32"),
    "negative": ("load ids[i0]", "load ids[i0 - 1]", "may be negative"),
    "beyond through data": ("load x[i1 + 4*v1]", "load x[i1 + 5*v1]", "reaches 38"),
    "dtype of a load": ("load buf0[4*i0 + r0] : float32", "load buf0[4*i0 + r0] : int64", "buf0 is float32, loaded as int64"),
    "dtype of an op": ("sin %2 : float32", "sin %2 : int64", "has type int64, its operands say float32"),
    "operands of two types": ("sin %2", "add %2, %1", "operands of different types float32, int64"),
    "arity": ("sin %2", "sin %2, %2", "takes 1 operands, has 2"),
    "index of float": ("indirect %0 in", "indirect %2 in", "uses a later op"),
    "yield of another type": ("yield %3", "yield %1", "does not yield the buffer's dtype"),
    "reduction kind": ("reduction.sum", "reduction.mean", "unknown reduction 'mean'"),
    "template": ("template gemm", "template gemv", "unknown template 'gemv'"),
    "template parameters": ("  param K = int 4\n", "", "gemm takes M, N, K, got M, N"),
    "template operand": ("  operand buf0 float32 [8, 4] stride [4, 1]\n", "", "gemm has 1 operands"),
    "unpacked weight": (' packing "panel16"', "", "only the second operand"),
    "operand beyond its buffer": ("operand buf0 float32 [8, 4] stride [4, 1]", "operand buf0 float32 [8, 4] stride [5, 1]", "has 32"),
    "output beyond its buffer": ("= buf2 float32 [8, 16]", "= buf2 float32 [9, 16]", "output y"),
    "packed data read as it is": ("load x[i1 + 4*v1]", "load w[i1 + 4*v1]", "reads the packed constant w"),
    "no origins": ('buf1 = reduction.sum float32 [8] stride [1] over [4] acc float32\n  from "a" "aten.a.default" ""\n',
                   "buf1 = reduction.sum float32 [8] stride [1] over [4] acc float32\n", "buf1: has no origins"),
}  # fmt: skip


def test_a_good_program_passes() -> None:
    verify(parse_program(GOOD))


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_rule_is_named(name: str) -> None:
    old, new, message = BROKEN[name]
    assert old in GOOD
    with pytest.raises(InternalError, match=message):
        verify(parse_program(GOOD.replace(old, new)))
