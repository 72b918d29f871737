"""The C++ of a plan, line by line, and what happens to names and numbers that C++ reads otherwise."""

from __future__ import annotations

import pytest

from compiler.ir.dtypes import bool_, float32, int64
from compiler.ir.expr import Expr, as_expr, const, maximum, sym
from compiler.ir.guard import Guard
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
    ReadSize,
    Return,
    Reuse,
    SizeSymbol,
    View,
    While,
)
from compiler.ir.wrapper_text import parse_plan, print_plan
from compiler.ir.wrapper_verify import verify
from compiler.support.options import CompileOptions, Context
from compiler.support.origins import Origin
from compiler.wrapper import cpp_writer, example
from compiler.wrapper.cpp_names import expression, identifier
from compiler.wrapper.example import MATRIX
from compiler.wrapper.plan import run
from compiler.wrapper.size_checks import bind

CONTEXT = Context(CompileOptions("m_aoti"))
FLAG = Layout.contiguous(bool_, [])


def cpp(*lines: Line, outputs: tuple[OutputSlot, ...] = (), constants: tuple[ConstantSlot, ...] = ()) -> str:
    plan = Plan(
        "m_aoti",
        [InputSlot("x", MATRIX)],
        list(constants),
        list(outputs),
        [*lines],
        arena_bytes=65536,
        weights_bytes=16384,
        ops=[
            "lib::op(Tensor x, int i, float f, bool b, Tensor? t, str s, Tensor[] xs, SymInt n=1) -> Tensor",
        ],
    )
    verify(plan)
    return cpp_writer.write(plan, CONTEXT)["model.cpp"]


def test_my_model() -> None:
    plan = run(example.schedule(), example.specs(), {}, 0, CONTEXT)
    files = cpp_writer.write(plan, CONTEXT)
    assert list(files) == ["model.cpp"]
    text = files["model.cpp"]
    for wanted in (
        "  float *const buf0 = aoti_arena<float>(args, 0);  // float32 [64, 64] stride [64, 1]\n",
        "  // aten.sin.default [sin] at models/my_model.py:20 in forward\n  kernels->cpp_fused_sin_0(ctx, x, buf0);\n",
        "  RAIIAtenTensorHandle buf2_owner(buf2_handle);\n",
        '  kernels->cpp_fused_mm_cos_1(ctx, buf0, y, buf2);\n  AOTI_KERNEL_CHECK(ctx, "cpp_fused_mm_cos_1");\n',
        "  args->outputs[0] = buf2_owner.release();  // cos\n  return AOTI_RUNTIME_SUCCESS;\n",
        '    {"x", AOTI_DTYPE_FLOAT32, AOTI_DEVICE_CPU, 2, kInput0Dims, nullptr, "models/my_model.py:20 in forward", 0, 0},\n',
        '    {AOTI_ISA_X86_64_V4, "x86-64-v4", &aoti_kernels_x86_64_v4, &aoti_kernels_x86_64_v4_traced},\n    {AOTI_ISA_X86_64_V3,',
        "    /* arena_bytes */ 16384,\n",
        "const AotiModelApi *m_aoti_api(void) { return aoti_model_api_of_this_library(); }",
    ):
        assert wanted in text, wanted
    assert text.count("AOTI_KERNEL_CHECK") == 1


def test_weights_have_a_file_of_their_own() -> None:
    weight = ConstantSlot(
        "w", Layout.contiguous(float32, [4096]), MATRIX, 0, 16384, 'odd "name"', "parameter", "panel16"
    )
    plan = Plan(
        "m_aoti", [], [weight], [], [Launch("k", (Arg("w", "float", "in"),)), Return(())], weights_bytes=16384
    )
    files = cpp_writer.write(plan, CONTEXT)
    assert '.incbin \\"" AOTI_WEIGHTS_FILE "\\"' in files["weights.cpp"]
    assert "const float *const w = aoti_constant<float>(args, 0);" in files["model.cpp"]
    wanted = '{"w", "odd \\"name\\"", AOTI_DTYPE_FLOAT32, 1, kConstant0Sizes, nullptr, 0, 16384, '
    wanted += "AOTI_CONSTANT_PARAMETER, AOTI_PACKING_PANEL16, AOTI_DEVICE_CPU, 0}"
    assert wanted in files["model.cpp"]


def test_reuse_view_and_cast() -> None:
    text = cpp(
        Alloc("a", MATRIX, "arena", 0),
        Reuse("b", MATRIX, "a"),
        View("v", Layout(int64, MATRIX.size[:1], MATRIX.stride[1:]), "b"),
        Launch("k", (Arg("b", "uint32_t", "out"), Arg("v", "int64_t", "in"))),
        Return(()),
    )
    assert "float *const b = a;  // reuse;" in text
    assert "int64_t *const v = reinterpret_cast<int64_t *>(b);  // view;" in text
    assert "kernels->k(ctx, reinterpret_cast<uint32_t *>(b), v);" in text


