"""h2load (of nghttp2, https://nghttp2.org) as a client of gRPC: one message for all requests, and its log of them as numbers.

It is C, so that its own work is a small part of a request's time; but it reads HTTP's status only, not gRPC's: whoever calls it
compares the number of requests with what the server has run.
"""

from __future__ import annotations

import math
import struct
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Measured:
    requests: int
    per_second: float
    p50_us: float
    p99_us: float


class H2loadError(Exception):
    """h2load failed, or requests did."""


def parse_log(text: str, seconds: float) -> Measured:
    """The lines `start_us TAB status TAB taken_us` of --log-file; refuses a run in which requests failed."""
    rows = [line.split("\t") for line in text.splitlines()]
    if not rows:
        raise H2loadError("h2load finished no request")
    if bad := [row for row in rows if len(row) < 3 or row[1] != "200"]:
        raise H2loadError(f"{len(bad)} of {len(rows)} requests failed, the first with {bad[0]}")
    times = sorted(int(row[2]) for row in rows)
    return Measured(
        len(times), len(times) / seconds, times[len(times) // 2], times[math.ceil(len(times) * 0.99) - 1]
    )


def run_h2load(url: str, message: bytes, connections: int, seconds: float) -> Measured:
    """Unary calls of the method at `url`, one at a time on each connection."""
    whole = max(1, round(seconds))
    with tempfile.TemporaryDirectory() as folder:
        body, log = Path(folder, "body"), Path(folder, "log")
        body.write_bytes(struct.pack(">BI", 0, len(message)) + message)
        command = ["h2load", "-t1", "-m1", f"-c{connections}", f"-D{whole}", f"--log-file={log}"]
        command += [f"--data={body}", "-Hcontent-type: application/grpc", "-Hte: trailers", url]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode or not log.exists():
            raise H2loadError(result.stdout + result.stderr)
        return parse_log(log.read_text(), whole)
