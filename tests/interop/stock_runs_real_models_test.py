"""PyTorch's own AOTInductor loader runs ResNet-18 and MiniLM that our compiler made (shim = "torch").

Held against what eager PyTorch computed at export, in float32 and in float64: no further from float64 than twice eager.
"""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch

from tests.harness.recorded_inputs import inputs

FACTOR = 2


@pytest.mark.parametrize("model", ["RESNET18", "MINILM"])
def test_outputs_are_as_exact_as_eager(model: str) -> None:
    runner = torch._C._aoti.AOTIModelContainerRunnerCpu(os.environ[f"AOTI_{model}"], 1)
    with np.load(os.environ[f"AOTI_{model}_RECORDED"]) as file:
        recorded = dict(file)
    given = [torch.from_numpy(array) for array in inputs(recorded)]
    for _ in range(2):
        (result,) = runner.run(given)
        oracle, eager = recorded["oracle_0"], recorded["eager_0"]
        assert result.shape == eager.shape and result.dtype == torch.float32
        assert 0 < np.abs(result.numpy() - oracle).max() <= FACTOR * np.abs(eager - oracle).max()
