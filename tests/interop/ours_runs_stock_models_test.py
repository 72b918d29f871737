"""Our runtime runs what PyTorch's own AOTInductor made of seventeen models (make_stock_models.py), libraries and packages, in a process
without libtorch; what it cannot run is refused by name when it is loaded."""

from __future__ import annotations

import re
import sys
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import aoti_runtime
import numpy as np
import pytest

LOCK = "tools/bazel/requirements_lock.txt"
ARCHIVE = "tests/interop/stock_models.tar.xz"
MY_MODEL = "tests/interop/stock_my_model.sha256"
COMPAT = "shim/torch_compat"
OPS, OTHER_OPS = "tests/interop/libscaled_add_ops.so", "tests/interop/libother_ops.so"
LIBRARIES = [
    "cond", "convolution", "elementwise", "embedding_bag", "gru", "integers", "low_precision", "lstm", "lstm_bidirectional", "mlp",
    "scatters", "sorting", "transformer", "while_loop",
]  # fmt: skip
PACKAGES = [
    "custom_op",
    "dynamic_batch",
    "weights_outside",
]  # as AOTInductor wrote them, opened without unpacking

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


def load(name: str, folder: Path) -> aoti_runtime.Model:
    if name in LIBRARIES:
        return aoti_runtime.load(str(folder / f"{name}.so"), num_models=2, torch_compat=COMPAT)
    package = aoti_runtime.Package(str(folder / f"{name}.pt2"), torch_compat=COMPAT, op_libraries=[OPS])
    assert package.methods == ["model"]
    return package.load("model", num_models=2)


@pytest.mark.parametrize("name", LIBRARIES + PACKAGES)
def test_model(name: str, folder: Path, recorded: Mapping[str, np.ndarray]) -> None:
    model = load(name, folder)
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


def test_stock_files_are_of_the_pinned_torch(folder: Path) -> None:
    """Those of an earlier release would go on to pass, and say nothing of this one's."""
    pinned = re.search(r"^torch==(\S+)", Path(LOCK).read_text(), re.MULTILINE)
    made_by = {
        "stock_models.tar.xz": (folder / "torch.txt").read_text().strip(),
        "stock_my_model.so": Path(MY_MODEL).read_text().split()[-1],
    }
    assert pinned
    assert made_by == dict.fromkeys(made_by, pinned[1]), "make them anew, as make_stock_models.py says"


def test_every_model_is_tested(recorded: Mapping[str, np.ndarray]) -> None:
    assert {key.split(".")[0] for key in recorded} == {*LIBRARIES, *PACKAGES}


def test_weights_are_replaced_by_the_names_of_state_dict(
    folder: Path, recorded: Mapping[str, np.ndarray]
) -> None:
    """AOTInductor's own function knows other names, and passes over those that it does not know."""
    model = load("mlp", folder)
    x = recorded["mlp.0.in0"]
    assert "layers.4.weight" in model.constants
    model.update_constants({"layers.4.weight": np.zeros((4, 32), np.float32)})
    result = np.asarray(model.run(x)[0])
    assert (result == result[0]).all() and np.abs(result - recorded["mlp.0.out0"]).max() > 1e-3
    with pytest.raises(
        aoti_runtime.Error, match=r"has no constant 'layers.4.wait' .*; it has 'layers.0.weight'"
    ):
        model.update_constants({"layers.4.wait": np.zeros((4, 32), np.float32)})


