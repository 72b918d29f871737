"""A model whose signature has everything: keyword arguments, nested containers, a dataclass, fixed values, None; and such a result."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from torch import Tensor, nn


@dataclasses.dataclass
class State:
    hidden: Tensor
    extra: Tensor | None = None


torch.export.register_dataclass(State, serialized_type_name="signature_model.State")


class Signature(nn.Module):
    def forward(
        self,
        x: Tensor,
        pair: tuple[Tensor, list[Tensor]],
        steps: int,
        *,
        state: State,
        mask: Tensor | None = None,
        scale: float = 0.5,
    ) -> dict[str, Any]:
        y = x * steps + pair[0] - pair[1][0]
        return {
            "y": y * scale,
            "state": State(state.hidden + 1),
            "list": [y.sum(), None, (x.shape[0], 2.5, True)],
            "mask": mask,
            "best": y.max(1),
            "sorted": [torch.sort(y, 1, descending=True)],
        }


def build() -> dict[str, Any]:
    args = (torch.ones(2, 3), (torch.ones(2, 3), [torch.ones(3)]), 3)
    return {
        "module": Signature(),
        "args": args,
        "kwargs": {"state": State(torch.ones(4)), "mask": None, "scale": 0.5},
    }
