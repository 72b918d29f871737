"""--check-numerics finds nothing in sound kernels, and names the first kernel that is wrong."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch

from compiler.driver import check_numerics, jit_build
from compiler.support.diagnostics import UserError

_OPERATORS: Any = torch._higher_order_ops
scan, while_loop = _OPERATORS.scan, _OPERATORS.while_loop


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


class Steps(torch.nn.Module):
    """Branches, a loop, a scan, sizes of the run and of data, a number that is read."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = torch.nn.Linear(6, 6)

    def forward(self, x: torch.Tensor) -> tuple[Any, ...]:
        y = torch.cond(x.sum() > 0, lambda v: self.fc(v).tanh(), lambda v: v.cos(), (x,))
        count = torch.tensor(3)
        _, z = while_loop(lambda n, v: n > 0, lambda n, v: (n - 1, self.fc(v).sin()), (count, y))
        last, rows = scan(
            lambda c, v: (c * 0.5 + v, (c + v).exp()), x.new_zeros(6), torch.stack([x[0], x[1], z[0], z[1]])
        )
        kept = y[y[:, 0] > -5]
        return last, rows.softmax(-1) * y.amax().item(), z + 1, kept.cumsum(0)


def steps() -> tuple[torch.export.ExportedProgram, list[torch.Tensor]]:
    torch.manual_seed(1)
    inputs = [torch.randn(4, 6).abs()]
    program = torch.export.export(
        Steps().eval(), tuple(inputs), dynamic_shapes=({0: torch.export.Dim("rows", min=2, max=32)},)
    )
    return program, inputs


def test_branches_loops_and_sizes_are_followed(tmp_path: Path) -> None:
    program, inputs = steps()
    findings = check_numerics.check(program, inputs, tmp_path)
    assert all(f.ok for f in findings), "\n".join(map(str, findings))
    times = Counter(f.origin.fx_node for f in findings)
    assert times["true_graph_0.tanh"] == 1 and times["false_graph_0.cos"] == 0
    assert times["while_loop_body_graph_0.sin"] == 3 and times["scan_combine_graph_0.exp"] == 4
    assert times["gt_1"] == 1 and times["cumsum"] == 1


def test_a_wrong_turn_of_a_loop_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    turns = []

    def build_with_a_fault(*args: Any) -> jit_build.Built:
        built = jit_build.build(*args)
        kernels = built.runtime.kernels
        name = next(n for n in vars(kernels) if "linear" in n and "sin" in n)
        sound = getattr(kernels, name)

        def faulty(*arguments: Any) -> None:
            sound(*arguments)
            turns.append(name)
            if len(turns) == 2:
                arguments[-1 if isinstance(arguments[-1], torch.Tensor) else -2].view(-1)[3] += 0.01

        setattr(kernels, name, faulty)
        return built

    monkeypatch.setattr(check_numerics, "build", build_with_a_fault)
    program, inputs = steps()
    findings = check_numerics.check(program, inputs, tmp_path)
    findings = [f for f in findings if f.origin.fx_node == "while_loop_body_graph_0.sin"]
    assert [f.ok for f in findings] == [True, False, False]


def test_attention_in_bfloat16_whose_strides_export_knows_otherwise(tmp_path: Path) -> None:
    torch.manual_seed(2)
    layer = torch.nn.TransformerEncoderLayer(32, 4, 64, batch_first=True).eval().bfloat16()
    inputs = [torch.randn(2, 7, 32, dtype=torch.bfloat16)]
    findings = check_numerics.check(torch.export.export(layer, tuple(inputs)), inputs, tmp_path)
    assert findings and all(f.ok for f in findings), "\n".join(map(str, findings))


def test_random_numbers_are_refused(tmp_path: Path) -> None:
    program = torch.export.export(torch.nn.Dropout(0.5), (torch.randn(8),))
    with pytest.raises(UserError, match="random numbers"):
        check_numerics.check(program, [torch.randn(8)], tmp_path)
