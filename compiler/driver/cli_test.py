"""The command line: what it understands, what it refuses, exit codes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from compiler.driver import cli, cli_flags
from compiler.support.diagnostics import UserError
from compiler.support.version import COMPILER_VERSION


def request(*argv: str, model: str | None = "my-model.v2.pt2") -> Any:
    fv = cli_flags.define_flags()
    assert cli_flags.parse(fv, ["driver", *argv]) == []
    return cli.make_request(fv, Path(model) if model else None)


def test_defaults() -> None:
    made = request("-o", "out")
    assert made.options.name == "my_model_aoti"
    assert made.options.shim == "static"
    assert made.paths.library == Path("out/libmy_model_aoti.so")
    assert made.paths.wrapper_dir == Path("out/wrapper")


def test_flags_with_dashes_and_places_for_build_systems() -> None:
    made = request("--emit=sources", "--header-out=a/h.h", "--weights-out=b/w", "--manifest-out=c/m", "--wrapper-dir=d", "--kernels-dir=e",
                   "--name=m", "--isa=x86-64-v4", "--shim=torch", "--fuse-limit=3")  # fmt: skip
    assert made.paths.library is None
    assert made.paths.header == Path("a/h.h")
    assert (made.options.isa, made.options.shim, made.options.fuse_limit) == (("x86-64-v4",), "torch", 3)


def test_values_keep_their_dashes() -> None:
    fv = cli_flags.define_flags()
    command = "clang++ --target=x86_64-linux-gnu"
    assert cli_flags.parse(fv, ["driver", f"--cxx={command}", "my-model.pt2", "--compile-to=fx_passes"]) == [
        "my-model.pt2"
    ]
    assert (fv.cxx, fv.compile_to) == (command, "fx_passes")


@pytest.mark.parametrize(
    "argv, why",
    [
        (["--isa=x86-64-v9", "-o", "o"], "unknown instruction set x86-64-v9; known: x86-64-v3"),
        (["--isa=x86-64-v3,aarch64-neon", "-o", "o"], "one library is for one kind of processor"),
        (["--name=9lives", "-o", "o"], "cannot be a C\\+\\+ namespace"),
        ([], "no place for the outputs: give -o OUT_DIR"),
        (["--emit=sources", "--header-out=h"], "no place for the outputs"),
    ],
)
def test_values_that_do_not_go_together(argv: list[str], why: str) -> None:
    with pytest.raises(UserError, match=why):
        request(*argv)


@pytest.mark.parametrize(
    "argv",
    [["--shim=dynamic"], ["--jobs=-1"], ["--no-such-flag"], ["--compile-to=nowhere"], ["--explain=weather"]],
)
def test_wrong_command_lines(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["driver", *argv]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and "see --help" in error and "Traceback" not in error


def test_user_errors_have_no_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["driver", str(tmp_path / "none.pt2"), "-o", str(tmp_path / "o")]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: the model ") and "does not exist" in error and "Traceback" not in error
    assert not (tmp_path / "o").exists()


def test_no_model_and_too_many(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["driver", "-o", "o"]) == 1
    assert "no model was given" in capsys.readouterr().err
    assert cli.main(["driver", "a.pt2", "b.pt2", "-o", "o"]) == 1
    assert "expected one model, got 2: a.pt2 b.pt2" in capsys.readouterr().err


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["driver", "--help"]) == 0
    text = capsys.readouterr().out
    fv = cli_flags.define_flags()
    assert not [n for n in fv if len(n) > 1 and f"--{n.replace('_', '-')}" not in text]
    assert cli.main(["driver", "--version"]) == 0
    assert capsys.readouterr().out.strip() == COMPILER_VERSION


@pytest.mark.parametrize("taken", ["stdout", "stderr"])
def test_a_reader_that_goes_away_ends_it_quietly(taken: str) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, taken: write_end}
    flag = "--help" if taken == "stdout" else "--no-such-flag"
    done = subprocess.run([sys.executable, "-m", "compiler.driver", flag], **streams, check=False,
                          env=dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path)))  # fmt: skip
    os.close(write_end)
    assert done.returncode == cli.READER_GONE == 141
    assert not done.stdout and not done.stderr


def test_internal_errors_have_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from compiler.driver import aot
    from compiler.support.diagnostics import InternalError

    def broken(request: object, report: object) -> object:
        raise InternalError("two and two are five")

    monkeypatch.setattr(aot, "compile_model", broken)
    assert cli.main(["driver", "x.pt2", "-o", str(tmp_path)]) == 3
    error = capsys.readouterr().err
    assert "Traceback" in error and "error: internal error: two and two are five" in error
