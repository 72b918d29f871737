"""The example model built for a GPU, on a machine that has none: what it needs, what it holds, what it says where there is no driver."""

from __future__ import annotations

import ctypes
import json
import os
from pathlib import Path

from compiler.package import elf

LIBRARY = Path(os.environ["AOTI_LIBRARY"]).resolve()
MANIFEST = json.loads(Path(os.environ["AOTI_MANIFEST"]).read_text())
SOURCES = {
    path.name: path for folder in os.environ["AOTI_SOURCES"].split() for path in Path(folder).iterdir()
}
# Offset of a field of AotiModelApi (runtime/include/aoti/model_api.h).
LAST_ERROR = 16


def test_it_needs_the_c_library_alone() -> None:
    needed = elf.read(LIBRARY).needed
    assert all(n.startswith(("libc.so", "libm.so", "libdl.so", "libpthread.so", "ld-linux")) for n in needed)


def test_the_manifest_says_where_it_runs() -> None:
    assert (MANIFEST["device"], MANIFEST["cuda_archs"]) == ("cuda", ["sm_80", "sm_90", "sm_100"])
    assert {i["device"] for i in MANIFEST["inputs"]} == {"cuda"}


def test_it_holds_machine_code_of_every_architecture() -> None:
    """ELF files of NVIDIA's machine (190), each naming its architecture, and PTX that ends in a NUL byte."""
    data = LIBRARY.read_bytes()
    starts = [
        k
        for k in range(0, len(data) - 64, 64)
        if data[k : k + 4] == b"\x7fELF" and data[k + 18 : k + 20] == b"\xbe\x00"
    ]
    assert len(starts) == 2 * 3
    assert data.count(b".target sm_80\n") == 2


def test_the_wrapper_launches_kernels_named_as_their_ops() -> None:
    model, kernels = SOURCES["model.cpp"].read_text(), SOURCES["triton_kernels.py"].read_text()
    for name in ("triton_poi_fused_sin_0", "triton_tem_fused_mm_cos_1"):
        assert f"launchKernel(cuda, {name}, AotiCudaGrid{{" in model.replace("\n      ", " ")
        assert f"def {name}(" in kernels
    assert "AOTICudaStreamGuard stream_guard(cuda->stream, cuda->device_index);" in model
    assert "models/my_model.py:" in kernels


def test_without_a_driver_it_loads_and_says_so() -> None:
    os.environ["AOTI_LIBCUDA"] = "/nonexistent/libcuda.so.1"
    library = ctypes.CDLL(str(LIBRARY))
    library.aoti_model_api.restype = ctypes.c_void_p
    api = library.aoti_model_api()
    container = ctypes.c_void_p()
    assert (
        library.AOTInductorModelContainerCreateWithDevice(
            ctypes.byref(container), ctypes.c_size_t(1), b"cuda", None
        )
        != 0
    )
    last_error = ctypes.CFUNCTYPE(ctypes.c_char_p)(ctypes.c_void_p.from_address(api + LAST_ERROR).value or 0)
    message = (last_error() or b"").decode()
    assert "my_model_cuda_aoti: no CUDA driver" in message and "/nonexistent/libcuda.so.1" in message