def test_library_without_its_weights(
    folder: Path, tmp_path: Path, recorded: Mapping[str, np.ndarray]
) -> None:
    """Of a package with the weights beside the library the library alone: a run says what is missing, and it can be given by name."""
    with zipfile.ZipFile(folder / "weights_outside.pt2") as package:
        names = package.namelist()
        (tmp_path / "model.so").write_bytes(package.read(next(n for n in names if n.endswith(".so"))))
        blob = package.read(next(n for n in names if n.endswith("_weights.blob")))
    model = aoti_runtime.load(str(tmp_path / "model.so"), torch_compat=COMPAT)
    x = recorded["weights_outside.0.in0"]
    with pytest.raises(
        aoti_runtime.Error, match=r"its 5 constants have no values, .* open the package \(.pt2\)"
    ):
        model.run(x)
    sizes = [(32, 16), (32,), (32, 32), (32,), (4, 32)]  # of the constants, in the file's order
    values, begin = {}, 0
    for name, size in zip(model.constants, sizes, strict=True):
        values[name] = np.frombuffer(blob, np.float32, int(np.prod(size)), begin).reshape(size)
        begin += values[name].nbytes
    assert begin == len(blob)
    model.update_constants(values, full=True)
    np.testing.assert_allclose(
        np.asarray(model.run(x)[0]), recorded["weights_outside.0.out0"], rtol=2e-6, atol=2e-6
    )


def test_nothing_is_unpacked(folder: Path) -> None:
    """A package's code comes from memory; of the file system only the package is used."""
    before = set(Path("/proc/self/maps").read_text().splitlines())
    model = aoti_runtime.Package(str(folder / "dynamic_batch.pt2"), torch_compat=COMPAT).load("model")
    new = {line.split(maxsplit=5)[5] for line in Path("/proc/self/maps").read_text().splitlines()
           if line not in before and len(line.split(maxsplit=5)) == 6}  # fmt: skip
    code = {path for path in new if ".so" in path}
    assert code, new
    assert all(path.startswith("/memfd:") for path in code), code
    del model


def test_operators_without_a_kernel_are_named_at_load(folder: Path) -> None:
    package = aoti_runtime.Package(str(folder / "custom_op.pt2"), torch_compat=COMPAT)
    with pytest.raises(
        aoti_runtime.Error, match=r"no library of operators has a kernel:\n  aoti_interop::scaled_add\n"
    ):
        package.load("model")


def test_kernel_of_other_arguments_is_refused_at_load(folder: Path) -> None:
    package = aoti_runtime.Package(
        str(folder / "custom_op.pt2"), torch_compat=COMPAT, op_libraries=[OTHER_OPS]
    )
    with pytest.raises(
        aoti_runtime.Error,
        match=r"scaled_add: the package passes \(x, y, scale, times\), the kernel is for .*float factor",
    ):
        package.load("model")


def test_library_alone_needs_the_file_beside_it(folder: Path, tmp_path: Path) -> None:
    """AOTInductor writes NAME.so and NAME.json; without the second nobody knows which operators are called."""
    with zipfile.ZipFile(folder / "custom_op.pt2") as package:
        library = next(name for name in package.namelist() if name.endswith(".so"))
        (tmp_path / "model.so").write_bytes(package.read(library))
        calls = package.read(library.removesuffix(".so") + ".json")
    with pytest.raises(aoti_runtime.Error, match=r"model.json: No such file"):
        aoti_runtime.load(str(tmp_path / "model.so"), torch_compat=COMPAT, op_libraries=[OPS])
    (tmp_path / "model.json").write_bytes(calls)
    assert aoti_runtime.load(str(tmp_path / "model.so"), torch_compat=COMPAT, op_libraries=[OPS])
    (tmp_path / "model.json").write_bytes(calls.replace(b"as_float", b"as_complex"))
    with pytest.raises(
        aoti_runtime.Error, match=r"argument 'scale' is of a kind that only libtorch passes \(as_complex\)"
    ):
        aoti_runtime.load(str(tmp_path / "model.so"), torch_compat=COMPAT, op_libraries=[OPS])


def test_library_of_no_operators_is_refused(folder: Path) -> None:
    package = aoti_runtime.Package(
        str(folder / "custom_op.pt2"), torch_compat=COMPAT, op_libraries=["shim/torch_compat/libc10.so"]
    )
    with pytest.raises(aoti_runtime.Error, match="libc10.so: no library of operators"):
        package.load("model")
