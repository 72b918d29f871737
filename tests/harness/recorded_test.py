"""A compiled model's numbers against those recorded from eager PyTorch at export: the test that aoti_cc_library makes.

Enters, by environment: AOTI_RECORDED (NAME.recorded.npz: input_<i>, strides_<i>, eager_<i>, oracle_<i>), AOTI_RECORDED_LIBRARY
(lib<NAME>.so), AOTI_RECORDED_SHIM. The criterion, for every output of floating point:

    max |ours - oracle|  <=  2 * max |eager - oracle|  +  eps(dtype) * max |oracle|

where the oracle is eager in float64: the library may be no further from the truth than twice eager's own distance. The
last term allows one rounding where eager happened to hit the oracle exactly. Other outputs must be equal.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

import numpy
import pytest

from tests.harness.recorded_inputs import inputs

FACTOR = 2.0
Arrays = dict[str, numpy.ndarray]


def numbered(arrays: Arrays, prefix: str) -> list[numpy.ndarray]:
    """`prefix_0`, `prefix_1`, ... in order."""
    count = sum(name.startswith(prefix + "_") for name in arrays)
    return [arrays[f"{prefix}_{i}"] for i in range(count)]


@pytest.fixture(scope="module")
def recorded() -> Arrays:
    path = os.environ.get("AOTI_RECORDED", "")
    if not path:
        pytest.fail(
            "the model has no recorded outputs: give aoti_cc_library an aoti_export as model, or say test = False"
        )
    with numpy.load(path) as file:
        return dict(file)


@pytest.fixture(scope="module", params=[1, 2], ids=["1 thread", "2 threads"])
def model(request: pytest.FixtureRequest) -> Any:
    if os.environ["AOTI_RECORDED_SHIM"] == "torch":
        importlib.import_module("torch")  # the library's functions come from the libtorch of the process
    runtime = importlib.import_module("aoti_runtime")
    return runtime.load(
        os.path.abspath(os.environ["AOTI_RECORDED_LIBRARY"]), num_models=1, num_threads=request.param
    )


def run(model: Any, recorded: Arrays) -> list[numpy.ndarray]:
    return [numpy.from_dlpack(output) for output in model.run(*inputs(recorded))]


def distance(values: numpy.ndarray, oracle: numpy.ndarray) -> float:
    """Largest absolute difference where the oracle is finite."""
    finite = numpy.isfinite(oracle)
    difference = numpy.abs(
        values.astype(oracle.dtype) - oracle, where=finite, out=numpy.zeros(oracle.shape, oracle.dtype)
    )
    return float(difference.max(initial=0.0))


def check(i: int, ours: numpy.ndarray, eager: numpy.ndarray, oracle: numpy.ndarray) -> None:
    """Asserts the criterion for output `i`."""
    assert (ours.shape, ours.dtype) == (eager.shape, eager.dtype), (
        f"output {i}: expected the shape and dtype of eager's"
    )
    if not numpy.issubdtype(eager.dtype, numpy.floating):
        numpy.testing.assert_array_equal(ours, eager, err_msg=f"output {i}")
        return
    infinite = ~numpy.isfinite(oracle)
    numpy.testing.assert_array_equal(
        ours[infinite], eager[infinite], err_msg=f"output {i}, where the oracle is infinite"
    )
    largest = float(numpy.abs(oracle[~infinite]).max(initial=0.0))
    limit = FACTOR * distance(eager, oracle) + float(numpy.finfo(eager.dtype).eps) * largest
    got = distance(ours, oracle)
    print(
        f"output {i}: |ours - float64| {got:.3e}, |eager - float64| {distance(eager, oracle):.3e}, limit {limit:.3e}"
    )
    assert got <= limit, f"output {i} is {got:.3e} from float64 eager, allowed are {limit:.3e}"


def test_outputs_are_as_exact_as_eager(model: Any, recorded: Arrays) -> None:
    outputs = run(model, recorded)
    eager, oracle = numbered(recorded, "eager"), numbered(recorded, "oracle")
    assert eager, "no eager_<i> in the recorded file"
    assert len(outputs) == len(eager)
    for i, (ours, theirs, truth) in enumerate(zip(outputs, eager, oracle, strict=True)):
        check(i, ours, theirs, truth)


def test_second_run_gives_the_same_bits(model: Any, recorded: Arrays) -> None:
    first = [output.copy() for output in run(model, recorded)]
    for ours, before in zip(run(model, recorded), first, strict=True):
        assert ours.tobytes() == before.tobytes()
