"""A case's inputs through a compiled library, and through eager PyTorch in a given precision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy
import torch
from torch import Tensor, nn


def compiled(model: Any, inputs: Sequence[Tensor]) -> list[numpy.ndarray]:
    """The outputs of a model of `aoti_runtime`."""
    return [numpy.from_dlpack(output) for output in model.run(*(x.numpy() for x in inputs))]


def eager(module: nn.Module, inputs: Sequence[Tensor], dtype: torch.dtype) -> list[numpy.ndarray]:
    """The module's outputs; numbers as the library gives them, tensors of rank 0."""
    given = (x.to(dtype) if x.is_floating_point() else x for x in inputs)
    with torch.no_grad():
        result = module.to(dtype)(*given)
    return [numpy.asarray(leaf) for leaf in torch.utils._pytree.tree_leaves(result)]
