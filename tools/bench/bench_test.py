"""The command line refuses what it cannot do, before it does anything."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools.bench.contender import Unavailable
from tools.bench.model_names import locate_data
from tools.bench.programs import Program, build


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--models=vgg", "error: --models=vgg: expected any of my_model, minilm, mlp"),
        ("--contenders=tvm", "error: 'tvm': expected one of ours, eager"),
        ("--contenders=json:JSONEncoder", "error: json:JSONEncoder: expected a subclass of"),
        ("--threads=0", "error: --threads=0: expected numbers from 1 to"),
        (
            "--model_data=resnet18.weights=x",
            "resnet18.weights=x: expected one of minilm.weights=PATH",
        ),
        (
            "--model_data=minilm.weights=/no/such",
            "minilm.weights=/no/such: there is no file /no/such",
        ),
        ("--ready_programs=/no/such", "error: --ready_programs=/no/such: there is no such program"),
        ("--cxx=no-compiler -O1", "error: --cxx=no-compiler -O1: there is no program no-compiler"),
        ("--work_dir=/", "error: --work_dir=/: is not empty"),
    ],
)
def test_a_wrong_flag(flag: str, message: str, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)}
    command = [sys.executable, "-m", "tools.bench.bench", f"--out={tmp_path / 'out'}", flag]
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert result.returncode == 1
    assert message in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_given_file_comes_before_the_package() -> None:
    assert locate_data("minilm", {"weights": "/some/where"}) == {"weights": "/some/where"}
    assert locate_data("my_model", {}) == {}


def test_programs_are_compiled_once_and_errors_are_told(tmp_path: Path) -> None:
    (tmp_path / "ready").write_text("")
    assert build(Program("ready", "floor.cc", "no-compiler", ()), tmp_path) == tmp_path / "ready"
    with pytest.raises(Unavailable, match="needs the compiler 'no-compiler': No such file"):
        build(Program("other", "floor.cc", "no-compiler", ()), tmp_path)
    with pytest.raises(Unavailable, match="false cannot compile floor.cc"):
        build(Program("other", "floor.cc", "false", ()), tmp_path)
