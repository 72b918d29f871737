"""aoti_server over REST, as clients see it: numbers, metadata, errors, limits, batching, deadlines, its end.

The libraries are those of this folder: `rows` (any number of rows), the package `decoder` (two methods, with state).
"""

from __future__ import annotations

import json
import signal
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.serving.server_process import SERVER, ServerProcess, ask_on

ROWS = "tests/serving/librows_aoti.so"
DECODER = "tests/serving/decoder.pt2"
SIGN = "tools/sign/sign"
WIDTH = 16


def formula(rows: int, columns: int, factor: int) -> np.ndarray[Any, Any]:
    """As in models.py."""
    i, j = np.arange(rows)[:, None], np.arange(columns)[None]
    return (((factor * i + 3 * j) % 11) - 5) / 8


def expected(x: np.ndarray[Any, Any], ids: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """[b, 16] in float64."""
    h = np.maximum(x @ formula(WIDTH, WIDTH, 7).T + formula(1, WIDTH, 0)[0], 0)
    return h + formula(50, WIDTH, 5)[ids].sum(1)


def example(rows: int, seed: int = 0) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    random = np.random.default_rng(seed)
    return random.standard_normal((rows, WIDTH)).astype(np.float32), random.integers(0, 50, (rows, 2))


def request(x: np.ndarray[Any, Any], ids: np.ndarray[Any, Any], **more: Any) -> dict[str, Any]:
    return {
        "inputs": [
            {"name": "x", "datatype": "FP32", "shape": list(x.shape), "data": x.tolist()},
            {"name": "ids", "datatype": "INT64", "shape": list(ids.shape), "data": ids.reshape(-1).tolist()},
        ],
        **more,
    }


def check_rows(outputs: list[dict[str, Any]], x: np.ndarray[Any, Any], ids: np.ndarray[Any, Any]) -> None:
    want = expected(x, ids)
    assert [output["shape"] for output in outputs] == [[len(x), WIDTH], [len(x)]]
    assert [output["datatype"] for output in outputs] == ["FP32", "FP32"]
    np.testing.assert_allclose(np.reshape(outputs[0]["data"], want.shape), want, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(outputs[1]["data"], want.sum(1), rtol=1e-5, atol=1e-4)


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    flags = [f"--model=rows={ROWS}", f"--model=rows:12={ROWS}", f"--model=dec={DECODER}", "--log-level=debug"]
    with ServerProcess(*flags, "--instances=2", "--max-body-bytes=200000", "--max-connections=40") as process:
        yield process
        assert process.stop() == 0
    lines = [json.loads(line) for line in process.log.splitlines()]
    assert any(line["event"] == "model has state" and line["model"] == "dec.decode" for line in lines)
    assert any(line["event"] == "request" and line["status"] == "413" for line in lines)
    assert lines[-1]["event"] == "stopped"


def test_metadata(server: ServerProcess) -> None:
    status, body = server.json("GET", "/v2/models/rows")
    assert (status, body["versions"]) == (200, ["1", "12"])
    assert body["inputs"] == [
        {"name": "x", "datatype": "FP32", "shape": [-1, WIDTH]},
        {"name": "ids", "datatype": "INT64", "shape": [-1, 2]},
    ]
    assert server.json("POST", "/v2/repository/index") == (
        200,
        [
            {"name": name, "version": version, "state": "READY", "reason": ""}
            for name, version in [("dec.decode", "1"), ("dec.prefill", "1"), ("rows", "1"), ("rows", "12")]
        ],
    )


@pytest.mark.parametrize("rows", [1, 2, 64])
def test_json(server: ServerProcess, rows: int) -> None:
    x, ids = example(rows, rows)
    status, body = server.json("POST", "/v2/models/rows/infer", request(x, ids, id="a"))
    assert (status, body["model_version"], body["id"]) == (200, "12", "a")
    check_rows(body["outputs"], x, ids)
    status, body = server.json("POST", "/v2/models/rows/versions/1/infer", request(x, ids))
    assert body["model_version"] == "1"


def test_binary(server: ServerProcess) -> None:
    x, ids = example(5)
    spec = json.dumps(
        {
            "inputs": [
                {
                    "name": "x",
                    "datatype": "FP32",
                    "shape": [5, WIDTH],
                    "parameters": {"binary_data_size": x.nbytes},
                },
                {
                    "name": "ids",
                    "datatype": "INT64",
                    "shape": [5, 2],
                    "parameters": {"binary_data_size": ids.nbytes},
                },
            ],
            "parameters": {"binary_data_output": True},
        }
    )
    for head in (spec, spec + " "):  # one of them puts the tensors at an odd address
        status, headers, body = server.ask(
            "POST",
            "/v2/models/rows/infer",
            head.encode() + x.tobytes() + ids.tobytes(),
            {"Inference-Header-Content-Length": str(len(head))},
        )
        assert status == 200 and headers["content-type"] == "application/octet-stream"
        length = int(headers["inference-header-content-length"])
        outputs = json.loads(body[:length])["outputs"]
        first = outputs[0]["parameters"]["binary_data_size"]
        assert [first, outputs[1]["parameters"]["binary_data_size"]] == [5 * WIDTH * 4, 5 * 4]
        got = np.frombuffer(body, np.float32, offset=length, count=5 * WIDTH).reshape(5, WIDTH)
        np.testing.assert_allclose(got, expected(x, ids), rtol=1e-5, atol=1e-5)
        assert len(body) == length + first + 5 * 4


def test_state_and_methods(server: ServerProcess) -> None:
    x = np.ones((8, WIDTH), np.float32)
    body = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [8, WIDTH], "data": x.tolist()}]}
    status, answer = server.json("POST", "/v2/models/dec.prefill/infer", body)
    assert status == 200 and answer["outputs"][1]["data"] == [8]


