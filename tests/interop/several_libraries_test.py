"""Several model libraries in one process beside libtorch: each answers for itself, binds to its own shim, and refuses others' handles.

The import of torch loads libtorch. The libraries are the toy model in three flavours and a build of an earlier commit; all export the
same names.
"""

from __future__ import annotations

import ctypes
import os
import struct
from pathlib import Path

import aoti_runtime
import numpy as np
import pytest
from torch.utils.dlpack import from_dlpack

STATIC = "runtime/model/testing/libtoy_static.so"
SHARED = "runtime/model/testing/libtoy_shared.so"
TORCH = "runtime/model/testing/libtoy_torch.so"
EARLIER = "tests/abi/earlier/libtoy_shared_40b8f85.so"
SHIM = "shim/libaoti_shim.so"
# Library -> where its aoti_torch_* come from; None: from inside.
SHIM_OF = {STATIC: None, SHARED: "libaoti_shim.so", EARLIER: "libaoti_shim.so", TORCH: "libtorch"}

_RELA, _GLOB_DAT, _JUMP_SLOT = 4, 6, 7


class _Place(ctypes.Structure):
    """Dl_info of dlfcn.h."""

    _fields_ = [
        ("file", ctypes.c_char_p),
        ("base", ctypes.c_void_p),
        ("symbol", ctypes.c_char_p),
        ("address", ctypes.c_void_p),
    ]


def loaded(path: str) -> ctypes.CDLL:
    """The library that is loaded already."""
    return ctypes.CDLL(os.path.abspath(path), mode=os.RTLD_NOLOAD | os.RTLD_LOCAL | os.RTLD_NOW)


def file_of(address: int) -> str:
    place = _Place()
    dladdr = ctypes.CDLL(None).dladdr
    return place.file.decode() if dladdr(ctypes.c_void_p(address), ctypes.byref(place)) else ""


def imports(path: str) -> dict[str, int]:
    """Name of each function that the library imports -> where, from its base, the linker wrote its address."""
    data = Path(path).read_bytes()
    table, size, count = *struct.unpack_from("<Q", data, 40), *struct.unpack_from("<HH", data, 58)
    sections = [struct.unpack_from("<IIQQQQIIQQ", data, table + i * size) for i in range(count)]
    slots = {}
    for _, kind, _, _, offset, length, link, *_ in sections:
        if kind != _RELA:
            continue
        symbols = sections[link]
        strings = sections[symbols[6]][4]
        for slot, info, _ in struct.iter_unpack("<QQq", data[offset : offset + length]):
            if info & 0xFFFFFFFF not in (_GLOB_DAT, _JUMP_SLOT):
                continue
            (name,) = struct.unpack_from("<I", data, symbols[4] + (info >> 32) * 24)
            slots[data[strings + name : data.index(0, strings + name)].decode()] = slot
    return slots


@pytest.fixture(scope="module")
def models() -> dict[str, aoti_runtime.Model]:
    ctypes.CDLL(os.path.abspath(SHIM), mode=os.RTLD_LOCAL | os.RTLD_NOW)
    return {path: aoti_runtime.load(path) for path in SHIM_OF}


def expected(x: np.ndarray) -> np.ndarray:
    """The toy's first output (runtime/model/testing/toy_weights.h)."""
    k = np.arange(16)
    weight, bias = ((7 * k[:, None] + 3 * k[None, :]) % 11 - 5) / 8, (k - 8) / 4
    return np.maximum(x @ weight + bias, 0) * (1 + k / 16)


def test_each_computes_beside_the_others(models: dict[str, aoti_runtime.Model]) -> None:
    x = np.random.default_rng(0).standard_normal((6, 16)).astype(np.float32)
    for _ in range(3):
        for model in models.values():
            result = model.run(x, x, np.array([3]))[0]
            np.testing.assert_allclose(from_dlpack(result).numpy(), expected(x), atol=1e-5)


@pytest.mark.parametrize("path", SHIM_OF)
def test_no_symbol_of_one_reaches_another(models: dict[str, aoti_runtime.Model], path: str) -> None:
    library = loaded(path)
    base = ctypes.c_void_p.from_address(library._handle).value or 0  # the first field of link_map
    others = {os.path.basename(other) for other in SHIM_OF if other != path}
    bound = {name: ctypes.c_void_p.from_address(base + slot).value for name, slot in imports(path).items()}
    assert bound
    for name, address in bound.items():
        if not address:
            continue  # weak, and nobody has it
        file = os.path.basename(file_of(address))
        assert file not in others, f"{name} of {path} is that of {file}"
        if name.startswith("aoti_torch_"):
            assert SHIM_OF[path] is not None and file.startswith(SHIM_OF[path] or ""), (
                f"{name} is that of {file}"
            )
    exported = ctypes.cast(library.AOTInductorModelContainerRun, ctypes.c_void_p).value or 0
    assert os.path.basename(file_of(exported)) == os.path.basename(path)
    assert any(name.startswith("aoti_torch_") for name in bound) == (SHIM_OF[path] is not None)


def test_a_container_of_one_is_refused_by_the_others(models: dict[str, aoti_runtime.Model]) -> None:
    for path in SHIM_OF:
        container, count = ctypes.c_void_p(), ctypes.c_size_t()
        own = loaded(path)
        assert own.AOTInductorModelContainerCreateWithDevice(ctypes.byref(container), 1, b"cpu", None) == 0
        for other in SHIM_OF:
            status = loaded(other).AOTInductorModelContainerGetNumInputs(container, ctypes.byref(count))
            assert (status == 0) == (other == path)
            if other != path:
                assert loaded(other).AOTInductorModelContainerDelete(container) != 0
        assert own.AOTInductorModelContainerDelete(container) == 0


def test_a_tensor_of_libtorch_is_refused_by_the_lean_shim(models: dict[str, aoti_runtime.Model]) -> None:
    libtorch = ctypes.CDLL("libtorch_cpu.so", mode=os.RTLD_NOLOAD | os.RTLD_NOW)
    shim = loaded(SHIM)
    sizes, strides, tensor, rank = (
        (ctypes.c_int64 * 1)(4),
        (ctypes.c_int64 * 1)(1),
        ctypes.c_void_p(),
        ctypes.c_int64(),
    )
    dtype, device = libtorch.aoti_torch_dtype_float32(), libtorch.aoti_torch_device_type_cpu()
    assert (
        libtorch.aoti_torch_empty_strided(
            ctypes.c_int64(1), sizes, strides, dtype, device, 0, ctypes.byref(tensor)
        )
        == 0
    )
    assert shim.aoti_torch_get_dim(tensor, ctypes.byref(rank)) != 0
    shim.aoti_torch_get_last_error.restype = ctypes.c_char_p
    assert b"not a tensor handle of this shim" in shim.aoti_torch_get_last_error()
    assert shim.aoti_torch_delete_tensor_object(tensor) != 0
    assert libtorch.aoti_torch_delete_tensor_object(tensor) == 0
