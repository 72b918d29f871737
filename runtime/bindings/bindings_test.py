"""The Python module on NumPy arrays, with the toy model: no copies, no torch, errors with the C message."""

from __future__ import annotations

import gc
import sys
import threading
import time
from pathlib import Path

import aoti_runtime
import numpy as np
import pytest

LIBRARY = "runtime/model/testing/libtoy_static.so"


def weights() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weight, bias and scale as runtime/model/testing/toy_weights.h has them."""
    k = np.arange(16)
    weight = ((7 * k[:, None] + 3 * k[None, :]) % 11 - 5) / 8
    return weight, (k - 8) / 4, 1 + k / 16


def inputs(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    x = random.standard_normal((rows, 16)).astype(np.float32)
    y = random.standard_normal((rows, 16)).astype(np.float32)
    return x, y, np.array([seed % 16])


def check(outputs: list[aoti_runtime.Tensor], x: np.ndarray, y: np.ndarray, index: np.ndarray) -> None:
    weight, bias, scale = weights()
    expected = np.maximum(x @ weight + bias, 0) * scale
    np.testing.assert_allclose(np.from_dlpack(outputs[0]), expected, atol=1e-5)
    np.testing.assert_array_equal(np.asarray(outputs[1]), x[:, index] + y[:, index])


@pytest.fixture()
def model() -> aoti_runtime.Model:
    return aoti_runtime.load(LIBRARY, num_models=2, num_threads=2)


def test_description(model: aoti_runtime.Model) -> None:
    assert model.name == "toy"
    assert model.isa == "baseline"
    assert model.path.endswith("libtoy_static.so")
    assert model.manifest is None
    assert [(i.name, i.dtype, i.shape) for i in model.inputs] == [
        ("x", "float32", ((2, 64), 16)),
        ("y", "float32", ((2, 64), 16)),
        ("index", "int64", (1,)),
    ]
    assert [o.name for o in model.outputs] == ["mul", "add", "y"]
    assert model.constants == ["net.weight", "net.bias", "net.scale", "net.gain", "tied.bias"]
    assert model.num_threads == 2
    model.num_threads = 1
    assert model.num_threads == 1


def test_run(model: aoti_runtime.Model) -> None:
    for rows in (2, 64, 10):
        arrays = inputs(rows, rows)
        check(model.run(*arrays), *arrays)


def test_no_copy_in_or_out(model: aoti_runtime.Model) -> None:
    """The third output is the second input: the same memory goes in and comes out, and lives as long as it is used."""
    x, y, index = inputs(4)
    address, total = y.ctypes.data, y.sum()
    same = np.from_dlpack(model.run(x, y, index)[2])
    assert same.ctypes.data == address
    del x, y, model
    gc.collect()
    assert same.ctypes.data == address
    assert same.sum() == total


def references(*arrays: np.ndarray) -> list[int]:
    return [sys.getrefcount(array) for array in arrays]


def test_memory_is_given_back(model: aoti_runtime.Model) -> None:
    x, y, index = inputs(4)
    before = references(x, y, index)
    outputs = model.run(x, y, index)
    assert references(x, y, index) == [before[0], before[1] + 1, before[2]]  # the third output is y
    for bad in ((x,), (x, y, np.array([99])), (x, y.astype(np.float64), index)):
        with pytest.raises(aoti_runtime.Error):
            model.run(*bad)
    del outputs, bad
    gc.collect()
    assert references(x, y, index) == before


def test_read_only_and_strided_inputs(model: aoti_runtime.Model) -> None:
    x, y, index = inputs(4)
    x.flags.writeable = False
    check(model.run(x, y, index), x, y, index)
    with pytest.raises(aoti_runtime.Error, match="input 0 'x': stride"):
        model.run(np.asfortranarray(x), y, index)
    shifted = np.zeros(4 * 16 + 3, np.float32)[3:].reshape(4, 16)
    check(model.run(shifted, y, index), shifted, y, index)


def test_results(model: aoti_runtime.Model) -> None:
    out = model.run(*inputs(6))[0]
    assert (out.shape, out.strides, out.dtype) == ((6, 16), (16, 1), "float32")
    assert out.__dlpack_device__() == (1, 0)
    assert repr(out) == "<aoti_runtime.Tensor float32 (6, 16)>"
    first, second = np.from_dlpack(out), np.asarray(memoryview(out))
    assert first.ctypes.data == second.ctypes.data
    out.__dlpack__()  # a capsule that nobody takes
    out.__dlpack__(max_version=(1, 0))
    with pytest.raises(BufferError, match="copy"):
        out.__dlpack__(copy=True)
    with pytest.raises(BufferError, match="another device"):
        out.__dlpack__(dl_device=(2, 0))


def test_wrong_inputs(model: aoti_runtime.Model) -> None:
    x, y, index = inputs(4)
    with pytest.raises(aoti_runtime.Error, match=r"got 1 inputs; expected 3: \(x, y, index\)"):
        model.run(x)
    with pytest.raises(aoti_runtime.Error, match="input 2 'index': dtype float32; expected int64"):
        model.run(x, y, x[0, :1].copy())
    with pytest.raises(TypeError, match="input 1 'y': <class 'list'> does not speak DLPack"):
        model.run(x, [1, 2], index)
    with pytest.raises(aoti_runtime.Error, match="index out of range; expected 0 to 15 .* got 16"):
        model.run(x, y, np.array([16]))
    check(model.run(x, y, index), x, y, index)


def test_a_gpu_array_is_refused(model: aoti_runtime.Model) -> None:
    x, y, index = inputs(4)

    class OnGpu:
        """Says that it is on CUDA device 0; the address is never read."""

        def __dlpack_device__(self) -> tuple[int, int]:
            return 2, 0

        def __dlpack__(self, **_: object) -> object:
            return x.__dlpack__()

    with pytest.raises(aoti_runtime.Error, match="input 0 'x': .*this library was linked for the CPU only"):
        model.run(OnGpu(), y, index)
    check(model.run(x, y, index), x, y, index)


def test_run_lets_other_threads_run(model: aoti_runtime.Model) -> None:
    """With a switch interval of an hour another thread gets the interpreter only where it is handed over."""
    arrays = inputs(64)
    go, ran = threading.Lock(), threading.Event()
    go.acquire()

    def other() -> None:
        with go:
            ran.set()

    thread = threading.Thread(target=other)
    thread.start()
    interval, end = sys.getswitchinterval(), time.monotonic() + 20
    sys.setswitchinterval(3600)
    try:
        go.release()
        while not ran.is_set() and time.monotonic() < end:
            model.run(*arrays)
        handed_over = ran.is_set()
    finally:
        sys.setswitchinterval(interval)
    thread.join()
    assert handed_over


def test_constants(model: aoti_runtime.Model) -> None:
    x, y, index = inputs(4)
    weight, _, scale = weights()
    model.update_constants({"net.bias": np.zeros(16, np.float32)}, inactive=True)
    check(model.run(x, y, index), x, y, index)
    model.swap_constants()
    np.testing.assert_allclose(
        np.asarray(model.run(x, y, index)[0]), np.maximum(x @ weight, 0) * scale, atol=1e-5
    )
    with pytest.raises(aoti_runtime.Error, match="'net.scale': the compiler folded it together with others"):
        model.update_constants({"net.scale": np.zeros(16, np.float32)})
    new = {"net.scale": (scale / 4).astype(np.float32), "net.gain": np.array(8, np.float32)}
    model.update_constants(new)
    np.testing.assert_allclose(
        np.asarray(model.run(x, y, index)[0]), np.maximum(x @ weight, 0) * scale * 2, atol=1e-5
    )
    with pytest.raises(aoti_runtime.Error, match="'net.weight' is missing"):
        model.update_constants({"net.bias": np.zeros(16, np.float32)}, full=True)


def test_threads(model: aoti_runtime.Model) -> None:
    failures: list[BaseException] = []

    def work(seed: int) -> None:
        try:
            for i in range(100):
                arrays = inputs(2 + 2 * (i % 8), seed + i)
                check(model.run(*arrays), *arrays)
        except BaseException as error:
            failures.append(error)

    workers = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not failures


def test_load_errors(tmp_path: Path) -> None:
    with pytest.raises(aoti_runtime.Error, match="No such file"):
        aoti_runtime.load(str(tmp_path / "missing.so"))
    broken = tmp_path / "broken.so"
    broken.write_bytes(Path(LIBRARY).read_bytes()[:5000])
    with pytest.raises(aoti_runtime.Error, match="damaged or cut short"):
        aoti_runtime.load(str(broken))
    with pytest.raises(aoti_runtime.Error, match="0 instances asked for"):
        aoti_runtime.load(LIBRARY, num_models=0)
    with pytest.raises(aoti_runtime.Error, match="-2 threads; expected 1 to 1024"):
        aoti_runtime.load(LIBRARY, num_threads=-2)


def test_without_torch() -> None:
    assert "torch" not in sys.modules
