"""Our runtime runs what PyTorch's own AOTInductor made of a dozen models (make_stock_models.py), in a process without libtorch; what it
cannot run is refused by name when it is loaded."""

from __future__ import annotations

import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path

import aoti_runtime
import numpy as np
import pytest

ARCHIVE = "tests/interop/stock_models.tar.xz"
COMPAT = "shim/torch_compat"
RUN = [
    "cond", "convolution", "dynamic_batch", "elementwise", "embedding_bag", "integers", "mlp", "scatters", "sorting", "transformer",
    "while_loop",
]  # fmt: skip

pytestmark = pytest.mark.skipif(
    " avx2 " not in Path("/proc/cpuinfo").read_text(), reason="the libraries were compiled for x86-64-v3"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stock")
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.fixture(scope="module")
def recorded(folder: Path) -> Mapping[str, np.ndarray]:
    with np.load(folder / "recorded.npz") as found:
        return dict(found)


def numbered(recorded: Mapping[str, np.ndarray], prefix: str) -> list[np.ndarray]:
    return [recorded[f"{prefix}{i}"] for i in range(16) if f"{prefix}{i}" in recorded]


@pytest.mark.parametrize("name", RUN)
def test_model(name: str, folder: Path, recorded: Mapping[str, np.ndarray]) -> None:
    model = aoti_runtime.load(str(folder / f"{name}.so"), num_models=2, torch_compat=COMPAT)
    cases = sorted({key.split(".")[1] for key in recorded if key.startswith(f"{name}.")})
    assert cases
    for case in cases:
        expected = numbered(recorded, f"{name}.{case}.out")
        results = model.run(*numbered(recorded, f"{name}.{case}.in"))
        assert len(results) == len(expected)
        for result, wanted in zip(results, expected, strict=True):
            array = np.asarray(result)
            assert (array.shape, array.dtype) == (wanted.shape, wanted.dtype)
            # Both are float32 calculations of a few steps; integers are exact.
            tolerance = 0 if wanted.dtype.kind in "iub" else 2e-6
            np.testing.assert_allclose(array, wanted, rtol=tolerance, atol=tolerance)
    assert "torch" not in sys.modules


def test_every_model_is_tested(recorded: Mapping[str, np.ndarray]) -> None:
    assert {key.split(".")[0] for key in recorded} >= {*RUN, "lstm", "custom_op"}


def test_what_is_missing_is_named(folder: Path) -> None:
    with pytest.raises(aoti_runtime.Error, match=r"does not have:\n  aoti_torch_cpu_mkldnn_rnn_layer\n"):
        aoti_runtime.load(str(folder / "lstm.so"), torch_compat=COMPAT)


def test_custom_op_needs_a_dispatcher(folder: Path, recorded: Mapping[str, np.ndarray]) -> None:
    """The library loads, and the call of the custom op fails in words."""
    model = aoti_runtime.load(str(folder / "custom_op.so"), torch_compat=COMPAT)
    with pytest.raises(aoti_runtime.Error, match="aoti_torch_proxy_executor_call_function"):
        model.run(*numbered(recorded, "custom_op.0.in"))
