"""A library without the kernels that its model calls says so when it is loaded, for all operators at once."""

from __future__ import annotations

import os

import aoti_runtime
import pytest


def test_missing_and_changed_kernels_are_named_at_load() -> None:
    with pytest.raises(aoti_runtime.Error) as error:
        aoti_runtime.load(os.path.abspath(os.environ["AOTI_CHANGED_LIBRARY"]))
    text = str(error.value)
    assert "smoothing::average(Tensor x, SymInt width) -> Tensor: the kernel that is linked in is for" in text
    assert "smoothing::average(Tensor x, float width) -> Tensor" in text
    assert "smoothing::combine(Tensor[] parts" in text and "aoti/custom_op.h" in text
