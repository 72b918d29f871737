from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from runtime.ray_serve.protocol import ProtocolError, metadata, read_request, write_response


@dataclass
class Info:
    name: str
    dtype: str
    shape: tuple[int | tuple[int, int | None], ...]


X = Info("x", "float32", ((1, None), 2))
IDS = Info("ids", "int64", (3,))
MASK = Info("mask", "bool", (2,))


def tensor(name: str, shape: Any, datatype: str, data: Any) -> dict[str, Any]:
    return {"name": name, "shape": shape, "datatype": datatype, "data": data}


def test_request() -> None:
    body = {
        "inputs": [
            tensor("ids", [3], "INT64", [1, 2**62 + 1, -(2**63)]),
            tensor("x", [2, 2], "FP32", [[1, 2.5], [3, math.pi]]),
            tensor("mask", [2], "BOOL", [True, False]),
        ]
    }
    x, ids, mask = read_request(body, [X, IDS, MASK])
    np.testing.assert_array_equal(x, np.array([[1, 2.5], [3, math.pi]], np.float32))
    np.testing.assert_array_equal(ids, np.array([1, 2**62 + 1, -(2**63)]))
    np.testing.assert_array_equal(mask, [True, False])
    assert [array.dtype.name for array in (x, ids, mask)] == ["float32", "int64", "bool"]
    (empty,) = read_request({"inputs": [tensor("x", [0, 2], "FP32", [])]}, [X])
    assert empty.shape == (0, 2)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ([], "expected an object"),
        ({"inputs": [3]}, "expected an object"),
        ({"inputs": []}, r"the inputs are \[\]; expected each of \['x'\] once"),
        ({"inputs": [tensor("x", [1, 2], "FP32", [1, 2])] * 2}, r"the inputs are \['x', 'x'\]"),
        ({"inputs": [tensor("x", [1, 2], "FP64", [1, 2])]}, "input 'x' is FP64; expected FP32"),
        ({"inputs": [tensor("x", [1, -2], "FP32", [1, 2])]}, r"has the shape \[1, -2\]"),
        ({"inputs": [tensor("x", [True, 2], "FP32", [1, 2])]}, "expected a list of sizes"),
        ({"inputs": [tensor("x", [2, 2], "FP32", [1, 2])]}, r"has 2 values for the shape \[2, 2\]"),
        ({"inputs": [tensor("x", [1, 2], "FP32", [1, "2"])]}, "the data of input 'x' are not FP32"),
        ({"inputs": [tensor("x", [1, 2], "FP32", [[1], [2, 3]])]}, "flat or nested evenly"),
        ({"inputs": [tensor("x", [1, 2], "FP32", None)]}, "the data of input 'x' are not FP32"),
        ({"inputs": [tensor("x", [1, 2], "FP32", [True, False])]}, "the data of input 'x' are not FP32"),
    ],
)
def test_refused(body: Any, message: str) -> None:
    with pytest.raises(ProtocolError, match=message):
        read_request(body, [X])


@pytest.mark.parametrize("data", [[1, 2, 2**63], [1, 2, 3.5], [1, 2, 3.0], [True, False, True]])
def test_integers_are_exact(data: Any) -> None:
    with pytest.raises(ProtocolError, match="the data of input 'ids' are not INT64"):
        read_request({"inputs": [tensor("ids", [3], "INT64", data)]}, [IDS])


def test_response() -> None:
    infos = [Info("y", "float32", (1, 2)), Info("n", "none", ()), Info("count", "int64", ())]
    arrays = [np.array([[0.5, 1]], np.float32), None, np.array(2**53 + 1)]
    assert write_response("m", {"id": "7"}, infos, arrays) == {
        "model_name": "m",
        "id": "7",
        "outputs": [tensor("y", [1, 2], "FP32", [0.5, 1.0]), tensor("count", [], "INT64", [2**53 + 1])],
    }
    (only,) = write_response("m", {"outputs": [{"name": "count"}]}, infos, arrays)["outputs"]
    assert only["name"] == "count"
    for outputs in [{"name": "z"}], [3], "count":
        with pytest.raises(ProtocolError, match="the outputs asked for are"):
            write_response("m", {"outputs": outputs}, infos, arrays)
    half = Info("h", "bfloat16", (1,))
    with pytest.raises(ProtocolError, match="'h' is bfloat16, which this protocol cannot carry in JSON"):
        write_response("m", {}, [half], [np.zeros(1)])


def test_metadata() -> None:
    assert metadata([X]) == [{"name": "x", "datatype": "FP32", "shape": [-1, 2]}]
