"""Packages, sessions and safetensors files from Python, against the same module in eager PyTorch."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
from pathlib import Path

import aoti_runtime
import pytest
import torch
from torch.utils.dlpack import from_dlpack

from tests.serving.models import PROMPT, WIDTH, Decoder

PACKAGE = os.environ["AOTI_DECODER"]


def load(package: aoti_runtime.Package) -> dict[str, aoti_runtime.Model]:
    return {method: package.load(method, num_models=2) for method in package.methods}


def eager(state: Decoder, x: torch.Tensor) -> list[torch.Tensor]:
    state.prompt = len(x) == PROMPT
    with torch.no_grad():
        return list(state(x))


def compare(model: aoti_runtime.Model, state: Decoder, x: torch.Tensor) -> None:
    for got, expected in zip(model.run(x), eager(state, x), strict=True):
        torch.testing.assert_close(from_dlpack(got), expected, rtol=1e-5, atol=1e-5)


def test_sessions_of_a_package() -> None:
    package = aoti_runtime.Package(PACKAGE, verify_weights=True)
    assert sorted(package.methods) == ["decode", "prefill"]
    assert package.shared_state == ["cache", "count"]
    models = load(package)
    one, other = (aoti_runtime.session(models, package.shared_state) for _ in range(2))
    first, second = Decoder(True), Decoder(True)
    generator = torch.Generator().manual_seed(0)
    compare(one["prefill"], first, torch.randn(PROMPT, WIDTH, generator=generator))
    for _ in range(3):
        x = torch.randn(1, WIDTH, generator=generator)
        compare(one["decode"], first, x)
        compare(other["decode"], second, x)
    one["prefill"].reset()
    compare(one["decode"], Decoder(True), x)
    del package, models
    compare(other["decode"], second, x)  # a session keeps alive what it runs on


def test_refusals() -> None:
    package = aoti_runtime.Package(PACKAGE)
    with pytest.raises(aoti_runtime.Error, match=r"has no method 'verify'; it has 'decode', 'prefill'"):
        package.load("verify")
    with pytest.raises(aoti_runtime.Error, match=r"none.pt2: No such file or directory"):
        aoti_runtime.Package("/nowhere/none.pt2")
    models = load(package)
    with pytest.raises(
        aoti_runtime.Error, match="the state 'nothing', which methods are to share, is kept by none"
    ):
        aoti_runtime.session(models, ["nothing"])
    with pytest.raises(aoti_runtime.Error, match="only a session's state can be put back"):
        models["decode"].reset()


def write_safetensors(path: Path, tensors: dict[str, torch.Tensor]) -> None:
    header, data = {}, b""
    for name, tensor in tensors.items():
        raw = tensor.detach().contiguous().numpy().tobytes()
        dtype = {torch.float32: "F32", torch.int64: "I64"}[tensor.dtype]
        header[name] = {
            "dtype": dtype,
            "shape": list(tensor.shape),
            "data_offsets": [len(data), len(data) + len(raw)],
        }
        data += raw
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def test_weights_of_a_file(tmp_path: Path) -> None:
    package, state = aoti_runtime.Package(PACKAGE), Decoder(False)
    model = package.load("decode")
    with torch.no_grad():
        for parameter in state.parameters():
            parameter.mul_(-2).add_(0.5)
    write_safetensors(
        tmp_path / "w.safetensors", {f"net.{name}": value for name, value in state.state_dict().items()}
    )
    aoti_runtime.update_constants_from_file(
        model, str(tmp_path / "w.safetensors"), inactive=True, prefix="net."
    )
    model.swap_constants()
    x = torch.ones(1, WIDTH)
    compare(model, state, x)
    with pytest.raises(aoti_runtime.Error, match="no tensor's name begins with 'other.'"):
        aoti_runtime.update_constants_from_file(model, str(tmp_path / "w.safetensors"), prefix="other.")


def test_signed_package(tmp_path: Path) -> None:
    path, key, other = (str(tmp_path / name) for name in ("decoder.pt2", "release", "other"))
    shutil.copyfile(PACKAGE, path)
    for words in ["keygen", key], ["keygen", other], ["sign", key, path]:
        subprocess.run([os.environ["AOTI_SIGN"], *words], check=True)
    package = aoti_runtime.Package(path, public_keys=[other + ".pub", key + ".pub"])
    x = torch.randn(1, WIDTH, generator=torch.Generator().manual_seed(1))
    models = aoti_runtime.session(load(package), package.shared_state)
    compare(models["decode"], Decoder(True), x)
    with pytest.raises(aoti_runtime.Error, match=r"decoder.pt2: is signed by the key"):
        aoti_runtime.Package(path, public_keys=[other + ".pub"])
    with pytest.raises(
        aoti_runtime.Error, match=r"release: line 1 is not what was expected: 'aoti-public-key 1'"
    ):
        aoti_runtime.load(path, public_keys=[key])
