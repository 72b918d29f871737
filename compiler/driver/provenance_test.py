"""Every operator is traced to the launches that compute it, and every launch to its line of the wrapper."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from compiler.driver import aot, provenance
from compiler.support.options import CompileOptions


class Net(torch.nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        a = torch.sin(x)
        return torch.cos(torch.mm(a, y)), torch.mm(y, y).sum(0)


def test_join(tmp_path: Path) -> None:
    model = tmp_path / "net.pt2"
    torch.export.save(torch.export.export(Net(), (torch.ones(8, 8), torch.ones(8, 8))), model)
    request = aot.Request(CompileOptions("net"), model, None, stop_after="wrapper", dump=tmp_path / "dump")
    done = aot.compile_model(request, lambda *_: None)
    joined = provenance.join(done)
    wrapper = done.wrapper_files["model.cpp"].splitlines()
    assert len(joined.kernels) >= 3
    lines = [k.wrapper_line for k in joined.kernels]
    assert lines == sorted(set(lines)) and lines[0] > 0
    for kernel in joined.kernels:
        assert f"kernels->{kernel.function}(" in wrapper[kernel.wrapper_line - 1]
    for node in joined.nodes:
        assert node.kernels, node
        assert "provenance_test.py:" in node.location
        for name in node.kernels:
            (kernel,) = (k for k in joined.kernels if k.name == name)
            assert node.name in {o.fx_node for o in kernel.origins}
    written = json.loads((tmp_path / "dump" / "provenance.json").read_text())
    assert written == json.loads(joined.to_json())
    assert {n["name"] for n in written["nodes"]} == {n.name for n in joined.nodes}