def test_extern_calls() -> None:
    row = Layout(float32, MATRIX.size[:1], MATRIX.stride[1:], const(64))
    text = cpp(
        Alloc("y", MATRIX, "output"),
        ExternCall("aoti_torch_cpu_mm_out", "y", (Operand("x", MATRIX), Operand("x", row)), None),
        ExternCall("aoti_torch_cpu_f", "z", (Operand("y", MATRIX), -2, True, None, (1, 2), "s"), row),
        Return(("y", "z")),
        outputs=(OutputSlot("y", MATRIX), OutputSlot("z", Layout(float32, row.size, row.stride))),
    )
    text = " ".join(text.split())  # long calls are folded
    assert "aoti_torch_cpu_mm_out(y_owner, tensor0_owner, tensor1_owner)" in text
    assert (
        "aoti_torch_create_tensor_from_blob(const_cast<float *>(x), 1, tensor1_sizes, tensor1_strides, 64,"
        in text
    )
    assert 'aoti_torch_cpu_f(y_owner, INT64_C(-2), true, nullptr, array2, 2, "s", &z_handle)' in text
    assert (
        'AOTI_RESULT_CHECK("aoti_torch_cpu_f", &z_handle, 1, z_sizes, z_strides, AOTI_DTYPE_FLOAT32);' in text
    )
    assert "args->outputs[1] = z_owner.release();" in text


def test_blocks_and_proxy_calls() -> None:
    step = Launch("k", (Arg("p", "bool", "out"),))
    text = cpp(
        Alloc("p", FLAG, "arena", 0),
        Cond("p", (step,), ()),
        While("p", (step,), (step,)),
        ProxyCall(
            0,
            (Operand("p", FLAG), 5, 0.5, True, None, "s", (Operand("p", FLAG),), 3),
            (Operand("p", FLAG),),
        ),
        Return(()),
    )
    assert "  if (*p) {\n    kernels->k(ctx, p);\n  } else {\n  }\n" in text
    assert (
        "  for (;;) {\n    kernels->k(ctx, p);\n    if (!*p) break;\n    kernels->k(ctx, p);\n  }\n" in text
    )
    assert "// lib::op(x=p, i=5, f=0.5, b=True, t=None, s='s', xs=[p], n=3)\n" in text
    assert "AOTI_OP_CHECK(args, 0, tensors" in text and ", 2, nullptr, 0, outputs" in text
    assert "static const uint8_t kOpRecord[] = {\n    0x41, 0x4f, 0x50, 0x52, 0x01," in text
    assert "/* op_record */ kOpRecord," in text


def test_what_the_host_reads_of_a_gpu_is_copied() -> None:
    """A size, and the condition of a branch and a loop; such a run is no graph."""
    flag, count = (Layout.contiguous(dtype, [], device="cuda") for dtype in (bool_, int64))
    plan = Plan(
        "m_aoti",
        [InputSlot("n", count)],
        [],
        [],
        [
            ReadSize(sym("u0", 0, 64), Operand("n", count), (Origin("item", "aten.item.default", "m.py:3"),)),
            Alloc("p", flag, "arena", 0),
            Cond("p", (), ()),
            While("p", (), ()),
            Return(()),
        ],
        arena_bytes=64,
    )
    verify(plan)
    text = cpp_writer.write(plan, CONTEXT)["model.cpp"]
    assert "aoti_cuda_copy(cuda, &read0, n + 0, sizeof read0, AOTI_CUDA_DEVICE_TO_HOST)" in text
    assert "const int64_t u0 = read0;" in text and "if (read1) {" in text
    assert "    if (!read2) break;" in text and "aoti_cuda_copy(cuda, &read2, p, sizeof read2" in text
    assert '"the host reads a number that the model computes (aten.item.default [item] at m.py:3)"' in text


def test_literal_outputs() -> None:
    slots = (
        OutputSlot("n", None, None),
        OutputSlot("t", None, True),
        OutputSlot("i", None, -7),
        OutputSlot("f", None, float("inf")),
    )
    text = cpp(Return((None,) * 4), outputs=slots)
    assert "aoti_torch_new_uninitialized_tensor(&literal0_handle)" in text
    assert "aoti_torch_scalar_to_tensor_bool(true, &literal1_handle)" in text
    assert "aoti_torch_scalar_to_tensor_int64(INT64_C(-7), &literal2_handle)" in text
    assert "aoti_torch_scalar_to_tensor_float64(__builtin_inf(), &literal3_handle)" in text


