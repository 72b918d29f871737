"""The model with Triton kernels of its own, built for a GPU on a machine that has none: its kernels are in the library like ours."""

from __future__ import annotations

import os
from pathlib import Path

LIBRARY = Path(os.environ["AOTI_LIBRARY"]).resolve()
SOURCES = {
    path.name: path.read_text()
    for folder in os.environ["AOTI_SOURCES"].split()
    for path in Path(folder).iterdir()
}


def test_machine_code_of_every_architecture_is_there() -> None:
    """Four kernels: the linear layer and the product, and the model's own between and after."""
    data = LIBRARY.read_bytes()
    cubins = [
        k
        for k in range(0, len(data) - 64, 64)
        if data[k : k + 4] == b"\x7fELF" and data[k + 18 : k + 20] == b"\xbe\x00"
    ]
    assert len(cubins) == 3 * 4
    for name in (b"triton_rms_norm_kernel_1", b"triton_append_kernel_2"):
        assert data.count(b".entry " + name) == 1


def test_the_wrapper_launches_them_with_grids_of_sizes() -> None:
    model = SOURCES["model.cpp"].replace("\n      ", " ")
    assert (
        "launchKernel(cuda, triton_rms_norm_kernel_1, AotiCudaGrid{s0, 1, 1}, buf2, p_weight, buf4, s0)"
        in model
    )
    assert (
        "launchKernel(cuda, triton_append_kernel_2, AotiCudaGrid{4, s0, 1}, buf4, position, buf6, s0)"
        in model
    )
    assert "float *const buf6 = cache;  // reuse" in model  # the cache is written where it lies


def test_the_models_own_code_is_carried_as_it_was_written() -> None:
    kernels = SOURCES["triton_kernels.py"]
    assert "# triton.rms_norm_kernel [triton_kernel] at models/triton_op.py:" in kernels
    assert "# Configuration: BLOCK=1024, num_warps=4, num_stages=3 (the first of 3)" in kernels
    (norm,) = (text for name, text in SOURCES.items() if name.startswith("user_rms_norm_kernel_"))
    assert "def mean_square(row, columns, BLOCK: tl.constexpr):" in norm
    assert "EPSILON = triton.language.constexpr(1e-06)" in norm
