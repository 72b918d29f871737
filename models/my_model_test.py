"""The example model computes what its docstring says, in the sizes it says."""

from __future__ import annotations

import torch

from models import my_model


def test_formula_and_sizes() -> None:
    module, (x, y) = my_model.build()
    got = module(x, y)
    assert got.shape == (64, 64) and got.dtype == torch.float32
    exact = (x.double().sin() @ y.double()).cos()
    assert (got - exact).abs().max() < 1e-4
