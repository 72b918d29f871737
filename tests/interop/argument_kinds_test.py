"""Every kind of argument of a custom operator, to a kernel in C++ in a library without libtorch: it is told what eager PyTorch is told, at
several sizes.

Enters, by environment: AOTI_ARGUMENT_KINDS.
"""

from __future__ import annotations

import os

import aoti_runtime
import numpy
import pytest
import torch
from torch import Tensor

from tests.harness.recorded_test import check
from tests.interop.argument_kinds_model import ArgumentKinds


def _eager(x: Tensor, dtype: torch.dtype) -> list[numpy.ndarray]:
    torch.manual_seed(0)
    module = ArgumentKinds()
    module.bias.data = torch.linspace(-1, 1, 5)
    with torch.no_grad():
        return [y.numpy() for y in module.to(dtype)(x.to(dtype))]


@pytest.mark.parametrize("rows", [2, 6, 33])
def test_a_kernel_is_told_what_eager_is_told(rows: int) -> None:
    model = aoti_runtime.load(os.path.abspath(os.environ["AOTI_ARGUMENT_KINDS"]), num_models=1)
    model.update_constants({"bias": numpy.linspace(-1, 1, 5, dtype=numpy.float32)})
    x = torch.randn(rows, 5, generator=torch.Generator().manual_seed(rows))
    outputs = [numpy.from_dlpack(y) for y in model.run(x.numpy())]
    near, exact = _eager(x, torch.float32), _eager(x, torch.float64)
    assert len(outputs) == len(near) == 6
    for i, (ours, theirs, truth) in enumerate(zip(outputs, near, exact, strict=True)):
        if i % 2 == 0:
            check(i, ours, theirs, truth)
        else:
            numpy.testing.assert_array_equal(ours, theirs, err_msg=f"what call {i // 2} was told")
