"""A model on both devices, as a machine with a GPU exports it: indices and one result on the CPU, weights and the rest on the GPU.

Enters: nothing; `on_a_gpu` a file that was exported here. Leaves: what `compiler.driver.export` takes; the file with the devices that a
machine with a GPU would have written.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

WIDTH = 64


class Mixed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.randn(50, WIDTH))

    def forward(self, ids: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        """ids: int64 [N] on the CPU; x: [N, WIDTH] -> [N, WIDTH], and its sums [WIDTH] on the CPU."""
        y = torch.tanh(self.table[ids.to(x.device)] * x)
        return y, y.sum(0).to(ids.device)


def build() -> dict[str, Any]:
    rows = torch.export.Dim("rows", min=2, max=500)
    torch.manual_seed(0)
    return {
        "module": Mixed(),
        "args": (torch.randint(50, (9,)), torch.randn(9, WIDTH)),
        "dynamic_shapes": ({0: rows}, {0: rows}),
    }


def on_a_gpu(path: Path) -> None:
    """Puts all values of the program but the indices and the last result on a GPU."""
    with zipfile.ZipFile(path) as source:
        members = {name: source.read(name) for name in source.namelist()}
    (name,) = (n for n in members if "/models/" in n and n.endswith(".json"))
    program = json.loads(members[name])
    graph = program["graph_module"]["graph"]
    last = graph["outputs"][-1]["as_tensor"]["name"]
    for value, described in graph["tensor_values"].items():
        if value not in ("ids", last):
            described["device"] = {"type": "cuda", "index": 0}
    members[name] = json.dumps(program).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as target:
        for member, data in members.items():
            target.writestr(member, data)
