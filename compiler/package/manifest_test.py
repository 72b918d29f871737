"""The manifest: complete, sorted, free of paths."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from compiler.ir.dtypes import float32
from compiler.ir.kernel import KernelSpec
from compiler.ir.loop import Layout
from compiler.ir.wrapper import InputSlot, OutputSlot, Plan, Return
from compiler.package import manifest
from compiler.package.elf_example import shared_library
from compiler.support.options import CompileOptions
from compiler.support.origins import Origin

OPTIONS = CompileOptions("m_aoti", isa=("x86-64-v3",))
MATRIX = Layout.contiguous(float32, [64, 64])


def made() -> dict[str, manifest.Json]:
    origins = (Origin("sin", "aten.sin.default", "m.py:3 in forward"),)
    specs = [KernelSpec(f"cpp_sin_{n}", "cpp_sin_0", (), (), (), origins) for n in range(2)]
    plan = Plan(
        "m_aoti",
        [InputSlot("x", MATRIX, "m.py:3")],
        [],
        [OutputSlot("y", MATRIX), OutputSlot("n", None)],
        [Return(("y", None))],
    )
    plan.arena_bytes = 16384
    files = {"wrapper/model.cpp": "aoti_torch_empty_strided(2); aoti_torch_clone(x); not_ours(3);"}
    return manifest.build(plan, specs, OPTIONS, files, "ab" * 32, "cd" * 32)


def test_contents() -> None:
    found: dict[str, Any] = dict(made())
    assert (found["name"], found["shim"], found["isa"]) == ("m_aoti", "static", ["x86-64-v3"])
    tensor = {"dtype": "float32", "shape": [64, 64], "strides": [64, 1], "device": "cpu"}
    assert found["inputs"] == [{"name": "x", **tensor, "origin": "m.py:3"}]
    assert found["outputs"] == [{"name": "y", **tensor}, {"name": "n", "literal": None}]
    assert found["shim_functions"] == ["aoti_torch_clone", "aoti_torch_empty_strided"]
    assert found["arena_bytes"] == 16384 and found["model_sha256"] == "ab" * 32
    assert [(k["name"], k["function"]) for k in found["kernels"]] == [
        ("cpp_sin_0", "cpp_sin_0"),
        ("cpp_sin_1", "cpp_sin_0"),
    ]
    assert found["kernels"][0]["origins"] == ["aten.sin.default [sin] at m.py:3 in forward"]


def test_text_is_sorted_and_repeatable() -> None:
    text = manifest.text(made())
    assert text == manifest.text(made())
    assert list(json.loads(text)) == sorted(json.loads(text))


def test_what_linking_found_is_added(tmp_path: Path) -> None:
    library = tmp_path / "libm_aoti.so"
    library.write_bytes(shared_library())
    found = made()
    manifest.add_library(found, library)
    assert found["library"] == {"file": "libm_aoti.so", "bytes": library.stat().st_size, "needed": ["libc.so.6"],
                                "imports": ["hook", "malloc"], "exports": ["mine"]}  # fmt: skip
    assert str(tmp_path) not in manifest.text(found)
