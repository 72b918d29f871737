"""Our runtime runs a library that PyTorch's own AOTInductor made (make_stock_library.py), in a process without libtorch."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import aoti_runtime
import numpy as np
import pytest

LIBRARY = "tests/interop/stock_my_model.so"
COMPAT = "shim/torch_compat"

pytestmark = pytest.mark.skipif(
    " avx2 " not in Path("/proc/cpuinfo").read_text(), reason="the library was compiled for x86-64-v3"
)


def test_library_is_the_committed_one() -> None:
    digest = Path("tests/interop/stock_my_model.sha256").read_text().split()[0]
    assert hashlib.sha256(Path(LIBRARY).read_bytes()).hexdigest() == digest


def test_needs_the_stand_in(tmp_path: Path) -> None:
    with pytest.raises(aoti_runtime.Error, match="needs libtorch_cpu.so, which this process has not loaded"):
        aoti_runtime.load(LIBRARY, torch_compat=str(tmp_path))


def test_run() -> None:
    model = aoti_runtime.load(LIBRARY, num_models=2, torch_compat=COMPAT)
    assert len(model.inputs) == 2
    random = np.random.default_rng(0)
    for _ in range(3):
        x, y = (random.standard_normal((64, 64)).astype(np.float32) for _ in range(2))
        result = np.from_dlpack(model.run(x, y)[0])
        oracle = np.cos(np.sin(x.astype(np.float64)) @ y.astype(np.float64))
        # float32 numpy's own distance from the oracle, doubled: the bound that compiled models keep.
        own = np.abs(np.cos(np.sin(x) @ y) - oracle).max()
        assert np.abs(result - oracle).max() <= 2 * own + 1e-6
    assert "torch" not in sys.modules
    assert "libtorch_cpu.so" in Path("/proc/self/maps").read_text()  # ours, of that name
