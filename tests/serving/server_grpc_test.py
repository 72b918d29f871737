"""aoti_server over gRPC, as public clients see it: tritonclient, grpcio under it, and sockets where a client would not do such things.

The library is `rows` of this folder (any number of rows).
"""

from __future__ import annotations

import signal
import socket
import struct
import threading
import time
from collections.abc import Iterator
from typing import Any

import grpc
import numpy as np
import pytest
import tritonclient.grpc as client_of
from tritonclient.grpc import service_pb2 as pb
from tritonclient.grpc import service_pb2_grpc
from tritonclient.utils import InferenceServerException

from tests.serving.server_process import ServerProcess

ROWS = "tests/serving/librows_aoti.so"
WIDTH = 16
Array = np.ndarray[Any, Any]


def formula(rows: int, columns: int, factor: int) -> Array:
    """As in models.py."""
    i, j = np.arange(rows)[:, None], np.arange(columns)[None]
    return (((factor * i + 3 * j) % 11) - 5) / 8


def expected(x: Array, ids: Array) -> Array:
    """[b, 16] in float64."""
    h = np.maximum(x @ formula(WIDTH, WIDTH, 7).T + formula(1, WIDTH, 0)[0], 0)
    return h + formula(50, WIDTH, 5)[ids].sum(1)


def example(rows: int, seed: int = 0) -> tuple[Array, Array]:
    random = np.random.default_rng(seed)
    return random.standard_normal((rows, WIDTH)).astype(np.float32), random.integers(0, 50, (rows, 2))


def inputs_of(x: Array, ids: Array) -> list[client_of.InferInput]:
    tensors = [client_of.InferInput("x", x.shape, "FP32"), client_of.InferInput("ids", ids.shape, "INT64")]
    tensors[0].set_data_from_numpy(x)
    tensors[1].set_data_from_numpy(ids)
    return tensors


def check(result: client_of.InferResult, names: list[str], x: Array, ids: Array) -> None:
    want = expected(x, ids)
    np.testing.assert_allclose(result.as_numpy(names[0]), want, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(result.as_numpy(names[1]), want.sum(1), rtol=1e-5, atol=1e-4)


def address_of(server: ServerProcess) -> tuple[str, int]:
    host, port = server.addresses["grpc"].split(":")
    return host, int(port)


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    flags = [f"--model=rows={ROWS}", f"--model=rows:12={ROWS}", "--instances=2", "--max-body-bytes=4000000"]
    with ServerProcess(*flags, grpc=True) as process:
        yield process
        assert process.stop() == 0


@pytest.fixture(scope="module")
def client(server: ServerProcess) -> Iterator[client_of.InferenceServerClient]:
    with client_of.InferenceServerClient(server.addresses["grpc"]) as made:
        yield made


@pytest.fixture(scope="module")
def names(client: client_of.InferenceServerClient) -> list[str]:
    return [output.name for output in client.get_model_metadata("rows").outputs]


def test_health_and_metadata(client: client_of.InferenceServerClient) -> None:
    assert client.is_server_live() and client.is_server_ready()
    assert client.is_model_ready("rows") and client.is_model_ready("rows", "1")
    assert client.get_server_metadata().name == "aoti_server"
    metadata = client.get_model_metadata("rows")
    assert (metadata.name, list(metadata.versions), metadata.platform) == ("rows", ["1", "12"], "aotinductor")
    assert [(t.name, t.datatype, list(t.shape)) for t in metadata.inputs] == [
        ("x", "FP32", [-1, WIDTH]),
        ("ids", "INT64", [-1, 2]),
    ]
    index = client.get_model_repository_index().models
    assert [(model.name, model.version, model.state) for model in index] == [
        ("rows", "1", "READY"),
        ("rows", "12", "READY"),
    ]


@pytest.mark.parametrize("rows", [1, 3, 64])
def test_raw(client: client_of.InferenceServerClient, names: list[str], rows: int) -> None:
    x, ids = example(rows, rows)
    name = "a" * (rows * 10_000)  # comes back: many frames, and more than a window, in both directions
    result = client.infer("rows", inputs_of(x, ids), request_id=name)
    check(result, names, x, ids)
    assert (result.get_response().id, result.get_response().model_version) == (name, "12")


def test_asked_outputs_and_version(client: client_of.InferenceServerClient, names: list[str]) -> None:
    x, ids = example(2)
    wanted = [client_of.InferRequestedOutput(names[1])]
    response = client.infer("rows", inputs_of(x, ids), model_version="1", outputs=wanted).get_response()
    assert ([output.name for output in response.outputs], response.model_version) == ([names[1]], "1")


def test_typed(server: ServerProcess) -> None:
    x, ids = example(2)
    request = pb.ModelInferRequest(model_name="rows")
    request.inputs.add(name="ids", datatype="INT64", shape=ids.shape).contents.int64_contents.extend(
        ids.reshape(-1).tolist()
    )
    request.inputs.add(name="x", datatype="FP32", shape=x.shape).contents.fp32_contents.extend(
        x.reshape(-1).tolist()
    )
    with grpc.insecure_channel(server.addresses["grpc"]) as channel:
        response = service_pb2_grpc.GRPCInferenceServiceStub(channel).ModelInfer(request, timeout=20)
    got = np.array(response.outputs[0].contents.fp32_contents).reshape(response.outputs[0].shape)
    np.testing.assert_allclose(got, expected(x, ids), rtol=1e-5, atol=1e-5)
    assert len(response.raw_output_contents) == 0


def refused(call: Any) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value.code(), caught.value.details()


def test_refused(server: ServerProcess) -> None:
    x, ids = example(2)
    good = pb.ModelInferRequest(model_name="rows")
    good.inputs.add(name="x", datatype="FP32", shape=x.shape)
    good.inputs.add(name="ids", datatype="INT64", shape=ids.shape)
    good.raw_input_contents.extend([x.tobytes(), ids.tobytes()])
    with grpc.insecure_channel(server.addresses["grpc"]) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)

        def infer(change: Any, **how: Any) -> tuple[grpc.StatusCode, str]:
            request = pb.ModelInferRequest()
            request.CopyFrom(good)
            change(request)
            return refused(lambda: stub.ModelInfer(request, timeout=20, **how))

        code, text = infer(lambda r: setattr(r, "model_name", "nope"))
        assert code == grpc.StatusCode.NOT_FOUND and "'nope'" in text and "rows" in text
        code, text = infer(lambda r: setattr(r.inputs[0], "name", "z"))
        assert code == grpc.StatusCode.INVALID_ARGUMENT and "'z'" in text
        code, text = infer(lambda r: setattr(r.inputs[0], "datatype", "FP64"))
        assert code == grpc.StatusCode.INVALID_ARGUMENT and "FP64; expected FP32" in text
        code, text = infer(lambda r: r.raw_input_contents.pop())
        assert code == grpc.StatusCode.INVALID_ARGUMENT and "1 elements for 2 inputs" in text
        code, text = infer(lambda r: r.raw_input_contents.__setitem__(0, b"123"))
        assert code == grpc.StatusCode.INVALID_ARGUMENT and "x" in text and "3" in text
        code, text = infer(lambda r: r.raw_input_contents.append(bytes(5_000_000)))
        assert code == grpc.StatusCode.RESOURCE_EXHAUSTED and "at most 4000000" in text
        code, text = infer(lambda r: setattr(r.parameters["timeout"], "int64_param", 1))
        assert code == grpc.StatusCode.DEADLINE_EXCEEDED, text
        code, text = infer(lambda r: None, compression=grpc.Compression.Gzip)
        assert code == grpc.StatusCode.UNIMPLEMENTED and "gzip" in text
        code, text = refused(lambda: list(stub.ModelStreamInfer(iter([good]), timeout=20)))
        assert code == grpc.StatusCode.UNIMPLEMENTED and "ModelStreamInfer" in text
        assert stub.ModelInfer(good, timeout=20).outputs  # the connection goes on