def test_dynamic_sizes() -> None:
    s0 = sym("s0", 2, 128)
    layout = Layout.contiguous(float32, [s0, 8])
    lines: list[Line] = [
        Alloc("y", layout, "output"),
        Launch("k", (Arg("y", "float", "out"), Arg(s0 * 8 + 1, "int64_t", "size"))),
        Return(("y",)),
    ]
    plan = Plan(
        "m_aoti", [InputSlot("x", layout)], [], [OutputSlot("y", layout)], lines, [SizeSymbol(s0, 0, 0)]
    )
    text = cpp_writer.write(plan, CONTEXT)["model.cpp"]
    assert "const int64_t s0 = symbols[0];  // dimension 0 of input 'x'" in text
    assert "const int64_t y_sizes[] = {s0, 8};" in text
    assert "kernels->k(ctx, y, (s0 * 8 + 1));" in text
    assert "kInput0Dims[] = {{2, 128, 1, 0, 0}, AOTI_STATIC_DIM(8)};" in text


def test_derived_sizes_strides_and_guards_are_checked() -> None:
    s0 = sym("s0", 2, 128)
    x = Layout(float32, (s0 * 2 + 1, as_expr(8)), (as_expr(1), s0 * 2 + 1))
    y = Layout.contiguous(float32, [s0 * s0])
    plan = Plan(
        "m_aoti",
        [InputSlot("x", x, "m.py:1"), InputSlot("y", y)],
        [],
        [OutputSlot("n", None, s0 * 3)],
        [Return((None,))],
        bind([InputSlot("x", x), InputSlot("y", y)]),
        [Guard("ne", s0 % 4, as_expr(1), "m.py:2")],
    )
    text = cpp_writer.write(plan, CONTEXT)["model.cpp"]
    assert "symbols[0] = (symbols[1] - 1) / 2;  // s0" in text
    assert '{AOTI_CHECK_SIZE, 0, 0, "2*s0 + 1", "m.py:1"},' in text
    assert '{AOTI_CHECK_STRIDE, 0, 1, "2*s0 + 1", "m.py:1"},' in text
    assert '{AOTI_CHECK_SIZE, 1, 0, "s0*s0", nullptr},' in text
    assert '{AOTI_CHECK_CONDITION, -1, -1, "(s0 % 4) != 1", "m.py:2"},' in text
    assert "case 3: return (s0 % 4) != 1;" in text
    assert "aoti_torch_scalar_to_tensor_int64((s0 * 3), " in text
    assert "/* num_symbols */ 2," in text and "/* num_named_symbols */ 1," in text
    assert print_plan(parse_plan(print_plan(plan))) == print_plan(plan)


def test_slots_of_the_arena_are_laid_out_with_checked_arithmetic() -> None:
    s0 = sym("s0", 0, None)
    layout = Layout.contiguous(float32, [s0, s0, 8])
    lines: list[Line] = [
        Alloc("a", layout, "arena", slot=0),
        Launch("k", (Arg("a", "float", "out"),)),
        Return(()),
    ]
    symbols = [SizeSymbol(s0, 0, 0)]
    plan = Plan(
        "m_aoti", [InputSlot("x", layout)], [], [], lines, symbols, arena_bytes=128, slots=[s0 * s0 * 32]
    )
    text = cpp_writer.write(plan, CONTEXT)["model.cpp"]
    assert "offsets[0] = arena.place(arena.mul(arena.mul(s0, s0), 32));" in text
    assert "AotiArenaLayout arena(128);" in text
    assert "float *const a = aoti_arena<float>(args, slots[0]);" in text
    assert "/* arena_bytes_for */ arena_bytes_for," in text
    assert print_plan(parse_plan(print_plan(plan))) == print_plan(plan)


def test_names_that_cpp_keeps_for_itself() -> None:
    assert [identifier(n) for n in ("class", "ctx", "X", "x_owner", "fine")] == [
        "class_",
        "ctx_",
        "X_",
        "x_owner_",
        "fine",
    ]
    names = ["class", "class_", "class__"]
    assert len({identifier(n) for n in names}) == len(names)


def test_comments_cannot_swallow_code() -> None:
    text = cpp(
        Alloc("a", MATRIX, "arena", 0),
        Launch("k", (Arg("a", "float", "out"),), (Origin("n", "aten.x", "a\nb.py:1 \\"),)),
        Return(()),
    )
    assert (
        "  // aten.x [n] at a b.py:1 \n  kernels->k(ctx, a);\n" in text
        or "  // aten.x [n] at a b.py:1\n  kernels->k(ctx, a);\n" in text
    )


@pytest.mark.parametrize(
    "value, wanted",
    [
        (const(2**40), "INT64_C(1099511627776)"),
        (sym("s0", 1, 9) * 3 + 2, "(s0 * 3 + 2)"),
        (sym("s0", 1, 9) // 4, "(s0 / 4)"),
        (sym("s0", 1, 9) % 4, "(s0 % 4)"),
        (maximum(sym("s0", 1, 9), 4), "aoti_max("),
        (sym("s0", 1, 9) // sym("s1", 0, 9), "aoti_floordiv(s0, s1)"),
    ],
)
def test_expressions(value: Expr, wanted: str) -> None:
    assert wanted in expression(value)
