"""The manifest: complete, sorted, free of paths."""

from __future__ import annotations

import json
from pathlib import Path

from compiler.package import manifest
from compiler.package.elf_test import shared_library
from compiler.support.options import CompileOptions, Context
from compiler.wrapper import cpp_writer, example
from compiler.wrapper.plan import run

OPTIONS = CompileOptions("m_aoti", "static", ("x86-64-v3",))


def made() -> dict[str, manifest.Json]:
    context = Context(OPTIONS)
    specs = example.specs()
    plan = run(example.schedule(), specs, {}, 0, context)
    return manifest.build(plan, specs, OPTIONS, cpp_writer.write(plan, context), "ab" * 32, "cd" * 32)


def test_contents() -> None:
    found = made()
    assert (found["name"], found["shim"], found["isa"]) == ("m_aoti", "static", ["x86-64-v3"])
    assert found["inputs"][0] == {"name": "x", "dtype": "float32", "shape": [64, 64], "strides": [64, 1], "device": "cpu",
                                  "origin": "models/my_model.py:20 in forward"}  # fmt: skip  # type: ignore[index,call-overload]
    assert found["shim_functions"] == ["aoti_torch_empty_strided"]
    assert found["arena_bytes"] == 16384 and found["model_sha256"] == "ab" * 32
    assert [k["function"] for k in found["kernels"]] == ["cpp_fused_sin_0", "cpp_fused_mm_cos_1"]  # type: ignore[union-attr,index,call-overload]


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
