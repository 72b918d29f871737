"""A model library on Ray Serve: two replicas on a local cluster, called by handle and over HTTP, with new weights while it is called."""

from __future__ import annotations

import json
import os
import struct
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import ray
from ray import serve

from runtime.ray_serve.deployment import ModelSource, model_deployment

LIBRARY = str(Path(os.environ["AOTI_ROWS"]).absolute())
PORT = 18231
URL = f"http://127.0.0.1:{PORT}/v2/models/rows"


def formula(rows: int, columns: int, factor: int) -> np.ndarray[Any, Any]:
    """tests/serving/models.py"""
    i, j = np.arange(rows)[:, None], np.arange(columns)[None]
    return (((factor * i + 3 * j) % 11) - 5) / 8


def expected(x: np.ndarray[Any, Any], ids: np.ndarray[Any, Any], scale: float = 1) -> np.ndarray[Any, Any]:
    h = np.maximum(x @ (scale * formula(16, 16, 7)).T + scale * formula(1, 16, 0)[0], 0)
    return np.asarray(h + scale * formula(50, 16, 5)[ids].sum(1))


def example(seed: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    generator = np.random.default_rng(seed)
    rows = 1 + seed % 5
    return generator.standard_normal((rows, 16), np.float32), generator.integers(0, 50, (rows, 2))


def deploy(replicas: int, **options: Any) -> Any:
    source = ModelSource(LIBRARY, name="rows", num_models=2)
    return serve.run(
        model_deployment(source, num_replicas=replicas, ray_actor_options={"num_cpus": 0}, **options)
    )


@pytest.fixture(scope="module")
def handle() -> Iterator[Any]:
    # The path of a socket has room for 107 characters, which Bazel's own folder takes.
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        os.environ.update(HOME=folder, RAY_USAGE_STATS_ENABLED="0", RAY_AUTH_MODE="disabled")
        ray.init(
            num_cpus=2,
            include_dashboard=False,
            object_store_memory=80 * 2**20,
            _temp_dir=folder,
            _node_ip_address="127.0.0.1",
        )
        serve.start(http_options={"host": "127.0.0.1", "port": PORT})
        yield deploy(2)
        serve.shutdown()
        ray.shutdown()


def post(body: Any, url: str = URL + "/infer") -> tuple[int, Any]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(url, data, timeout=30) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as e:
        return e.code, json.load(e)


def request(x: np.ndarray[Any, Any], ids: np.ndarray[Any, Any]) -> dict[str, Any]:
    tensors = [("x", "FP32", x), ("ids", "INT64", ids)]
    return {
        "id": "42",
        "inputs": [
            {
                "name": name,
                "datatype": datatype,
                "shape": list(array.shape),
                "data": array.reshape(-1).tolist(),
            }
            for name, datatype, array in tensors
        ],
    }


def test_handle(handle: Any) -> None:
    calls = [(handle.infer.remote(*example(seed)), expected(*example(seed))) for seed in range(40)]
    for response, want in calls:
        rows, sums = response.result(timeout_s=30)
        np.testing.assert_allclose(rows, want, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(sums, want.sum(1), rtol=1e-5, atol=1e-4)


def test_http(handle: Any) -> None:
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda seed: post(request(*example(seed))), range(40)))
    for seed, (status, body) in enumerate(answers):
        assert (status, body["model_name"], body["id"]) == (200, "rows", "42")
        got = np.array(body["outputs"][0]["data"]).reshape(body["outputs"][0]["shape"])
        np.testing.assert_allclose(got, expected(*example(seed)), rtol=1e-5, atol=1e-5)
    with urllib.request.urlopen(URL, timeout=30) as response:
        description = json.load(response)
    assert description["inputs"][0] == {"name": "x", "datatype": "FP32", "shape": [-1, 16]}


def test_refusals(handle: Any) -> None:
    x, ids = example(1)
    body = request(x, ids)
    assert post(b"{") == (400, {"error": post(b"{")[1]["error"]})
    assert "is not JSON" in post(b"{")[1]["error"]
    assert post({}, URL + "/explain")[0] == 404
    body["inputs"][1]["datatype"] = "INT32"
    assert post(body) == (400, {"error": "input 'ids' is INT32; expected INT64"})
    status, answer = post(request(x[:, :15], ids))
    assert status == 400
    assert "input 0 'x'" in answer["error"]


def write_weights(path: Path, scale: float) -> None:
    tensors = {
        "proj.weight": formula(16, 16, 7),
        "proj.bias": formula(1, 16, 0)[0],
        "table.weight": formula(50, 16, 5),
    }
    header: dict[str, Any] = {}
    data = b""
    for name, value in tensors.items():
        array = (scale * value).astype(np.float32)
        end = len(data) + array.nbytes
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [len(data), end]}
        data += array.tobytes()
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def test_new_weights_under_load(handle: Any, tmp_path: Path) -> None:
    """Every answer is of one set of weights, none fails, and in the end all are of the new set."""
    write_weights(tmp_path / "doubled.safetensors", 2)
    x, ids = example(3)
    old, new = expected(x, ids), expected(x, ids, 2)
    stop = False

    def call_on() -> int:
        calls = 0
        while not stop:
            rows, _ = handle.infer.remote(x, ids).result(timeout_s=30)
            assert np.allclose(rows, old, 1e-5, 1e-5) or np.allclose(rows, new, 1e-5, 1e-5)
            calls += 1
        return calls

    with ThreadPoolExecutor(2) as threads:
        callers = [threads.submit(call_on) for _ in range(2)]
        try:
            again = deploy(2, user_config={"weights": str(tmp_path / "doubled.safetensors")})
            for _ in range(20):
                np.testing.assert_allclose(
                    again.infer.remote(x, ids).result(timeout_s=30)[0], new, 1e-5, 1e-5
                )
        finally:
            stop = True
        assert all(caller.result() > 0 for caller in callers)
