"""torchvision's schemas of `nms` and `qnms`, where its C++ operators do not load.

The wheel of the public index is built for CUDA: beside PyTorch's CPU build its library is not found, and the import of torchvision (and
of what imports it) fails at the operators that it takes for given. No model of the zoo calls one of them.
"""

from __future__ import annotations

import torch

_kept: list[torch.library.Library] = []


def declare() -> None:
    """Called before torchvision is imported; once is enough."""
    if not _kept:
        _kept.append(torch.library.Library("torchvision", "FRAGMENT"))  # type: ignore[no-untyped-call]
        for name in ("nms", "qnms"):
            _kept[0].define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")  # type: ignore[no-untyped-call]
