"""Kernel names."""

from __future__ import annotations

from compiler.scheduler.names import MAX_OPS_CHARACTERS, kernel_name, op_word
from compiler.support.origins import Origin


def test_ops_in_order_each_once() -> None:
    origins = [
        Origin("a", "aten.add.Tensor"),
        Origin("b", "aten._softmax.default"),
        Origin("c", "aten.add.Scalar"),
    ]
    assert kernel_name(origins, 3) == "cpp_fused_add_softmax_3"


def test_names_have_a_sensible_length_and_are_identifiers() -> None:
    origins = [Origin(f"n{k}", f"aten.some_rather_long_op_{k}.default") for k in range(9)]
    name = kernel_name(origins, 12)
    assert name.isidentifier() and name.endswith("_etc_12") and len(name) < MAX_OPS_CHARACTERS + 30


def test_unknown_spellings() -> None:
    assert op_word("<built-in function mul>") == "built_in_function_mul"
    assert op_word("prims.convert_element_type.default") == "convert_element_type"
    assert kernel_name([], 0) == "cpp_fused_kernel_0"
