"""The generated header as text: names, views, literals, the comment. `tests/error` compiles and runs one."""

from __future__ import annotations

import pytest

from compiler.ir.dtypes import bfloat16, bool_, float32, int64
from compiler.ir.expr import const, sym
from compiler.ir.loop import Layout
from compiler.ir.wrapper import InputSlot, OutputSlot, Plan, Return, SizeSymbol
from compiler.package import header

MATRIX = Layout.contiguous(float32, [2, 3])


def write(inputs: list[InputSlot], outputs: list[OutputSlot], symbols: list[SizeSymbol] | None = None) -> str:
    return header.write(
        Plan("m_aoti", inputs, [], outputs, [Return(())], symbols or [], arena_bytes=128, weights_bytes=64)
    )


def test_signature() -> None:
    text = write(
        [InputSlot("ids", Layout.contiguous(int64, [1, 128]), "m.py:3")], [OutputSlot("embedding", MATRIX)]
    )
    for wanted in (
        "#ifndef M_AOTI_H_",
        "//   (embedding) = m_aoti(ids)",
        "//   input   ids        int64 [1, 128]   (m.py:3)",
        "//   output  embedding  float32 [2, 3]",
        "//   weights 64 bytes",
        "//   arena   128 bytes",
        "const AotiModelApi *m_aoti_api(void);",
        "namespace m_aoti {",
        "aoti::TensorView<const float, 2, 3> embedding() const",
        "Result run(aoti::TensorView<const int64_t, 1, 128> ids) const {",
        '{"ids", ids.data(), ids.given(), 4, 2, ids.sizes(), ids.strides()},',
    ):
        assert wanted in text, wanted


@pytest.mark.parametrize(
    "layout, wanted",
    [
        (MATRIX, "aoti::TensorView<const float, 2, 3>"),
        (Layout.contiguous(bool_, []), "aoti::TensorView<const bool>"),
        (Layout.contiguous(bfloat16, [4]), "aoti::TensorView<const AotiBFloat16, 4>"),
        (
            Layout(float32, MATRIX.size, (const(1), const(2))),
            "aoti::StridedView<const float, aoti::Numbers<2, 3>, aoti::Numbers<1, 2>>",
        ),
        (
            Layout.contiguous(float32, [sym("s0", 1, 9), 3]),
            "aoti::TensorView<const float, aoti::kDynamic, 3>",
        ),
    ],
)
def test_views(layout: Layout, wanted: str) -> None:
    assert header.view_type(layout) == wanted


def test_names_do_not_clash() -> None:
    inputs = [InputSlot(n, MATRIX) for n in ("class", "run", "a", "class_")]
    outputs = [OutputSlot(n, MATRIX) for n in ("ok", "a", "int")]
    text = write(inputs, outputs)
    assert "(ok_, a, int_) = m_aoti(class_, run_, a, class__)" in text
    assert '{"class", class_.data()' in text  # the model's own name stays in messages


def test_literals_and_none() -> None:
    text = write(
        [],
        [
            OutputSlot("n", None, None),
            OutputSlot("k", None, 3),
            OutputSlot("t", None, True),
            OutputSlot("f", None, 0.5),
        ],
    )
    assert "// Output 0 (n) is None." in text
    assert "int64_t k() const { return 3; }" in text
    assert "bool t() const { return true; }" in text
    assert "double f() const { return 0.5; }" in text
    assert "ModelBase::run(nullptr, kNumInputs, &result);" in text


def test_dynamic_sizes_are_explained() -> None:
    s0 = sym("s0", 1, 64)
    layout = Layout.contiguous(float32, [s0, 3])
    text = write([InputSlot("x", layout)], [OutputSlot("y", layout)], [SizeSymbol(s0, 0, 0)])
    assert "//   size    s0: 1 <= s0 <= 64" in text
    assert "std::vector<float> x(s0 * 3);" in text and "model.run(x);" in text
    wide = Layout.contiguous(float32, [s0, s0 * 2])
    text = write([InputSlot("x", wide)], [OutputSlot("n", None, s0 * 3)], [SizeSymbol(s0, 0, 0)])
    assert "model.run({x.data(), x.size(), {s0, 2*s0}});" in text
    assert "int64_t n() const { return number<int64_t>(0); }" in text


def test_an_origin_cannot_break_out_of_the_comment() -> None:
    text = write([InputSlot("x", MATRIX, "evil.py\n#error here\\")], [OutputSlot("y", MATRIX)])
    assert not any(line.startswith("#error") for line in text.splitlines())
    assert not any(line.startswith("//") and line.endswith("\\") for line in text.splitlines())
