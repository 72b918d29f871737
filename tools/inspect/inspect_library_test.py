"""The inspector on a hand-built library and manifest, and on files that are neither."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from compiler.package.elf_example import shared_library
from tools.inspect import inspect_library

MANIFEST = {
    "format": 1, "name": "m_aoti", "compiler": "aotinductor 0", "shim": "static", "isa": ["x86-64-v3"],
    "inputs": [{"name": "x", "dtype": "float32", "shape": ["s0", 64], "origin": "m.py:3"}],
    "outputs": [{"name": "cos", "dtype": "float32", "shape": [64]}, {"name": "n", "literal": None}],
    "sizes": [{"name": "s0", "min": 1, "max": None}], "constants": [{"packing": "panel16"}, {"packing": ""}],
    "kernels": [{"name": "k0", "function": "k0", "origins": ["aten.sin [sin] at m.py:3"]}, {"name": "k1", "function": "k0", "origins": []}],
    "arena_bytes": 128, "weights_bytes": 64, "scratch_bytes_per_thread": 0,
}  # fmt: skip


def test_manifest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "m_aoti.manifest.json"
    path.write_text(json.dumps(MANIFEST))
    assert inspect_library.main(["inspect", str(path)]) == 0
    text = capsys.readouterr().out
    for wanted in (
        "cos, n = m_aoti(x)",
        "input   x    float32 [s0, 64]   m.py:3",
        "output  n    always None",
        "size    s0 from 1 to any",
        "kernels for x86-64-v3",
        "weights 64 bytes, 2 constants, 1 of them packed",
        "2 launches of 1 kernels",
        "k0: aten.sin [sin] at m.py:3",
    ):
        assert wanted in text, text


def test_library_with_its_manifest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    library = tmp_path / "libm_aoti.so"
    library.write_bytes(shared_library())
    (tmp_path / "m_aoti.manifest.json").write_text(json.dumps(MANIFEST))
    assert inspect_library.main(["inspect", str(library), "--symbols"]) == 0
    text = capsys.readouterr().out
    assert "libm_aoti.so: x86-64 no model library" in text
    assert "needs   libc.so.6" in text
    assert "cos, n = m_aoti(x)" in text
    assert "imports 0 functions of the shim, 2 of the system" in text
    assert "exported mine" in text and "imported malloc" in text


def test_what_needs_libtorch() -> None:
    imports = [
        "aoti_torch_clone",
        "aoti_torch_cpu_topk",
        "aoti_torch_cpu__fft_r2c",
        "Sleef_sinf8_u35",
        "malloc",
        "_ZN2at5emptyE",
    ]
    assert inspect_library.missing_without_libtorch(imports) == ["_ZN2at5emptyE", "aoti_torch_cpu__fft_r2c"]


def package(path: Path, entries: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        for name, data in entries.items():
            file.writestr(f"root/{name}", data)
    return path


def test_package(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    calls = {"nodes": [{"node": {"target": "mylib::scale"}}, {"node": {"target": "mylib::scale"}}]}
    path = package(
        tmp_path / "m.pt2",
        {
            "archive_format": b"pt2",
            "data/aotinductor/encode/a.wrapper.so": shared_library(),
            "data/aotinductor/encode/a.wrapper.json": json.dumps(calls).encode(),
            "data/aotinductor/decode/b.wrapper.so": shared_library(),
        },
    )
    assert inspect_library.main(["inspect", str(path)]) == 0
    text = capsys.readouterr().out
    assert "m.pt2: a package of 2" in text
    assert "method encode\ndata/aotinductor/encode/a.wrapper.so: x86-64" in text and "method decode\n" in text
    assert text.count("calls by name mylib::scale") == 1
    assert inspect_library.main(["inspect", str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [m["operators"] for m in found["methods"]] == [["mylib::scale"], []]


def test_package_with_pickled_weights(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Package::open refuses it by name; the model beside it that has none is told apart."""
    library = shared_library().replace(b"libc.so.6", b"libtorch\0")
    config = "data/aotinductor/pickled/weights_config.json"
    path = package(
        tmp_path / "m.pt2",
        {
            "data/aotinductor/pickled/a.wrapper.so": library,
            config: b"{}",
            "data/aotinductor/plain/b.wrapper.so": library,
        },
    )
    assert inspect_library.main(["inspect", str(path)]) == 0
    pickled, plain = capsys.readouterr().out.split("method plain\n")
    assert f"runs in PyTorch only: its weights are Python's pickles ({config}); compile with" in pickled
    assert "without libtorch" not in pickled
    assert "runs without libtorch too" in plain and "pickles" not in plain


@pytest.mark.parametrize(
    "entries, why",
    [
        ({"archive_format": b"pt2"}, "holds no compiled model"),
        ({"data/aotinductor/m/a.so": b"\x7fELF"}, "is not a sound ELF file"),
        (
            {"data/aotinductor/m/a.so": shared_library(), "data/aotinductor/m/a.json": b"{"},
            "the list of operators beside a library is damaged",
        ),
    ],
)
def test_no_package(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], entries: dict[str, bytes], why: str
) -> None:
    assert inspect_library.main(["inspect", str(package(tmp_path / "m.pt2", entries))]) == 1
    assert why in capsys.readouterr().err


def test_no_archive(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "m.pt2"
    path.write_bytes(b"nothing")
    assert inspect_library.main(["inspect", str(path)]) == 1
    assert "is not a package" in capsys.readouterr().err


def test_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    library = tmp_path / "libm_aoti.so"
    library.write_bytes(shared_library())
    assert inspect_library.main(["inspect", str(library), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["library"]["exports"] == ["mine"] and "manifest" not in found


@pytest.mark.parametrize(
    "name, content, why",
    [
        ("a.json", "{", "is not a manifest"),
        ("a.json", "[1]", "has no number `format`"),
        ("a.json", '{"format": 99}', "has format 99, this program reads format 1"),
        ("a.so", "hello", "fewer than 64 bytes"),
    ],
)
def test_other_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: str, why: str
) -> None:
    (tmp_path / name).write_text(content)
    assert inspect_library.main(["inspect", str(tmp_path / name)]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ") and why in error


def test_wrong_command_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert inspect_library.main(["inspect"]) == 1
    assert "expected one library, package or manifest, got 0" in capsys.readouterr().err
    assert inspect_library.main(["inspect", "none.so"]) == 1
    assert "cannot read none.so" in capsys.readouterr().err