@pytest.mark.parametrize(
    ("change", "status", "part"),
    [
        (lambda r: r["inputs"].pop(), 400, "input 'ids' is missing"),
        (lambda r: r["inputs"][0].update(datatype="FP64"), 400, "input 'x' is FP64; expected FP32"),
        (lambda r: r["inputs"][0].update(shape=[2, 8]), 400, "dimension 1 of the nested arrays"),
        (lambda r: r["inputs"][1].update(shape=[4, 1]), 400, "input 1 'ids': dimension 0 is 4; expected 2"),
        (lambda r: r["inputs"][1].update(shape=[1, 2], data=[1, 2]), 400, "ids"),
        (lambda r: r.update(outputs=[{"name": "z"}]), 400, "has no output 'z'"),
        (lambda r: r["inputs"][1].update(data=[0, 1, 2, 99]), 500, "99"),
    ],
)
def test_refused(server: ServerProcess, change: Any, status: int, part: str) -> None:
    body = request(*example(2))
    change(body)
    got, answer = server.json("POST", "/v2/models/rows/infer", body)
    assert got == status and part in answer["error"]


def raw(server: ServerProcess, data: bytes) -> bytes:
    """What comes back until the server closes."""
    with socket.create_connection((server.host, server.port), timeout=20) as connection:
        connection.sendall(data)
        received = b""
        while part := connection.recv(65536):
            received += part
        return received


def test_limits(server: ServerProcess) -> None:
    # Larger than the limit, and sent as a whole before the answer is read: the answer is not lost.
    answer = raw(
        server, b"POST /v2/models/rows/infer HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n" + bytes(1000000)
    )
    assert answer.startswith(b"HTTP/1.1 413") and b"at most 200000" in answer
    assert raw(server, b"GET /v2 HTTP/1.1\r\nA: " + b"a" * 40000).startswith(b"HTTP/1.1 431")
    assert raw(server, b"\x16\x03\x01\x02\x00").startswith(b"HTTP/1.1 400")
    # What is announced and does not come costs nothing.
    before = server.resident_bytes()
    sockets = [socket.create_connection((server.host, server.port)) for _ in range(20)]
    for each in sockets:
        each.sendall(b"POST /v2/models/rows/infer HTTP/1.1\r\nContent-Length: 199999\r\n\r\n{")
    assert server.json("GET", "/v2/health/live")[0] == 200
    assert server.resident_bytes() - before < 20 * 200000
    for each in sockets:
        each.close()


