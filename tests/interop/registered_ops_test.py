"""Operators that a library of C++ registers with PyTorch: a compiled model of the flavour "torch" calls them like eager PyTorch, in a
process that has loaded their library, and names them in one that has not.

Enters, by environment: AOTI_REGISTERED_OPS (the library of the operators), AOTI_REGISTERED_MODEL (that of the model).
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch

from tests.harness.recorded_test import check
from tests.interop import registered_ops_model

OPS, MODEL = (os.path.abspath(os.environ[f"AOTI_REGISTERED_{what}"]) for what in ("OPS", "MODEL"))
Runner = torch._C._aoti.AOTIModelContainerRunnerCpu


@pytest.fixture(scope="module", autouse=True)
def operators() -> None:
    registered_ops_model.load(OPS)


@pytest.mark.parametrize("rows", [4, 7, 33])
def test_results_are_eagers(rows: int) -> None:
    x = torch.randn(rows, 5, generator=torch.Generator().manual_seed(rows))
    results = Runner(MODEL, 1).run([x])
    with torch.no_grad():
        wanted = registered_ops_model.RegisteredOps()(x)
        exact = registered_ops_model.RegisteredOps().double()(x.double())
    assert len(results) == len(wanted) == len(exact)
    for i, (ours, eager, truth) in enumerate(zip(results, wanted, exact, strict=True)):
        check(i, ours.numpy(), eager.numpy(), truth.numpy())


def test_without_their_library_they_are_named_at_load() -> None:
    code = (
        "import ctypes, torch\n"
        f"library, text = ctypes.CDLL({MODEL!r}), ctypes.c_char_p()\n"
        f"try: torch._C._aoti.AOTIModelContainerRunnerCpu({MODEL!r}, 1)\n"
        "except RuntimeError: library.AOTInductorGetLastError(ctypes.byref(text)); print(text.value.decode())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "neither a kernel that is linked in nor libtorch has these operators" in done.stdout, done.stderr
    assert "interop_registered::bell(Tensor x, float width, str what, Tensor? shift" in done.stdout
    assert "interop_registered::cut(Tensor x, SymInt rows) -> Tensor[]" in done.stdout
