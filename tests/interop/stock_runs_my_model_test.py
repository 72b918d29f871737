"""PyTorch's own AOTInductor loader runs the example model that our compiler made (shim = "torch"), beside eager PyTorch.

The container and its constants under that loader are the matter of stock_runs_ours_test.py; this one is the whole path.
"""

from __future__ import annotations

import os

import pytest
import torch

LIBRARY = os.environ["AOTI_MY_MODEL"]


@pytest.fixture(scope="module")
def runner() -> torch._C._aoti.AOTIModelContainerRunnerCpu:
    return torch._C._aoti.AOTIModelContainerRunnerCpu(LIBRARY, 1)


def test_run(runner: torch._C._aoti.AOTIModelContainerRunnerCpu) -> None:
    generator = torch.Generator().manual_seed(0)
    for _ in range(3):
        x, y = (torch.randn(64, 64, generator=generator) for _ in range(2))
        (result,) = runner.run([x, y])
        oracle = torch.cos(torch.sin(x.double()) @ y.double())
        own = (torch.cos(torch.sin(x) @ y) - oracle).abs().max()
        assert result.dtype == torch.float32 and result.shape == (64, 64) and result.is_contiguous()
        assert (result - oracle).abs().max() <= 2 * own


def test_result_outlives_the_runner() -> None:
    runner = torch._C._aoti.AOTIModelContainerRunnerCpu(LIBRARY, 1)
    (result,) = runner.run([torch.zeros(64, 64), torch.ones(64, 64)])
    del runner
    assert torch.equal(result, torch.ones(64, 64))


def test_wrong_size_is_refused_by_name(runner: torch._C._aoti.AOTIModelContainerRunnerCpu) -> None:
    with pytest.raises(RuntimeError, match="input 1 'y': dimension 0 is 32; expected 64"):
        runner.run([torch.ones(64, 64), torch.ones(32, 64)])
