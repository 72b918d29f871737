"""Each kernel of a model as a program of its own: it compiles, runs and says what it did."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import torch

from compiler.driver import aot, reproducer
from compiler.support.options import CompileOptions


class Net(torch.nn.Module):
    def forward(self, x: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
        return x[index].softmax(-1)


def test_reproducer(tmp_path: Path) -> None:
    model = tmp_path / "net.pt2"
    torch.export.save(torch.export.export(Net(), (torch.randn(40, 16), torch.tensor([1, 2]))), model)
    request = aot.Request(CompileOptions("net"), model, None, stop_after="codegen")
    specs = aot.compile_model(request, lambda *_: None).specs
    folders = reproducer.write(specs, tmp_path / "kernels")
    assert [f.name for f in folders] == [s.function for s in specs]
    root = Path(__file__).absolute().parents[2]
    for folder in folders:
        command = [str(folder / "run.sh"), str(root), "--runs", "3", "--threads", "2"]
        done = subprocess.run(command, capture_output=True, text=True, env=os.environ, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(f"{folder.name}: ") and " median of 3;" in done.stdout
        assert "nan" not in done.stdout