def test_connections(server: ServerProcess) -> None:
    """Beyond the limit clients wait, and are served when others leave."""
    idle = [socket.create_connection((server.host, server.port)) for _ in range(60)]
    waiting = server.connect()
    waiting.timeout = 0.3
    with pytest.raises(TimeoutError):
        ask_on(waiting, "GET", "/v2")
    assert server.open_files() < 60
    for each in idle:
        each.close()
    assert server.json("GET", "/v2")[0] == 200


def test_keep_alive_and_pipelining(server: ServerProcess) -> None:
    connection = server.connect()
    for seed in range(20):
        x, ids = example(3, seed)
        status, _, body = ask_on(connection, "POST", "/v2/models/rows/infer", json.dumps(request(x, ids)))
        assert status == 200
        check_rows(json.loads(body)["outputs"], x, ids)
    connection.close()
    body = json.dumps(request(*example(1))).encode()
    one = b"POST /v2/models/rows/infer HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    answer = raw(server, one * 3 + b"GET /v2 HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert answer.count(b"HTTP/1.1 200 OK") == 4


def test_metrics(server: ServerProcess) -> None:
    assert server.json("POST", "/v2/models/rows/versions/1/infer", request(*example(1)))[0] == 200
    status, headers, body = server.ask("GET", "/metrics")
    assert status == 200 and headers["content-type"].startswith("text/plain; version=0.0.4")
    samples = dict(line.rsplit(" ", 1) for line in body.decode().splitlines() if not line.startswith("#"))
    assert float(samples['aoti_calls_total{model="rows/1",result="ok"}']) >= 1
    assert float(samples['aoti_run_seconds_count{model="rows/1"}']) >= 1
    assert samples["aoti_ready"] == "1" and int(samples["aoti_connections"]) >= 1


