"""Our reader of `.pt2` files against PyTorch's own: the same graph, text for text, or a refusal to read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from compiler.frontend.load import from_program, load
from compiler.frontend.pt2_file import load_with_torch, open_archive
from compiler.frontend.pt2_reader import read
from compiler.ir.graph_text import print_graph
from compiler.support.options import CompileOptions, Context


class Everything(nn.Module):
    """Every kind of constant, argument and result that the reader takes."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(7, 6)
        self.tied = nn.Linear(6, 7, bias=False)
        self.tied.weight = self.embedding.weight
        self.register_buffer("kept", torch.arange(12.0).view(3, 4)[:, :2].t())
        self.register_buffer("unkept", torch.randn(7).to(torch.bfloat16), persistent=False)
        self.kept: torch.Tensor
        self.unkept: torch.Tensor

    def forward(
        self, ids: torch.Tensor, more: list[torch.Tensor], scale: float, *, flag: torch.Tensor
    ) -> Any:
        x = self.tied(self.embedding(ids)) * scale + self.unkept.to(torch.float32)
        first, second = x.split([3, 4], -1)
        best, at = x.max(-1, keepdim=True)
        y = torch.cat([first, second, best], -1).masked_fill(flag, float("-inf"))
        image = F.pad(more[0], (1, 2), value=0.5).clone(memory_format=torch.contiguous_format)
        picked = (
            image[:, more[1]]
            + torch.arange(2, dtype=torch.float32)
            + self.kept.sum()
            + torch.tensor([1.0, 2.0])
        )
        return {"y": y, "rest": (at, None, picked, 3)}


ARGUMENTS = (torch.tensor([[1, 2]]), [torch.randn(3, 2), torch.tensor([0, 1])], 0.5)
FLAG = {"flag": torch.zeros(1, 2, 8, dtype=torch.bool)}


def _ctx() -> Context:
    return Context(CompileOptions("model"))


def _save(
    module: nn.Module, path: Path, args: tuple[Any, ...], kwargs: dict[str, Any] | None = None, **options: Any
) -> Path:
    torch.export.save(
        torch.export.export(module.eval(), args, kwargs, strict=False, **options), path / "m.pt2"
    )
    return path / "m.pt2"


def test_both_readers_give_the_same_graph(tmp_path: Path) -> None:
    archive = open_archive(_save(Everything(), tmp_path, ARGUMENTS, FLAG))
    ours, theirs = read(archive, "model"), from_program(load_with_torch(archive), _ctx())
    assert ours is not None
    assert print_graph(ours) == print_graph(theirs)
    assert (ours.inputs, ours.constants, ours.outputs) == (theirs.inputs, theirs.constants, theirs.outputs)
    assert (ours.in_spec, ours.out_spec) == (theirs.in_spec, theirs.out_spec)
    assert ours.data.keys() == theirs.data.keys()
    for name, tensor in theirs.data.items():
        assert torch.equal(ours.data[name], tensor) and ours.data[name].stride() == tensor.stride(), name
    for a, b in zip(ours.module.graph.nodes, theirs.module.graph.nodes, strict=True):
        assert a.op == "output" or str(a.meta.get("val")) == str(b.meta.get("val"))
        assert a.meta.get("origin") == b.meta.get("origin")


def test_tied_weights_share_memory_without_a_copy(tmp_path: Path) -> None:
    graph = read(open_archive(_save(Everything(), tmp_path, ARGUMENTS, FLAG)), "model")
    assert graph is not None
    addresses = {graph.data[c.fqn].data_ptr() for c in graph.constants if graph.data[c.fqn].shape == (7, 6)}
    assert len(addresses) == 1


class InPlace(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x + 1).relu_()


class Branch(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = torch.cond(x.sum() > 0, torch.sin, torch.cos, [x])
        return result


@pytest.mark.parametrize(
    ("module", "options"),
    [(InPlace(), {}), (Branch(), {})],
)
def test_what_needs_more_treatment_is_declined(
    module: nn.Module, options: dict[str, Any], tmp_path: Path
) -> None:
    assert read(open_archive(_save(module, tmp_path, (torch.randn(2, 3),), **options)), "model") is None


class Sized(nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor) -> tuple[Any, ...]:
        merged = x.flatten(0, 1) / x.shape[1] ** 0.5
        return torch.cat([merged, y[1:]])[:, : x.shape[2] // 2], x.shape[0] * 2, x.shape[1] / 3


def test_both_readers_give_the_same_sizes(tmp_path: Path) -> None:
    auto = torch.export.Dim.AUTO
    shapes = {"x": {0: auto, 1: auto, 2: auto}, "y": {0: auto, 1: auto}}
    arguments = (torch.randn(3, 4, 6), torch.randn(5, 6))
    file = _save(Sized(), tmp_path, arguments, dynamic_shapes=shapes)
    ours = read(open_archive(file), "model")
    assert ours is not None
    theirs = from_program(torch.export.load(file), _ctx())
    assert print_graph(ours) == print_graph(theirs)
    assert [str(g) for g in ours.guards] == [str(g) for g in theirs.guards]
    assert "pow(float(s1), 0.5)" in print_graph(ours) and "output output_1 = size(2*s0)" in print_graph(ours)


def test_declined_programs_are_read_by_pytorchs_loader(tmp_path: Path) -> None:
    graph = load(_save(InPlace(), tmp_path, (torch.randn(2, 3),)), _ctx())
    assert "aten.relu.default" in print_graph(graph)


def test_reading_does_not_import_dynamo(tmp_path: Path) -> None:
    file = _save(
        nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 3)),
        tmp_path,
        (torch.randn(1, 3, 4, 4),),
    )
    code = (
        "import sys; from compiler.frontend.load import load; from compiler.support.options import *;"
        f"load({str(file)!r}, Context(CompileOptions('m')));"
        "sys.exit('torch._dynamo' in sys.modules or 'sympy' in sys.modules)"
    )
    assert (
        subprocess.run(
            [sys.executable, "-c", code], check=False, env={"PYTHONPATH": ":".join(sys.path)}
        ).returncode
        == 0
    )
