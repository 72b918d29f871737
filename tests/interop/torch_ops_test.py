"""Operators that libtorch calls for a library of the flavour "torch", under PyTorch's own loader: results beside eager PyTorch, what is
missing named at load, what fails named at the call."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys

import pytest
import torch

LIBRARY = os.path.abspath(os.environ["AOTI_TORCH_OPS"])
Runner = torch._C._aoti.AOTIModelContainerRunnerCpu


@pytest.mark.parametrize("rows", [2, 6, 33])
def test_results_are_eagers(rows: int) -> None:
    from tests.interop.torch_ops_model import TorchOps

    x = torch.randn(rows, 5, generator=torch.Generator().manual_seed(rows))
    results = Runner(LIBRARY, 1).run([x])
    wanted = TorchOps()(x)
    oracle = TorchOps().double()(x.double())
    assert len(results) == len(wanted)
    for ours, eager, truth in zip(results, wanted, oracle, strict=True):
        assert ours.shape == eager.shape and ours.dtype == eager.dtype
        if not eager.is_floating_point():
            assert torch.equal(ours, eager)
            continue
        own = (eager - truth).abs().max()
        assert (ours - truth).abs().max() <= 2 * own + 1e-6 * truth.abs().max()


def test_a_kernel_that_raises_ends_the_run_with_its_message() -> None:
    import tests.interop.torch_ops_model  # noqa: F401

    library, runner = ctypes.CDLL(LIBRARY), Runner(LIBRARY, 1)
    x = torch.zeros(6, 5)
    x[0, 0] = 2000
    with pytest.raises(RuntimeError, match="x is too large"):
        runner.run([x])
    assert "operator interop::kinds failed: " in _last_error(library)


def test_an_operator_that_nobody_registered_is_named_at_load() -> None:
    code = (
        "import ctypes, torch; from tests.interop.torch_ops_test import Runner, _last_error\n"
        f"library = ctypes.CDLL({LIBRARY!r})\n"
        f"try: Runner({LIBRARY!r}, 1)\nexcept RuntimeError: print(_last_error(library))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "neither a kernel that is linked in nor libtorch has these operators" in done.stdout, done.stderr
    assert "interop::kinds(Tensor x, Tensor?[] maybe, Device device, SymInt rows" in done.stdout
    assert "aten::geqrf" not in done.stdout


def _last_error(library: ctypes.CDLL) -> str:
    """The library's own message: PyTorch's loader shows libtorch's instead where there is one, and none of a failed load. The library must
    have been opened before, or the loader closes it and the message is gone."""
    text = ctypes.c_char_p()
    library.AOTInductorGetLastError(ctypes.byref(text))
    return (text.value or b"").decode()
