"""Some of PyTorch's own operator samples, compiled as one library, against eager and float64 eager; elementwise ones on special values too.

Enters, by environment: AOTI_SUBSET_LIBRARY, which is tests/ops/subset.py compiled. The sweep (`//tests/ops:sweep`) takes all samples.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import aoti_runtime
import pytest
import torch
from torch.utils.dlpack import from_dlpack

from tests.ops import subset
from tests.ops.judge import judge_all
from tests.ops.oracle import eager_of, oracle_of
from tests.ops.samples import Sample


@pytest.fixture(scope="module")
def model() -> aoti_runtime.Model:
    return aoti_runtime.load(os.path.abspath(os.environ["AOTI_SUBSET_LIBRARY"]), num_models=1, num_threads=2)


@torch.no_grad()
def _wrong(model: aoti_runtime.Model, parts: Sequence[Sample], judged: Sequence[bool]) -> list[str]:
    """What is not right among the samples to be judged."""
    results = iter(model.run(*(t for s in parts for t in s.tensors)))
    found = []
    for sample, wanted in zip(parts, judged, strict=True):
        eager = eager_of(sample)
        ours = [from_dlpack(r) if r is not None else r for r in (next(results) for _ in eager)]
        if not wanted:
            continue
        verdict, why = judge_all(sample, ours, eager, oracle_of(sample, eager))
        if verdict != "right":
            found.append(f"{sample.key}: {why}")
    return found


def test_samples_are_right(model: aoti_runtime.Model) -> None:
    parts = subset.chosen()
    assert len(parts) > 120
    wrong = _wrong(model, parts, [True] * len(parts))
    assert not wrong, "\n".join(wrong)


def test_special_values_are_right(model: aoti_runtime.Model) -> None:
    special = subset.special()
    assert len(special) > 20
    parts = [special.get(s.key, s) for s in subset.chosen()]
    wrong = _wrong(model, parts, [s.form == "special" for s in parts])
    assert not wrong, "\n".join(wrong)
