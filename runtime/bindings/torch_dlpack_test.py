"""The Python module on PyTorch tensors, also with a library that is bound to the process's own libtorch."""

from __future__ import annotations

import aoti_runtime
import pytest
import torch
from torch.utils.dlpack import from_dlpack

FLAVOURS = ["static", "torch"]


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_run(flavour: str) -> None:
    model = aoti_runtime.load(f"runtime/model/testing/libtoy_{flavour}.so")
    x, y, index = torch.randn(6, 16), torch.randn(6, 16), torch.tensor([3])
    _, added, same = (from_dlpack(out) for out in model.run(x, y, index))
    assert torch.equal(added, x[:, 3:4] + y[:, 3:4])
    assert same.data_ptr() == y.data_ptr()
    with pytest.raises(aoti_runtime.Error, match="input 0 'x': dtype float64; expected float32"):
        model.run(x.double(), y, index)
    with pytest.raises(BufferError, match="gradient"):
        model.run(x.requires_grad_(), y, index)
