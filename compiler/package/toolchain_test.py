"""Finding and running compilers, with shell scripts that play the compiler."""

from __future__ import annotations

from pathlib import Path

import pytest

from compiler.package import toolchain
from compiler.package.flags import kernel_flags
from compiler.support.diagnostics import UserError


def script(folder: Path, body: str, name: str = "fake++") -> str:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


def test_missing_compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no C\\+\\+ compiler 'no-such-compiler'.*--cxx=PATH"):
        toolchain.find("no-such-compiler --flag")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(UserError, match="none of clang\\+\\+, g\\+\\+, c\\+\\+ is on the PATH"):
        toolchain.find("")


def test_identity_changes_with_version_and_command(tmp_path: Path) -> None:
    one = toolchain.find(script(tmp_path, "echo compiler 1.0"))
    assert toolchain.find(script(tmp_path, "echo compiler 2.0")).identity != one.identity
    assert toolchain.find(script(tmp_path, "echo compiler 1.0") + " --target=x").identity != one.identity


def test_cxx_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CXX", script(tmp_path, "echo from the variable"))
    assert "from the variable" in toolchain.find("").identity


def test_a_relative_path_is_of_the_folder_it_was_given_in(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script(tmp_path, "echo compiler 1.0")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(tmp_path)
    toolchain.run(toolchain.find("./fake++"), [], elsewhere, "compiling x.cpp")


def test_zig_is_recognised(tmp_path: Path) -> None:
    zig = toolchain.find(script(tmp_path, "echo clang version 22; echo InstalledDir: /x/ziglang"))
    plain = toolchain.find(script(tmp_path, "echo clang version 22; echo InstalledDir: /usr/bin"))
    assert "-march=x86_64_v3" in kernel_flags(zig, "x86-64-v3")
    assert "-march=x86-64-v3" in kernel_flags(plain, "x86-64-v3")


def test_a_compiler_that_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--version failed"):
        toolchain.find(script(tmp_path, "echo broken; exit 1"))


def test_failure_shows_the_output_and_the_command(tmp_path: Path) -> None:
    tool = toolchain.find(
        script(tmp_path, 'case "$1" in --version) echo ok;; *) echo "x.cpp:1: error: bad"; exit 1;; esac')
    )
    with pytest.raises(UserError) as caught:
        toolchain.run(tool, ["-c", "x.cpp"], tmp_path, "compiling x.cpp")
    assert "compiling x.cpp failed" in str(caught.value)
    assert "x.cpp:1: error: bad" in str(caught.value)
    assert "-c x.cpp" in str(caught.value)


def test_long_output_is_cut(tmp_path: Path) -> None:
    tool = toolchain.find(script(tmp_path, 'case "$1" in --version) echo ok;; *) seq 1 1000; exit 1;; esac'))
    with pytest.raises(UserError, match="960 more lines"):
        toolchain.run(tool, ["-c"], tmp_path, "compiling")


def test_full_disk_and_killed_compiler(tmp_path: Path) -> None:
    body = 'case "$1" in --version) echo ok;; disk) echo "cannot write: No space left on device"; exit 1;; *) kill -9 $$;; esac'
    tool = toolchain.find(script(tmp_path, body))
    with pytest.raises(UserError, match="no space left in .*TMPDIR"):
        toolchain.run(tool, ["disk"], tmp_path, "compiling x.cpp")
    with pytest.raises(UserError, match="killed by signal 9; out of memory"):
        toolchain.run(tool, ["other"], tmp_path, "compiling x.cpp")


def test_unknown_instruction_set(tmp_path: Path) -> None:
    tool = toolchain.find(script(tmp_path, "echo ok"))
    with pytest.raises(
        UserError, match="unknown instruction set 'x86-64-v9'; known: x86-64-v3, x86-64-v4, aarch64-neon"
    ):
        kernel_flags(tool, "x86-64-v9")