def test_many_at_once(server: ServerProcess, names: list[str]) -> None:
    """Threads on one connection, and on one each."""
    failures: list[BaseException] = []

    def calls(client: client_of.InferenceServerClient, seed: int) -> None:
        try:
            for step in range(5):
                x, ids = example(1 + (seed + step) % 7, seed)
                check(client.infer("rows", inputs_of(x, ids)), names, x, ids)
        except BaseException as error:
            failures.append(error)

    shared = client_of.InferenceServerClient(server.addresses["grpc"])
    own = [client_of.InferenceServerClient(server.addresses["grpc"]) for _ in range(4)]
    threads = [threading.Thread(target=calls, args=(each, i)) for i, each in enumerate([shared] * 12 + own)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_stops_while_calls_come(names: list[str]) -> None:
    """Each call is answered, or refused as one that may be sent elsewhere; none hangs, and the server ends well."""
    with ServerProcess(f"--model=rows={ROWS}", "--instances=1", grpc=True) as server:
        x, ids = example(64)
        answered, codes = [0], set()

        def calls() -> None:
            with client_of.InferenceServerClient(server.addresses["grpc"]) as client:
                while True:
                    try:
                        check(client.infer("rows", inputs_of(x, ids), client_timeout=20), names, x, ids)
                        answered[0] += 1
                    except InferenceServerException as error:
                        codes.add(error.status())
                        return

        threads = [threading.Thread(target=calls) for _ in range(4)]
        for thread in threads:
            thread.start()
        while answered[0] < 20:
            time.sleep(0.01)
        assert server.stop(signal.SIGTERM) == 0
        for thread in threads:
            thread.join()
        assert codes == {"StatusCode.UNAVAILABLE"}


def test_sockets(server: ServerProcess, client: client_of.InferenceServerClient) -> None:
    """What is no gRPC is told so; connections that vanish leave nothing behind."""
    with socket.create_connection(address_of(server), timeout=20) as rest:
        rest.sendall(b"GET /v2 HTTP/1.1\r\nHost: a\r\n\r\n")
        assert rest.recv(4096).startswith(b"HTTP/1.1 400")
    assert client.is_server_live()
    before = server.open_files()
    start = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\4" + bytes(5) + b"\0\0\2\1\4\0\0\0\1\x83\x86"
    for end in range(len(start) + 1):
        each = socket.create_connection(address_of(server))
        each.sendall(start[:end])
        each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        each.close()
    assert client.is_server_live()
    time.sleep(0.2)
    assert server.open_files() <= before + 1


def test_calls_are_counted(server: ServerProcess) -> None:
    metrics = server.ask("GET", "/metrics")[2].decode()
    samples = dict(line.rsplit(" ", 1) for line in metrics.splitlines() if not line.startswith("#"))
    assert float(samples['aoti_calls_total{model="rows/12",result="ok"}']) > 0
