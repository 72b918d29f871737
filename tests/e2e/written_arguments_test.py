"""Operators that write to their arguments: results, the model's buffers and the caller's input beside eager PyTorch, run after run."""

from __future__ import annotations

import os

import aoti_runtime
import numpy
import pytest
import torch

from models.custom_op.running_statistics import build
from tests.harness.recorded_test import check

Inputs = list[tuple[torch.Tensor, torch.Tensor]]


def _eager(dtype: torch.dtype, inputs: Inputs) -> list[torch.Tensor]:
    """The results and the changed input of each run; the seed is the exporter's."""
    torch.manual_seed(0)
    model, found = build()["module"].to(dtype), []
    for x, history in inputs:
        given = history.to(dtype, copy=True)
        with torch.no_grad():
            found += [*model(x.to(dtype), given), given]
    return found


def _own(inputs: Inputs) -> list[torch.Tensor]:
    """The same by the library with kernels in C++, without libtorch."""
    model = aoti_runtime.load(os.path.abspath(os.environ["AOTI_STATISTICS_LIBRARY"]), num_models=1)
    found = []
    for x, history in inputs:
        given = history.numpy().copy()
        results = [torch.from_numpy(numpy.from_dlpack(t).copy()) for t in model.run(x.numpy(), given)]
        found += [*results, torch.from_numpy(given)]
    return found


def _torchs(inputs: Inputs) -> list[torch.Tensor]:
    """The same by the library whose operators libtorch's dispatcher calls, under PyTorch's own loader."""
    library = os.path.abspath(os.environ["AOTI_STATISTICS_TORCH_LIBRARY"])
    model, found = torch._C._aoti.AOTIModelContainerRunnerCpu(library, 1), []
    for x, history in inputs:
        given = history.clone()
        found += [*model.run([x, given]), given]
    return found


@pytest.mark.parametrize("run", [_own, _torchs])
def test_state_inputs_and_results_are_eagers(run) -> None:  # type: ignore[no-untyped-def]
    generator = torch.Generator().manual_seed(1)
    inputs = [
        (torch.randn(rows, 6, generator=generator), torch.randn(3, 4, generator=generator))
        for rows in (5, 1, 33)
    ]
    ours, eager, oracle = run(inputs), _eager(torch.float32, inputs), _eager(torch.float64, inputs)
    assert len(ours) == len(eager)
    for k, found in enumerate(zip(ours, eager, oracle, strict=True)):
        check(k, *(t.numpy() for t in found))


def test_a_kernel_for_a_schema_without_the_marks_is_named_at_load() -> None:
    with pytest.raises(aoti_runtime.Error) as error:
        aoti_runtime.load(os.path.abspath(os.environ["AOTI_UNMARKED_LIBRARY"]))
    text = str(error.value)
    assert (
        "statistics::clip_(Tensor(a!) x, float limit) -> Tensor(a!): the kernel that is linked in is for"
        in text
    )
    assert "statistics::update(Tensor(a0!) mean" in text
