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


def zeros(*shapes: tuple[int, ...]) -> list[Tensor]:
    return [torch.zeros(shape) for shape in shapes]


ROWS = [torch.zeros(1, 7).expand(6, 7), torch.zeros(6, 7)]

# As many elements as a size may say, in the memory of one.
ENDLESS = torch.zeros(1).expand(1 << 31)

PATTERNS = (
    ("INPUT", r"input \d+ 'inputs_\d+'"),
    ("SOURCE", r"\(dimension \d of input 'inputs_\d+'\)"),
    ("LINE", r"tests/e2e/case.py:\d+ in forward"),
)

# The case whose inputs are changed, its inputs instead, and what the message says.
REFUSED = [
    ("pointwise", zeros((65, 7)), r"INPUT: dimension 0 is 65; expected 0 to 64 .*LINE.*Stay within the range"),
    ("pointwise", zeros((3, 0)), r"INPUT: dimension 1 is 0; expected 1 to 300 .*LINE"),
    ("softmaxes", zeros((3, 301)), r"INPUT: dimension 1 is 301; expected 1 to 300 .*LINE"),
    ("products", zeros((3, 7), (8, 9)), r"INPUT: dimension 0 is 8; expected 7, the size of dimension 1 of INPUT .*LINE.*equal"),
    ("derived", zeros((4,), (8,)), r"INPUT: dimension 0 is 8; expected 2\*s\d+ \+ 1, which is 9; here s\d+ = 4 SOURCE; LINE"),
    ("halves", zeros((7, 3)), r"INPUT: dimension 0 is 7; expected a multiple of 2 .*LINE.*Pad the input"),
    ("halves", zeros((2, 3)), r"INPUT: dimension 0 is 2; expected 4 or more .*LINE"),
    ("joined", zeros((3, 5), (3, 4)), r"INPUT: dimension 1 is 5; expected 4 .*LINE"),
    ("convnet", zeros((2, 3, 7, 8)), r"INPUT: dimension 2 is 7; expected 8 to 200 .*tests/e2e/sizes.py:\d+ in forward"),
    ("guarded", zeros((5, 4)), r"INPUT: dimension 0 is 5; expected 6 or more .*tests/e2e/sizes.py:\d+ in forward"),
    ("guarded", zeros((7, 4)), r"do not fit together: expected s\d+ != 7; here s\d+ = 7 SOURCE; tests/e2e/sizes.py:\d+ in forward"),
    ("laid_out", [torch.zeros(6, 7), *ROWS], r"INPUT: stride 7 in dimension 0; expected 1 .*, expected \[1, any\]; LINE.*layout"),
    ("laid_out", [torch.zeros(7, 10).t()[:6], *ROWS],
     r"INPUT: stride of dimension 1 is 10; expected s\d+, which is 6; here s\d+ = 6 SOURCE; LINE.*layout of the example"),
    ("vast", [ENDLESS, ENDLESS], r"memory for inputs of these sizes is more than can be addressed"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "given", "message"), REFUSED)
def test_sizes_that_do_not_fit_are_refused_by_name(
    model: Any, name: str, given: list[Tensor], message: str
) -> None:
    """INPUT is an input by number and name; SOURCE, where a size is from; LINE, where the functions of most cases are called."""
    inputs: list[Tensor] = []
    for case in sizes.CASES:
        inputs += given if case.name == name else case.inputs(0)
    for short, long in PATTERNS:
        message = message.replace(short, long)
    with pytest.raises(aoti_runtime.Error, match=message):
        compiled(model, inputs)
    compiled(model, [x for case in sizes.CASES for x in case.inputs(0)])
