"""One library whose sizes depend on data: every case of tests/e2e/data_sizes.py against eager PyTorch in float64, on data that selects
nothing, one element, some, all; and data that breaks a condition of the model is an error that names the place.

Enters, by environment: AOTI_DATA_SIZES_LIBRARY.
"""

from __future__ import annotations

import os
from typing import Any

import aoti_runtime
import pytest
import torch
from torch import Tensor

from tests.e2e import data_sizes
from tests.e2e.case_runs import compiled, eager
from tests.harness.recorded_test import check


@pytest.fixture(scope="module", params=[1, 2], ids=["1 thread", "2 threads"])
def model(request: pytest.FixtureRequest) -> Any:
    return aoti_runtime.load(
        os.path.abspath(os.environ["AOTI_DATA_SIZES_LIBRARY"]), num_models=1, num_threads=request.param
    )


@pytest.mark.parametrize("run", [0, 2, 1, 3])
def test_all_data_is_as_exact_as_eager(model: Any, run: int) -> None:
    """The largest sizes in the middle: what lay there before must not show."""
    given = [case.runs[run] for case in data_sizes.CASES]
    outputs, names = compiled(model, [x for args in given for x in args]), [o.name for o in model.outputs]
    position, wrong = 0, []
    for case, args in zip(data_sizes.CASES, given, strict=True):
        for near, exact in zip(
            eager(case.module(), args, torch.float32), eager(case.module(), args, torch.float64), strict=True
        ):
            try:
                check(position, outputs[position], near, exact)
            except AssertionError as error:
                wrong.append(f"{names[position]} of {case.name} in run {run}: {error}")
            position += 1
    assert position == len(outputs)
    assert not wrong, "\n".join(wrong)


def test_a_second_run_gives_the_same_bits(model: Any) -> None:
    inputs = [x for case in data_sizes.CASES for x in case.runs[0]]
    for before, again in zip(compiled(model, inputs), compiled(model, inputs), strict=True):
        assert before.tobytes() == again.tobytes()


def test_a_result_outlives_the_next_run(model: Any) -> None:
    """Results of a size that the run found are the caller's."""
    inputs = [x for case in data_sizes.CASES for x in case.runs[0]]
    first = compiled(model, inputs)
    kept = [x.copy() for x in first]
    compiled(model, [x for case in data_sizes.CASES for x in case.runs[2]])
    assert all(a.tobytes() == b.tobytes() for a, b in zip(first, kept, strict=True))


LINE = r"tests/e2e/(data_sizes|case).py:\d+ in forward"

# The case whose inputs are changed, the inputs, and what the message says.
REFUSED = [
    ("ramp", (torch.tensor(-1),), r"aten.item.default \[item\w*\] at LINE gives -1, .*expected 0 to 5000"),
    ("ramp", (torch.tensor(5001),), r"aten.item.default \[item\w*\] at LINE gives 5001, .*expected 0 to 5000"),
    ("first", (torch.randn(33, 8), torch.tensor(34)), r"aten.item.default \[item\w*\] at LINE gives 34, .*expected 0 to 33"),
    ("repeats", (torch.tensor([3, -1, 2, 0]),), r"aten.repeat_interleave.* at LINE gives -1, .*expected at least 0"),
    ("equal_counts", (torch.ones(40), torch.zeros(40)),
     r"expected u\d+ == u\d+; here u\d+ = 40 \(aten.nonzero.default \[nonzero\w*\] at LINE\), u\d+ = 0 \(aten.nonzero.* at LINE\); LINE"),
    ("vast", (torch.tensor(1 << 33),),
     r"memory for buf\d+, int64 \[u\d+, u\d+\] .*more than can be addressed; here u\d+ = 8589934592 \(aten.item.* at LINE"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "inputs", "message"), REFUSED)
def test_data_that_breaks_a_condition_is_refused_by_name(
    model: Any, name: str, inputs: tuple[Tensor, ...], message: str
) -> None:
    """LINE: the model's source line; where the functions of most cases are called."""
    given = [inputs if case.name == name else case.runs[0] for case in data_sizes.CASES]
    with pytest.raises(aoti_runtime.Error, match=message.replace("LINE", LINE)):
        compiled(model, [x for args in given for x in args])
    compiled(model, [x for case in data_sizes.CASES for x in case.runs[0]])
