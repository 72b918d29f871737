"""Programs as machines with GPUs export them: one device is forgotten; of two, what the caller gives and gets on the CPU stays there."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from compiler.frontend.load import load
from compiler.ir.graph_parse import parse_graph
from compiler.ir.graph_text import print_graph
from compiler.support.diagnostics import UserError
from compiler.support.options import CompileOptions, Context

CTX = Context(CompileOptions("model", device="cuda"))
CPU = '"device": {"type": "cpu", "index": null}'
GPU = '"device": {"type": "cuda", "index": 0}'


class Known(nn.Module):
    """Operators that the compiler's own reader takes; weights, a factory with a device, a scalar."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.linear(x.sin()) + torch.arange(4, device=x.device) * torch.tensor(2.0)
        return y


class Decomposed(Known):
    """An operator for which PyTorch's loader is needed."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).logaddexp(x).relu_()


class Moves(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        y = x.sin().to(torch.float64)
        return y + 1


def exported(module: nn.Module, folder: Path) -> Path:
    path = folder / "cpu.pt2"
    torch.manual_seed(0)
    torch.export.save(torch.export.export(module, (torch.randn(3, 4),), strict=False), path)
    return path


def rewritten(path: Path, change: Callable[[str], str]) -> Path:
    """The file with its JSON changed: what a machine with a GPU would have written."""
    other = path.with_name("gpu.pt2")
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(other, "w", zipfile.ZIP_STORED) as target:
        for name in source.namelist():
            data = source.read(name)
            target.writestr(name, change(data.decode()) if name.endswith(".json") else data)
    return other


@pytest.mark.parametrize("module", [Known, Decomposed])
def test_a_program_of_one_gpu_is_that_of_the_cpu(module: type[nn.Module], tmp_path: Path) -> None:
    path = exported(module(), tmp_path)
    gpu = rewritten(
        path,
        lambda text: text.replace(CPU, GPU).replace(
            CPU.replace("device", "as_device"), GPU.replace("device", "as_device")
        ),
    )
    assert GPU in zipfile.ZipFile(gpu).read("cpu/models/model.json").decode()
    ours, theirs = load(gpu, CTX), load(path, CTX)
    assert print_graph(ours) == print_graph(theirs)
    assert all(torch.equal(ours.data[k], theirs.data[k]) for k in theirs.data)


def on_devices(path: Path, where: Callable[[str], int | None]) -> Path:
    """The file with each value on the GPU of this number, or on the CPU."""

    def change(text: str) -> str:
        program = json.loads(text)
        for name, described in (
            program.get("graph_module", {}).get("graph", {}).get("tensor_values", {}).items()
        ):
            if (index := where(name)) is not None:
                described["device"] = {"type": "cuda", "index": index}
        return json.dumps(program)

    return rewritten(path, change)


def test_a_program_of_two_gpus_is_refused_with_the_line(tmp_path: Path) -> None:
    path = on_devices(exported(Moves(), tmp_path), lambda name: int(bool(re.match("_?to|add", name))))
    with pytest.raises(UserError) as error:
        load(path, CTX)
    message = str(error.value)
    assert "model cannot be compiled: it is on cuda:0 and cuda:1 (1 problem)" in message
    assert re.search(
        r"aten\.(_to_copy|to)\.\w+ moves to cuda:1\n +at devices_test.py:\d+ in forward", message
    )
    assert "a library runs on one GPU" in message


class Two(nn.Module):
    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        return x + 1, y + 1


def two(tmp_path: Path) -> Path:
    path = tmp_path / "cpu.pt2"
    torch.export.save(torch.export.export(Two(), (torch.ones(2), torch.ones(2)), strict=False), path)
    return path


def test_inputs_on_two_gpus_are_named(tmp_path: Path) -> None:
    path = on_devices(two(tmp_path), lambda name: int(name in ("y", "add_1")))
    with pytest.raises(
        UserError, match=r"input or weight x is on cuda:0(.|\n)*input or weight y is on cuda:1"
    ):
        load(path, CTX)


def test_inputs_and_outputs_on_the_cpu_stay_there(tmp_path: Path) -> None:
    graph = load(on_devices(two(tmp_path), lambda name: 0 if name in ("y", "add_1") else None), CTX)
    assert [i.device for i in graph.inputs] == ["cpu", ""] and [o.device for o in graph.outputs] == [
        "cpu",
        "",
    ]
    text = print_graph(graph)
    assert print_graph(parse_graph(text)) == text and " on cpu" in text
    assert not any(i.device for i in load(two(tmp_path), CTX).inputs)


def test_an_input_on_the_cpu_that_the_model_writes_to_is_refused(tmp_path: Path) -> None:
    class Writes(nn.Module):
        def forward(self, x: Tensor, y: Tensor) -> Tensor:
            x.add_(1)
            return y + 1

    path = tmp_path / "cpu.pt2"
    torch.export.save(torch.export.export(Writes(), (torch.ones(2), torch.ones(2)), strict=False), path)
    mixed = on_devices(path, lambda name: 0 if name in ("y", "add_1") else None)
    with pytest.raises(
        UserError, match="input x is on the CPU, and the model, which runs on a GPU, writes to it"
    ):
        load(mixed, CTX)
    load(mixed, Context(CompileOptions("model")))  # all on the CPU
