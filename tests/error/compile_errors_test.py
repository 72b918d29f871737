"""Refusals of the compiler: each names the thing and what to do, leaves nothing behind and shows no traceback."""

from __future__ import annotations

import io
import resource
import struct
import zipfile
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from compiler.driver import cli


class Fine(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.sin(x) + 1.0


class Unsupported(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return torch.linalg.svdvals(x), torch.cholesky_inverse(x)


class Rows(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        rows: Tensor = torch.unique(x, dim=0)
        return rows


class OnlyOnTheCpu(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = torch.linalg.inv(x) + torch.special.i0(x)
        return result


class Complex(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * x


def saved(module: nn.Module, *args: Tensor) -> bytes:
    file = io.BytesIO()
    torch.export.save(torch.export.export(module, args), file)
    return file.getvalue()


@pytest.fixture(scope="module")
def fine() -> bytes:
    return saved(Fine(), torch.randn(4, 4))


def compile_bytes(data: bytes, folder: Path, capsys: pytest.CaptureFixture[str], *more: str) -> str:
    """Compiles and returns the error; checks that it is a person's and that nothing is left."""
    model = folder / "model.pt2"
    model.write_bytes(data)
    out = folder / "out"
    code = cli.main(["driver", str(model), "-o", str(out), "--emit=sources", "--quiet", *more])
    error = capsys.readouterr().err
    assert code == 1, error
    assert error.startswith("error: ") and "Traceback" not in error
    assert not out.exists() or list(out.iterdir()) == []
    return error


def test_a_sound_model_compiles(fine: bytes, tmp_path: Path) -> None:
    model = tmp_path / "model.pt2"
    model.write_bytes(fine)
    assert cli.main(["driver", str(model), "-o", str(tmp_path / "out"), "--emit=sources", "--quiet"]) == 0
    assert (tmp_path / "out" / "model_aoti.h").exists()


@pytest.mark.parametrize(
    "damage, why",
    [
        (lambda data: b"", "is not a whole .pt2 archive"),
        (lambda data: b"these are not the bytes of an archive", "is not a whole .pt2 archive"),
        (lambda data: data[: len(data) // 2], "is not a whole .pt2 archive"),
        (lambda data: with_method(data, 0, 8), "is not a whole .pt2 archive"),  # deflate
        (lambda data: with_method(data, 0, 12), "is not a whole .pt2 archive"),  # bz2
        (lambda data: with_method(data, 0, 99), "is not a whole .pt2 archive"),  # no method
        (lambda data: with_method(data, 1, 0), "is not a whole .pt2 archive"),  # encrypted
        (
            lambda data: rewritten(data, "models/model.json", b"[" * 200_000),
            "is not a whole .pt2 archive",
        ),
    ],
    ids=["empty", "text", "half", "deflate", "bz2", "method", "encrypted", "nested"],
)
def test_damaged_files(
    fine: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: object, why: str
) -> None:
    error = compile_bytes(damage(fine), tmp_path, capsys)  # type: ignore[operator]
    assert why in error and "model.pt2" in error and "compiler.driver.export" in error


def with_method(data: bytes, flags: int, method: int) -> bytes:
    """The archive whose members claim these flags and this compression, in both places where a zip says so (APPNOTE.TXT 4.3.7, 4.3.12)."""
    changed, both = bytearray(data), struct.pack("<HH", flags, method)
    for signature, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        begin = changed.find(signature)
        while begin >= 0:
            changed[begin + at : begin + at + 4] = both
            begin = changed.find(signature, begin + 1)
    return bytes(changed)


def rewritten(data: bytes, name: str, content: bytes | None) -> bytes:
    """The archive with one member replaced, or (None) without it."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for member in old.namelist():
            if not member.endswith(name):
                new.writestr(member, old.read(member))
            elif content is not None:
                new.writestr(member, content)
    return out.getvalue()


def test_archives_with_other_contents(
    fine: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "without an exported program" in compile_bytes(
        rewritten(fine, "models/model.json", None), tmp_path, capsys
    )
    other = b'{"schema_version": {"major": 99, "minor": 0}}'
    assert "schema version 99.0" in compile_bytes(
        rewritten(fine, "models/model.json", other), tmp_path, capsys
    )
    version = f'"schema_version": {{"major": 8, "minor": 0}}, "torch_version": "{torch.__version__}"'
    broken = f'{{{version}, "graph_module": 3}}'.encode()
    assert "cannot read the exported program" in compile_bytes(
        rewritten(fine, "models/model.json", broken), tmp_path, capsys
    )


def test_a_flipped_byte_is_noticed(fine: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The archive is stored, not compressed: a flipped byte of the graph shows in its checksum."""
    at = fine.index(b'"graph_module"') + 2
    error = compile_bytes(fine[:at] + b"?" + fine[at + 1 :], tmp_path, capsys)
    assert "model.pt2" in error and ("checksum" in error or "not a whole" in error)


def test_a_folder_and_a_missing_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["driver", str(tmp_path), "-o", str(tmp_path / "out")]) == 1
    assert "is a folder; expected a .pt2 file" in capsys.readouterr().err
    assert cli.main(["driver", str(tmp_path / "none.pt2"), "-o", str(tmp_path / "out")]) == 1
    assert "none.pt2 does not exist" in capsys.readouterr().err


def test_all_unsupported_operators_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    error = compile_bytes(saved(Unsupported(), torch.eye(4)), tmp_path, capsys)
    assert "svd" in error and "cholesky_inverse" in error
    assert "compile_errors_test.py:" in error
    assert "2 problems" in error


def test_sizes_from_data_that_a_run_cannot_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    error = compile_bytes(saved(Rows(), torch.eye(4)), tmp_path, capsys)
    assert (
        "unique_dim" in error and "whose size depends on data" in error and "compile_errors_test.py:" in error
    )


def test_operators_that_a_gpu_has_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    error = compile_bytes(saved(OnlyOnTheCpu(), torch.eye(4)), tmp_path, capsys, "--device=cuda")
    assert "2 problems" in error and "compile_errors_test.py:" in error and "internal" not in error
    assert "is not lowered for a GPU" in error and "has no kernel (i0) for cuda" in error


def test_unsupported_dtype(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    error = compile_bytes(saved(Complex(), torch.ones(3, dtype=torch.complex64)), tmp_path, capsys)
    assert "complex64" in error and "x" in error


def test_unknown_instruction_set(fine: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "unknown instruction set x86-64-v9; known: x86-64-v3" in compile_bytes(
        fine, tmp_path, capsys, "--isa=x86-64-v9"
    )


def test_no_compiler(fine: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    error = compile_bytes(fine, tmp_path, capsys, "--emit=library", "--cxx=no-such-compiler")
    assert "no C++ compiler 'no-such-compiler'" in error and "--emit=sources" in error


def test_disk_full(fine: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A limit on the size of files strikes as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    model = tmp_path / "model.pt2"
    model.write_bytes(fine)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, hard))
    try:
        code = cli.main(["driver", str(model), "-o", str(tmp_path / "out"), "--emit=sources", "--quiet"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    error = capsys.readouterr().err
    assert code == 1 and "no space left" in error and "-o" in error
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("step", ["-c", "-shared"])
def test_disk_full_in_the_compiler(
    fine: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str], step: str
) -> None:
    """A C++ compiler that meets a full disk, while it compiles or while it links."""
    compiler = tmp_path / "compiler"
    compiler.write_text(
        f"""#!/bin/sh
case " $* " in
  *" --version "*) echo clang version 99; exit 0 ;;
  *" {step} "*) echo "fatal error: error in backend: IO failure on output stream: No space left on device"; exit 1 ;;
esac
while [ $# -gt 1 ]; do if [ "$1" = -o ]; then echo object > "$2"; fi; shift; done
"""
    )
    compiler.chmod(0o755)
    more = (f"--cxx={compiler}", f"--cache={tmp_path / 'cache'}", "--emit=library")
    error = compile_bytes(fine, tmp_path, capsys, *more)
    assert "no space left" in error and "--cache" in error and "TMPDIR" in error


def test_a_place_that_cannot_be_written(
    fine: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "model.pt2"
    model.write_bytes(fine)
    (tmp_path / "file").write_text("")
    assert cli.main(["driver", str(model), "-o", str(tmp_path / "file"), "--emit=sources", "--quiet"]) == 1
    assert "cannot write into" in capsys.readouterr().err


STAGE_RESULTS = (
    ("frontend", "--emit=sources"),
    ("fx_passes", "--emit=sources"),
    ("lowering", "--emit=sources"),
    ("scheduler", "--emit=sources"),
    ("codegen", "--compile-to=cpp"),
    ("wrapper", "--compile-to=cpp"),
    ("wrapper", "--compile-to=python"),
)


@pytest.mark.parametrize("stage, then", STAGE_RESULTS)
def test_entering_in_the_middle(
    fine: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str], stage: str, then: str
) -> None:
    """What a stage prints can be read again, and gives what the model itself gives."""
    model, text, name = tmp_path / "model.pt2", tmp_path / "stage.txt", "--name=same"
    model.write_bytes(fine)
    assert cli.main(["driver", str(model), f"--compile-to={stage}", name, "--quiet"]) == 0
    text.write_text(capsys.readouterr().out)
    results: list[str] = []
    for source in (str(model), f"--compile-from={text}"):
        out = tmp_path / f"out{len(results)}"
        place = [] if then.startswith("--compile-to") else ["-o", str(out)]
        assert cli.main(["driver", source, name, then, "--quiet", *place]) == 0, capsys.readouterr().err
        files = sorted(out.glob("*/*.cpp")) if place else []
        results.append("".join(f.read_text() for f in files) or capsys.readouterr().out)
    assert results[1] and results[1] in results[0]


def test_texts_that_are_none(fine: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, text = tmp_path / "model.pt2", tmp_path / "stage.txt"
    model.write_bytes(fine)

    def error(content: str, *argv: str, code: int = 1) -> str:
        text.write_text(content)
        assert cli.main(["driver", f"--compile-from={text}", *argv, "--quiet"]) == code
        return capsys.readouterr().err

    assert "begins with 'once': expected the text of Graph IR, of Loop IR" in error(
        "once upon a time", "--compile-to=cpp"
    )
    assert "stage.txt" in error("program m\nnonsense here\n", "--compile-to=cpp")
    assert "stage.txt: Graph IR line 'nonsense here': expected one of" in error(
        "graph m\nnonsense here\n", "--compile-to=cpp"
    )
    assert cli.main(["driver", str(model), "--compile-to=scheduler", "--quiet"]) == 0
    schedule = capsys.readouterr().out
    assert "buf0 has no place" in error(
        schedule.replace("place buf0 output\n", ""), "--compile-to=cpp", code=3
    )
    beyond = schedule.replace("load x[4*i0 + i1]", "load x[8*i0 + i1]")
    assert "the index 8*i0 + i1 reaches 27, x has 16 elements" in error(beyond, "--compile-to=cpp", code=3)
    assert cli.main(["driver", str(model), "--compile-to=codegen", "--quiet"]) == 0
    kernels = capsys.readouterr().out
    assert "tmp9" in error(kernels.replace("sin tmp0", "sin tmp9"), "--compile-to=cpp", code=3)
    weights = 'graph m\nconstant %w "fc.weight" parameter : float32 [3] stride [1]\noutput o = %w\n'
    assert "names constants: give the .pt2 that has their data" in error(weights, "--compile-to=cpp")
    assert "names constants that" in error(weights, str(model), "--compile-to=cpp")
    assert cli.main(["driver", str(model), "--compile-to=wrapper", "--quiet"]) == 0
    plan = capsys.readouterr().out
    assert "can only be printed as code: add --compile-to=cpp" in error(plan, "-o", str(tmp_path / "o"))
    assert "is not understood" in error(plan.replace("launch", "lunch"), "--compile-to=cpp")
    assert cli.main(["driver", str(model), "--compile-to=lowering", "--quiet"]) == 0
    assert "a later stage than --compile-to=frontend" in error(
        capsys.readouterr().out, "--compile-to=frontend"
    )
