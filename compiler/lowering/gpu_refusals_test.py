"""What lowering refuses for a GPU: each operator by name, with what to do; all of a model's at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from compiler.lowering.testing.case_harness import lower_function
from compiler.support.diagnostics import UserError
from compiler.support.options import CompileOptions

GPU = CompileOptions("case", device="cuda")
MATRIX = torch.eye(4)
WHOLE = torch.arange(4)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (torch.special.i0, r"has no kernel \(i0\) for cuda"),
        (torch.digamma, r"has no kernel \(digamma\) for cuda"),
        (torch.special.zeta, r"has no kernel \(zeta\) for cuda"),
        (lambda x: torch.nextafter(x, x + 1), r"has no kernel \(nextafter\) for cuda"),
        (lambda x: torch.gcd(WHOLE, x.to(torch.int64)), r"has no kernel \(gcd\) for cuda"),
        (torch.linalg.inv, r"linalg_inv\w*\.\w+ is not lowered for a GPU"),
        (torch.linalg.qr, r"linalg_qr\.\w+ is not lowered for a GPU"),
        (torch.linalg.cholesky, r"cholesky\w*\.\w+ is not lowered for a GPU"),
    ],
)  # fmt: skip
def test_operators_without_a_kernel(function: Callable[..., Any], message: str) -> None:
    inputs = (MATRIX, MATRIX + 1) if function is torch.special.zeta else (MATRIX,)
    with pytest.raises(UserError, match=message) as error:
        lower_function(function, inputs, GPU)
    assert "for the CPU" in str(error.value)


def test_all_of_a_model_are_listed() -> None:
    with pytest.raises(UserError, match="2 problems") as error:
        lower_function(lambda x: torch.special.i1(x) + torch.linalg.inv(x), (MATRIX,), GPU)
    assert "i1" in str(error.value) and "linalg_inv" in str(error.value)
