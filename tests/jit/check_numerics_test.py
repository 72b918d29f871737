"""--check-numerics finds nothing in sound kernels, and names the first kernel that is wrong."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch

from compiler.driver import check_numerics, jit_build


class Net(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = torch.nn.Conv2d(4, 8, 3, padding=1)
        self.norm = torch.nn.BatchNorm2d(8)
        self.fc = torch.nn.Linear(8 * 36, 10)

    def forward(self, x: torch.Tensor, index: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        hidden = torch.relu(self.norm(self.conv(x)))
        logits = self.fc(hidden.flatten(1))
        return logits.softmax(-1), logits.argmax(-1) + index


def exported() -> torch.export.ExportedProgram:
    torch.manual_seed(0)
    example = (torch.randn(2, 4, 6, 6), torch.tensor([3, 4]))
    return torch.export.export(Net().eval(), example)


def test_sound_kernels(tmp_path: Path) -> None:
    program = exported()
    findings = check_numerics.check(program, check_numerics.random_inputs(program), tmp_path)
    assert all(f.ok for f in findings), "\n".join(map(str, findings))
    assert {"linear", "softmax", "add"} <= {f.origin.fx_node for f in findings}
    assert [f.launch for f in findings] == sorted(f.launch for f in findings)


def test_the_wrong_kernel_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def build_with_a_fault(*args: Any) -> jit_build.Built:
        built = jit_build.build(*args)
        kernels = built.runtime.kernels
        name = next(n for n in vars(kernels) if "linear" in n)
        sound = getattr(kernels, name)

        def faulty(*arguments: Any) -> None:
            sound(*arguments)
            arguments[-1].view(-1)[5] += 0.01

        setattr(kernels, name, faulty)
        return dataclasses.replace(built)

    monkeypatch.setattr(check_numerics, "build", build_with_a_fault)
    program = exported()
    findings = check_numerics.check(program, check_numerics.random_inputs(program), tmp_path)
    wrong = [f for f in findings if not f.ok]
    assert wrong and "linear" in wrong[0].kernel and "check_numerics_test.py:" in wrong[0].origin.location
    assert "TOO FAR" in str(wrong[0])
