"""Load on aoti_server over loopback, by public clients: requests per second, latency, and what the server adds to the model.

Enters: the server, model libraries. Leaves: one table a model on stdout. Clients: wrk for REST (binary tensors on
connections that are kept), h2load and tritonclient for gRPC; the latter's own work in Python is part of its numbers. wrk
and h2load (of nghttp2) are in every distribution; what is not on the PATH is left out. The model's time is the server's
own: the mean of aoti_run_seconds over the run.

    bazel run //tools/bench/server:load -- --seconds=10

    | client | connections | requests/s | p50 us | p99 us | model us | waiting us |
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tritonclient.grpc as triton
from tritonclient.grpc import service_pb2

from tools.bench.server.h2load import run_h2load
from tools.bench.server.wrk import run_wrk

DTYPES = {"FP32": np.float32, "FP64": np.float64, "INT64": np.int64, "INT32": np.int32, "BOOL": np.bool_}


@dataclass(frozen=True)
class Result:
    """Of one client for some seconds; times in microseconds."""

    client: str
    connections: int
    per_second: float
    p50: float
    p99: float


@dataclass(frozen=True)
class Input:
    name: str
    datatype: str
    value: np.ndarray[Any, Any]


class Server:
    """aoti_server with one model, `m`."""

    def __init__(self, program: str, library: str, flags: list[str]) -> None:
        self.process = subprocess.Popen(
            [
                program,
                f"--model=m={library}",
                "--rest-port=0",
                "--grpc-port=0",
                "--log-level=warning",
                *flags,
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        lines = [self.process.stdout.readline().split() for _ in range(2)]
        if any(len(line) != 2 for line in lines):
            raise SystemExit(f"{program} did not start")
        self.addresses: dict[str, str] = {line[0]: line[1] for line in lines}

    def get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://{self.addresses['rest']}{path}", timeout=20) as answer:
            text: str = answer.read().decode()
        return text

    def times(self) -> dict[str, float]:
        """Sums and counts of the histograms."""
        lines = [
            line.rsplit(" ", 1) for line in self.get("/metrics").splitlines() if not line.startswith("#")
        ]
        return {name.split("{")[0]: float(value) for name, value in lines if "_bucket" not in name}

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(60)


def example_inputs(server: Server, rows: int) -> list[Input]:
    """Ones, with `rows` for every size that is not fixed."""
    metadata = json.loads(server.get("/v2/models/m"))
    return [
        Input(
            each["name"],
            each["datatype"],
            np.ones([rows if size < 0 else size for size in each["shape"]], DTYPES[each["datatype"]]),
        )
        for each in metadata["inputs"]
    ]


def rest_body(inputs: list[Input]) -> tuple[bytes, int]:
    """The body with binary tensors, and how much of it is JSON."""
    spec = {
        "inputs": [
            {
                "name": each.name,
                "datatype": each.datatype,
                "shape": list(each.value.shape),
                "parameters": {"binary_data_size": each.value.nbytes},
            }
            for each in inputs
        ],
        "parameters": {"binary_data_output": True},
    }
    head = json.dumps(spec).encode()
    return head + b"".join(each.value.tobytes() for each in inputs), len(head)


def load_rest(server: Server, inputs: list[Input], connections: int, seconds: float) -> Result:
    body, json_bytes = rest_body(inputs)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "body")
        path.write_bytes(body)
        url = f"http://{server.addresses['rest']}/v2/models/m/infer"
        headers = {"Inference-Header-Content-Length": str(json_bytes)}
        measured = run_wrk(url, path, headers, connections, seconds)
    return Result("wrk, REST", connections, measured.per_second, measured.p50_us, measured.p99_us)


def load_h2(server: Server, inputs: list[Input], connections: int, seconds: float) -> Result:
    request = service_pb2.ModelInferRequest(model_name="m")
    for each in inputs:
        request.inputs.add(name=each.name, datatype=each.datatype, shape=each.value.shape)
        request.raw_input_contents.append(each.value.tobytes())
    url = f"http://{server.addresses['grpc']}/inference.GRPCInferenceService/ModelInfer"
    before = server.times()["aoti_run_seconds_count"]
    measured = run_h2load(url, request.SerializeToString(), connections, seconds)
    ran = server.times()["aoti_run_seconds_count"] - before
    # h2load does not see gRPC's status. Those under way at its end, or at that of the load before, run besides.
    if ran < measured.requests:
        raise SystemExit(f"only {ran:.0f} of {measured.requests} requests of h2load ran")
    return Result("h2load, gRPC", connections, measured.per_second, measured.p50_us, measured.p99_us)


def grpc_client(address: str, inputs: list[Input], end: float, times: list[float]) -> None:
    client = triton.InferenceServerClient(address)
    tensors = []
    for each in inputs:
        tensor = triton.InferInput(each.name, list(each.value.shape), each.datatype)
        tensor.set_data_from_numpy(each.value)
        tensors.append(tensor)
    while (begin := time.perf_counter()) < end:
        client.infer("m", tensors)
        times.append(time.perf_counter() - begin)
    client.close()


def load_grpc(server: Server, inputs: list[Input], connections: int, seconds: float) -> Result:
    """One thread a connection: tritonclient gives Python's lock up while it waits."""
    times: list[list[float]] = [[] for _ in range(connections)]
    end = time.perf_counter() + seconds
    threads = [
        threading.Thread(target=grpc_client, args=(server.addresses["grpc"], inputs, end, mine))
        for mine in times
    ]
    begin = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = time.perf_counter() - begin
    every = sorted(one for mine in times for one in mine)
    if not every:
        raise SystemExit("no gRPC request was answered")
    p99 = every[math.ceil(len(every) * 0.99) - 1]
    return Result(
        "tritonclient, gRPC", connections, len(every) / taken, every[len(every) // 2] * 1e6, p99 * 1e6
    )


def measure(server: Server, flags: argparse.Namespace) -> None:
    inputs = example_inputs(server, flags.rows)
    loads = [load_rest] if shutil.which("wrk") else []
    loads += [load_h2] if shutil.which("h2load") else []
    for load in [*loads, load_grpc]:
        load(server, inputs, 1, 0.5)  # the first requests make arenas and caches
        for connections in (int(count) for count in flags.connections.split(",")):
            before = server.times()
            result = load(server, inputs, connections, flags.seconds)
            change = {name: value - before.get(name, 0) for name, value in server.times().items()}
            ran = change["aoti_run_seconds_sum"] / max(change["aoti_run_seconds_count"], 1) * 1e6
            waited = change["aoti_wait_seconds_sum"] / max(change["aoti_wait_seconds_count"], 1) * 1e6
            row = [result.client, str(connections), f"{result.per_second:.0f}"]
            row += [f"{value:.1f}" for value in (result.p50, result.p99, ran, waited)]
            print("| " + " | ".join(row) + " |", flush=True)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="load", description="Loads aoti_server on loopback with public clients."
    )
    parser.add_argument("--server", required=True, help="path of aoti_server")
    parser.add_argument(
        "--library", action="append", required=True, help="a model library; may be given many times"
    )
    parser.add_argument("--seconds", type=float, default=5, help="of each row")
    parser.add_argument("--connections", default="1,2,8", help="at a time, a row for each")
    parser.add_argument("--rows", type=int, default=1, help="for sizes that are not fixed")
    parser.add_argument("--flags", default="", help="more flags of the server, separated by spaces")
    flags = parser.parse_args(arguments)
    for tool, what in (("wrk", "REST"), ("h2load", "gRPC by h2load")):
        if not shutil.which(tool):
            print(f"{tool} is not on the PATH: no load over {what}", file=sys.stderr)
    for library in flags.library:
        print(f"\n{os.path.basename(library)}\n")
        print("| client | connections | requests/s | p50 us | p99 us | model us | waiting us |")
        print("|---|---|---|---|---|---|---|", flush=True)
        server = Server(flags.server, library, flags.flags.split())
        try:
            measure(server, flags)
        finally:
            server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
