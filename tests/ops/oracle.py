"""What a sample's results are held against: eager PyTorch, and eager in float64.

Enters: a `Sample`. Leaves: lists of its results, flat; the inputs stay as they are.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch.utils import _pytree as pytree

from compiler.driver.export_oracle import widen
from tests.ops.samples import Sample


def eager_of(sample: Sample) -> list[Any]:
    """Raises whatever eager does where it refuses the sample."""
    return list(pytree.tree_leaves(sample.call(*copy.deepcopy(sample.tensors))))


def oracle_of(sample: Sample, eager: list[Any]) -> list[Any]:
    """The results in float64, integers promoted to it too; eager's own where the sample cannot be computed so."""
    torch.set_default_dtype(torch.float64)
    try:
        wide = list(pytree.tree_leaves(sample.call(*widen(copy.deepcopy(sample.tensors)))))
    except Exception:
        return eager
    finally:
        torch.set_default_dtype(torch.float32)
    same = len(wide) == len(eager) and all(
        not isinstance(e, torch.Tensor) or e.shape == w.shape for e, w in zip(eager, wide, strict=True)
    )
    return wide if same else eager
