"""A table of small cases, compiled as one library, against eager PyTorch: the tests //tests/e2e:<table>_test.

Enters, by environment: AOTI_TABLE_LIBRARY (the library) and AOTI_TABLE_RECORDED (inputs, eager's and float64 eager's outputs).
Output names begin with the case's name, so a failure lists the cases at fault; //tests/e2e:run_cases compiles one alone.
"""

from __future__ import annotations

import os
from typing import Any

import aoti_runtime
import numpy
import pytest

from tests.harness.recorded_test import check, numbered, run


@pytest.fixture(scope="module")
def recorded() -> dict[str, numpy.ndarray]:
    with numpy.load(os.environ["AOTI_TABLE_RECORDED"]) as file:
        return dict(file)


@pytest.fixture(scope="module", params=[1, 2], ids=["1 thread", "2 threads"])
def model(request: pytest.FixtureRequest) -> Any:
    library = os.path.abspath(os.environ["AOTI_TABLE_LIBRARY"])
    return aoti_runtime.load(library, num_models=1, num_threads=request.param)


def test_cases_are_as_exact_as_eager(model: Any, recorded: dict[str, numpy.ndarray]) -> None:
    outputs, names = run(model, recorded), [output.name for output in model.outputs]
    eager, oracle = numbered(recorded, "eager"), numbered(recorded, "oracle")
    assert len(outputs) == len(eager) == len(names) > 0
    wrong = []
    for i, (name, ours, theirs, truth) in enumerate(zip(names, outputs, eager, oracle, strict=True)):
        try:
            check(i, ours, theirs, truth)
        except AssertionError as error:
            wrong.append(f"{name}: {error}")
    assert not wrong, "\n".join(wrong)


def test_second_run_gives_the_same_bits(model: Any, recorded: dict[str, numpy.ndarray]) -> None:
    first = [output.copy() for output in run(model, recorded)]
    for before, again in zip(first, run(model, recorded), strict=True):
        assert before.tobytes() == again.tobytes()
