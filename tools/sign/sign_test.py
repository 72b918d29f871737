"""The tool that makes keys and signs files, as a person runs it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

TOOL = Path(os.environ["AOTI_SIGN"]).absolute()


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([TOOL, *words], cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "model.so").write_bytes(bytes(range(256)) * 40)
    assert run(tmp_path, "keygen", "release").returncode == 0
    return tmp_path


def test_sign_and_verify(folder: Path) -> None:
    assert (folder / "release").stat().st_mode & 0o777 == 0o600
    signed = run(folder, "sign", "release", "model.so")
    assert signed.returncode == 0
    assert signed.stdout.startswith("model.so.sig: by the key ")
    verified = run(folder, "verify", "release.pub", "model.so")
    assert (verified.returncode, verified.stdout) == (0, "model.so: is what was signed\n")
    data = bytearray((folder / "model.so").read_bytes())
    data[5000] ^= 1
    (folder / "model.so").write_bytes(data)
    refused = run(folder, "verify", "release.pub", "model.so")
    assert refused.returncode == 1
    assert refused.stderr.startswith("model.so: is not what was signed")


def test_two_keys(folder: Path) -> None:
    run(folder, "keygen", "next")
    run(folder, "sign", "release", "model.so")
    run(folder, "sign", "--add", "next", "model.so")
    run(folder, "sign", "--add", "next", "model.so")  # in the place of its own
    assert len((folder / "model.so.sig").read_text().splitlines()) == 2
    for key in "release.pub", "next.pub":
        assert run(folder, "verify", key, "model.so").returncode == 0
    run(folder, "sign", "next", "model.so")
    refused = run(folder, "verify", "release.pub", "model.so")
    assert "model.so: is signed by the key" in refused.stderr


def test_refusals(folder: Path) -> None:
    again = run(folder, "keygen", "release")
    assert (again.returncode, again.stderr) == (1, "release: File exists\n")
    (folder / "other.pub").write_text("")
    assert run(folder, "keygen", "other").stderr == "other.pub: File exists\n"
    assert not (folder / "other").exists()
    missing = run(folder, "sign", "release", "none.so", "model.so")
    assert missing.returncode == 1
    assert missing.stderr == "none.so: No such file or directory\n"
    assert (folder / "model.so.sig").exists()
    assert not (folder / "none.so.sig").exists()
    (folder / "release").chmod(0o644)
    assert "may be read by others" in run(folder, "sign", "release", "model.so").stderr
    (folder / "release").chmod(0o600)
    (folder / "release.pub").chmod(0o600)
    assert "line 1 is not what was expected" in run(folder, "sign", "release.pub", "model.so").stderr
    assert "is not signed" in run(folder, "verify", "release.pub", "release.pub").stderr
    assert run(folder, "sign").returncode == 2
