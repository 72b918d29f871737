"""`python -m compiler.driver` to a linked library, without Bazel: the three flavours run and are right, nothing is compiled twice."""

from __future__ import annotations

import re
from pathlib import Path

import aoti_runtime
import numpy as np
import pytest
import torch

from compiler.driver import cli
from models import my_model


@pytest.fixture(scope="module")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("model") / "my_model.pt2"
    torch.export.save(torch.export.export(*my_model.build()), file)
    return file


def compiled(
    model_file: Path, folder: Path, shim: str, capsys: pytest.CaptureFixture[str]
) -> tuple[Path, int]:
    """The library, and how many objects were compiled for it."""
    code = cli.main(["driver", str(model_file), "-o", str(folder), f"--shim={shim}", "--name=my_model"])
    said = capsys.readouterr().err
    assert code == 0, said
    found = re.search(r"(\d+) objects compiled", said)
    assert found, said
    return folder / "libmy_model.so", int(found[1])


@pytest.mark.parametrize("shim", ["static", "shared", "torch"])
def test_library_is_right(
    model_file: Path, tmp_path: Path, shim: str, capsys: pytest.CaptureFixture[str]
) -> None:
    library, _ = compiled(model_file, tmp_path, shim, capsys)
    x, y = (torch.randn(64, 64, generator=torch.Generator().manual_seed(i)) for i in (1, 2))
    oracle = torch.cos(torch.sin(x.double()) @ y.double())
    eager = torch.cos(torch.sin(x) @ y)
    if shim == "torch":
        (result,) = torch._C._aoti.AOTIModelContainerRunnerCpu(str(library), 1).run([x, y])
    else:
        (tensor,) = aoti_runtime.load(str(library), num_models=1).run(x, y)
        result = torch.from_numpy(np.from_dlpack(tensor).copy())
    assert (result - oracle).abs().max() <= 2 * (eager - oracle).abs().max()
    assert (tmp_path / "libaoti_shim.so").exists() == (shim == "shared")
    assert (tmp_path / "my_model.h").exists() and (tmp_path / "my_model.manifest.json").exists()


def test_nothing_is_compiled_twice(
    model_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, _ = compiled(model_file, tmp_path / "first", "static", capsys)
    second, objects = compiled(model_file, tmp_path / "second", "static", capsys)
    assert objects == 0
    assert first.read_bytes() == second.read_bytes()
