"""One library at many sizes: every case of tests/e2e/sizes.py against eager PyTorch in float64, and every way in which given sizes do
not fit the model is an error that names the input.

Enters, by environment: AOTI_SIZES_LIBRARY.
"""

from __future__ import annotations

import os
from typing import Any

import aoti_runtime
import pytest
import torch
from torch import Tensor

from tests.e2e import sizes
from tests.e2e.case_runs import compiled, eager
from tests.harness.recorded_test import check


@pytest.fixture(scope="module", params=[1, 2], ids=["1 thread", "2 threads"])
def model(request: pytest.FixtureRequest) -> Any:
    return aoti_runtime.load(
        os.path.abspath(os.environ["AOTI_SIZES_LIBRARY"]), num_models=1, num_threads=request.param
    )


@pytest.mark.parametrize("run", [0, 3, 1, 2])
def test_every_size_is_as_exact_as_eager(model: Any, run: int) -> None:
    """The largest sizes in the middle: the arena grows, and is used again for smaller ones."""
    given = [case.inputs(run) for case in sizes.CASES]
    outputs, names = compiled(model, [x for args in given for x in args]), [o.name for o in model.outputs]
    position, wrong = 0, []
    for case, args in zip(sizes.CASES, given, strict=True):
        for near, exact in zip(
            eager(case.module(), args, torch.float32), eager(case.module(), args, torch.float64), strict=True
        ):
            try:
                check(position, outputs[position], near, exact)
            except AssertionError as error:
                wrong.append(f"{names[position]} of {case.name} at {case.runs[run]}: {error}")
            position += 1
    assert position == len(outputs)
    assert not wrong, "\n".join(wrong)


# The case whose inputs are changed, their shapes instead, and what the message says.
REFUSED = [
    ("pointwise", [(65, 7)], r"dimension 0 is 65; expected 0 to 64 .*Stay within the range"),
    ("pointwise", [(3, 0)], r"dimension 1 is 0; expected 1 to 300"),
    ("softmaxes", [(3, 301)], r"dimension 1 is 301; expected 1 to 300"),
    ("products", [(3, 7), (8, 9)], r"dimension 0 is 8; expected 7, the size of dimension 1 of input \d+ .*equal"),
    ("derived", [(4,), (8,)], r"dimension 0 is 8; expected 2\*s\d+ \+ 1, which is 9; here .*s\d+ = 4 \(dimension 0 of input"),
    ("halves", [(7, 3)], r"dimension 0 is 7; expected a multiple of 2"),
    ("halves", [(2, 3)], r"dimension 0 is 2; expected 4 or more"),
    ("joined", [(3, 5), (3, 4)], r"dimension 1 is 5; expected 4 "),
    ("convnet", [(2, 3, 7, 8)], r"dimension 2 is 7; expected 8 to 200"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "shapes", "message"), REFUSED)
def test_sizes_that_do_not_fit_are_refused_by_name(
    model: Any, name: str, shapes: list[tuple[int, ...]], message: str
) -> None:
    inputs: list[Tensor] = []
    for case in sizes.CASES:
        inputs += [torch.zeros(s) for s in shapes] if case.name == name else case.inputs(0)
    with pytest.raises(aoti_runtime.Error, match=message):
        compiled(model, inputs)
    compiled(model, [x for case in sizes.CASES for x in case.inputs(0)])
