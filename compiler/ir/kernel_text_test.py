"""KernelSpecs as text: round trip of hand-written ones, errors that name the line, and the verifier's rules."""

from __future__ import annotations

from dataclasses import replace

import pytest

from compiler.ir.kernel_parse import parse_kernels
from compiler.ir.kernel_text import print_kernels
from compiler.ir.kernel_verify import verify
from compiler.support.diagnostics import InternalError

ROWS = """kernel cpp_fused_softmax_0 function cpp_fused_softmax_0
  from "softmax" "aten._softmax.default" "models/m.py:3 in forward"
  in in_ptr0 x float32 [4, 8] stride [8, 1]
  in in_ptr1 ids int64 [4] stride [1]
  inout in_out_ptr0 buf3 float32 [4, 8] stride [8, 1]
  size s0 in [2, inf]
  can_fail
  scratch 64
  parallel i0 in [0, 3] to [4] grain 2
    local row0 float32 8
    local row1 float32 16 scratch 0
    define x0 in [0, 1] as [(i0 // 2)]
    tmp0 = load in_ptr1 [x0] : int64
    v0 = indirect tmp0 v0 in [0, 3] size [4] "index out of range" : int64
    accumulator acc0 max float32
    vector r0 in [0, 7] from [0] to [8]
      tmp1 = load in_ptr0 [8*v0 + r0] : float32
      tmp2 = constant 0.5 : float32
      tmp3 = mul tmp1 tmp2 : float32
      store row0 [r0] tmp3
      acc0 max tmp3
    vector r0 in [0, 7] from [0] to [8]
      tmp4 = load row0 [r0] : float32
      tmp5 = lt tmp4 acc0 : bool
      tmp6 = load in_ptr0 [8*i0 + r0] if tmp5 else acc0 : float32
      tmp7 = index [r0*s0] : int64
      tmp8 = neutral sum : float32
      tmp9 = combine sum tmp6 tmp8 : float32
      store in_out_ptr0 [8*i0 + r0] tmp9
"""

TEMPLATE = """kernel cpp_fused_mm_1 function cpp_fused_mm_1
  in in_ptr0 a float32 [4, 8] stride [8, 1]
  in in_ptr1 b float32 [128] stride [1]
  out out_ptr0 buf0 float32 [4, 16] stride [16, 1]
  template gemm_f32_packed tile batch in [0, 0] m in [0, 3] n in [0, 15]
    argument expr 4
    argument pointer in_ptr0 [0]
    argument pointer null [0]
    argument [expr 1; expr 2]
    argument float 0.5
    argument bool true
    row
      define x0 in [0, 1] as [(m // 2)]
    column
      tmp0 = load acc [n] : float32
      store out_ptr0 [16*m + n] tmp0
"""


@pytest.mark.parametrize("text", [ROWS, TEMPLATE, ROWS + TEMPLATE])
def test_round_trip(text: str) -> None:
    specs = parse_kernels(text)
    assert print_kernels(specs) == text
    for spec in specs:
        verify(spec)


def test_equal_keys_are_the_same_function() -> None:
    first = parse_kernels(TEMPLATE)[0]
    again = parse_kernels(
        TEMPLATE.replace("cpp_fused_mm_1", "cpp_fused_mm_7").replace(" a float32", " z float32")
    )[0]
    other = parse_kernels(TEMPLATE.replace("16*m", "17*m"))[0]
    assert first.key() == again.key() != other.key()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("as [(i0 // 2)]", "as [(i9 // 2)]", "unknown symbol 'i9'"),
        ("from [0] to [8]", "from [0] until [8]", "expected 'to'"),
        ("inout in_out_ptr0", "inoot in_out_ptr0", "inoot"),
        ("float32 8\n", "float32 many\n", "many"),
    ],
)
def test_errors_name_the_line(old: str, new: str, message: str) -> None:
    assert old in ROWS
    with pytest.raises(ValueError, match="kernel line") as error:
        parse_kernels(ROWS.replace(old, new, 1))
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("store in_out_ptr0", "store in_ptr0", "in_ptr0, which is only read"),
        ("store row0", "store row7", "row7, which is neither"),
        ("tmp4 = load row0", "tmp4 = load row7", "loads from row7"),
        ("tmp5 = lt tmp4 acc0", "tmp5 = lt tmp3 acc0", "tmp3 is used where it is not defined"),
        ("tmp4 = load", "tmp1 = load", "tmp1 is defined twice"),
        ("tmp3 = mul tmp1 tmp2", "tmp3 = mul tmp1", "tmp3: mul of 1 values"),
        ("tmp3 = mul tmp1 tmp2", "tmp3 = mull tmp1 tmp2", "tmp3: mull of 2 values"),
        ("acc0 max tmp3", "tmp3 max tmp3", "tmp3 is no accumulator"),
        ("  can_fail\n", "", "the kernel says that it cannot fail"),
        ("  in in_ptr1 ids", "  in in_ptr0 ids", "two arguments have one name"),
    ],
)
def test_the_verifier_finds_damage(old: str, new: str, message: str) -> None:
    assert old in ROWS
    with pytest.raises(InternalError, match="kernel") as error:
        verify(parse_kernels(ROWS.replace(old, new, 1))[0])
    assert message in str(error.value)


def test_the_verifier_finds_sizes_that_are_not_passed() -> None:
    with pytest.raises(InternalError, match=r"s0 in .* is no loop or integer variable"):
        verify(replace(parse_kernels(ROWS)[0], sizes=()))