def together(server: ServerProcess, count: int, path: str) -> list[int]:
    statuses: list[int] = []

    def call(seed: int) -> None:
        x, ids = example(1 + seed % 4, seed)
        status, body = server.json("POST", path, request(x, ids))
        statuses.append(status)
        if status == 200:
            check_rows(body["outputs"], x, ids)

    threads = [threading.Thread(target=call, args=(seed,)) for seed in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses


def test_many_at_once(server: ServerProcess) -> None:
    assert together(server, 30, "/v2/models/rows/infer") == [200] * 30


def test_batching() -> None:
    flags = ["--max-batch-rows=16", "--max-batch-delay-us=50000", "--instances=1"]
    with ServerProcess(f"--model=rows={ROWS}", *flags) as server:
        assert together(server, 24, "/v2/models/rows/infer") == [200] * 24
        metrics = server.ask("GET", "/metrics")[2].decode()
    batches = int(metrics.split('aoti_batches_total{model="rows"} ')[1].split()[0])
    assert 1 <= batches < 24
    assert 'aoti_calls_total{model="rows",result="ok"} 24' in metrics


def test_slow_clients() -> None:
    with ServerProcess(f"--model=rows={ROWS}", "--header-time-ms=200", "--idle-time-ms=300") as server:
        begin = time.monotonic()
        assert raw(server, b"GET /v2 HT").startswith(b"HTTP/1.1 408")
        assert raw(server, b"") == b""
        assert time.monotonic() - begin < 10


def test_drain() -> None:
    """A request whose body is still coming when the signal comes is answered; an idle connection is closed."""
    with ServerProcess(f"--model=rows={ROWS}") as server:
        idle, busy = server.connect(), socket.create_connection((server.host, server.port), timeout=20)
        assert ask_on(idle, "GET", "/v2/health/ready")[0] == 200
        x, ids = example(2)
        body = json.dumps(request(x, ids)).encode()
        busy.sendall(
            b"POST /v2/models/rows/infer HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body[:10]
        )
        time.sleep(0.2)
        server.process.send_signal(signal.SIGTERM)
        assert idle.sock.recv(1) == b""
        with pytest.raises(OSError):
            socket.create_connection((server.host, server.port), timeout=1).recv(1)
        busy.sendall(body[10:])
        answer = b""
        while part := busy.recv(65536):
            answer += part
        assert answer.startswith(b"HTTP/1.1 200") and b"Connection: close" in answer
        check_rows(json.loads(answer.split(b"\r\n\r\n", 1)[1])["outputs"], x, ids)
        busy.close()
        assert server.process.wait(20) == 0


@pytest.mark.parametrize("again", [False, True])
def test_drain_has_an_end(again: bool) -> None:
    with ServerProcess(f"--model=rows={ROWS}", f"--drain-time-ms={60000 if again else 200}") as server:
        busy = socket.create_connection((server.host, server.port), timeout=20)
        busy.sendall(b"POST /v2/models/rows/infer HTTP/1.1\r\nContent-Length: 9\r\n\r\n1")
        time.sleep(0.2)
        server.process.send_signal(signal.SIGTERM)
        if again:
            time.sleep(0.2)
            server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(20) == 1


def test_reset_connections() -> None:
    """Clients that vanish in the middle of anything leave nothing behind."""
    with ServerProcess(f"--model=rows={ROWS}") as server:
        assert server.json("GET", "/v2")[0] == 200
        before = server.open_files()
        body = json.dumps(request(*example(64))).encode()
        whole = b"POST /v2/models/rows/infer HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        for end in range(0, len(whole) + 1, len(whole) // 40):
            each = socket.create_connection((server.host, server.port))
            each.sendall(whole[:end])
            each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            each.close()
        assert server.json("POST", "/v2/models/rows/infer", request(*example(1)))[0] == 200
        time.sleep(0.2)
        assert server.open_files() <= before + 1


def run(*flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([SERVER, *flags], capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize(
    ("flags", "code", "part"),
    [
        ([], 2, "no model; name one with --model NAME=PATH"),
        (["--model", "x"], 2, "--model 'x': expected NAME=PATH or NAME:VERSION=PATH"),
        (["--model=a:0=x.so"], 2, "VERSION a number above 0"),
        (["--nope=1"], 2, "unknown argument '--nope=1'; see --help"),
        (["-x", "1"], 2, "unknown argument '-x'; see --help"),
        (["x.so"], 2, "unknown argument 'x.so'; see --help"),
        (["--help=x"], 2, "unknown argument '--help=x'; see --help"),
        (["--public-key="], 2, "--public-key '': expected a file with public keys"),
        (["--public-key=/nowhere", f"--model=a={ROWS}"], 1, "/nowhere"),
        (["--instances=x"], 2, "--instances 'x': expected a whole number from 1 to 1024"),
        (["--rest-port=70000"], 2, "from 0 to 65535, or off"),
        (["--model"], 2, "expected NAME[:VERSION]=PATH[#METHOD]"),
        (["--model=a=x.so", "--rest-port=off", "--grpc-port=off"], 2, "both off"),
        (["--model=a=/nowhere.so"], 1, "model 'a': /nowhere.so"),
        ([f"--model=a={DECODER}#nope"], 1, "nope"),
        ([f"--model=a={ROWS}", "--host=256.0.0.1"], 1, "cannot listen on 256.0.0.1:8000"),
    ],
)
def test_command_line(flags: list[str], code: int, part: str) -> None:
    result = run(*flags)
    assert result.returncode == code
    assert part in result.stderr and result.stderr.splitlines()[-1].startswith("aoti_server: ")


def test_signatures(tmp_path: Path) -> None:
    def sign(*words: str) -> None:
        subprocess.run([SIGN, *words], check=True, capture_output=True)

    key, package = tmp_path / "key", tmp_path / "decoder.pt2"
    sign("keygen", str(key))
    package.write_bytes(Path(DECODER).read_bytes())
    flags = [f"--model=d={package}", f"--public-key={key}.pub"]
    refused = run(*flags)
    assert refused.returncode == 1 and "decoder.pt2.sig" in refused.stderr
    sign("sign", str(key), str(package))
    with ServerProcess(*flags) as server:
        assert server.ask("GET", "/v2/models/d.decode/ready")[0] == 200
    data = bytearray(package.read_bytes())
    data[len(data) // 2] ^= 1
    package.write_bytes(data)
    assert "is not what was signed" in run(*flags).stderr


def test_help_and_taken_port(server: ServerProcess) -> None:
    assert "--max-batch-rows=N" in run("--help").stdout
    result = run(f"--model=a={ROWS}", f"--rest-port={server.port}", "--log-level=none")
    assert result.returncode == 1 and "Address already in use" in result.stderr
