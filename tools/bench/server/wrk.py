"""wrk (https://github.com/wg/wrk) with one body for all requests, and what it prints as numbers."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

SCRIPT = """
local file = io.open(%(path)s, "rb")
wrk.method = "POST"
wrk.body = file:read("*a")
file:close()
"""
UNITS_US = {"us": 1.0, "ms": 1e3, "s": 1e6, "m": 6e7}


@dataclass(frozen=True)
class Measured:
    per_second: float
    p50_us: float
    p99_us: float


class WrkError(Exception):
    """wrk failed, or requests did."""


def parse_wrk(text: str) -> Measured:
    """What `wrk --latency` printed; refuses a run in which requests failed."""
    if failed := re.search(r"Non-2xx or 3xx responses: \d+|Socket errors: .*", text):
        raise WrkError(failed.group())
    rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
    places = {
        name: float(value) * UNITS_US[unit]
        for name, value, unit in re.findall(r"(\d+)%\s+([\d.]+)(us|ms|s|m)\b", text)
    }
    if rate is None or "50" not in places or "99" not in places:
        raise WrkError(f"wrk printed something else than expected:\n{text}")
    return Measured(float(rate.group(1)), places["50"], places["99"])


def run_wrk(url: str, body: Path, headers: dict[str, str], connections: int, seconds: float) -> Measured:
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(SCRIPT % {"path": json.dumps(str(body))})
        script.flush()
        command = [
            "wrk",
            "-t1",
            f"-c{connections}",
            f"-d{max(1, round(seconds))}s",
            "--latency",
            "-s",
            script.name,
        ]
        for name, value in headers.items():
            command += ["-H", f"{name}: {value}"]
        result = subprocess.run([*command, url], capture_output=True, text=True, check=False)
    if result.returncode:
        raise WrkError(result.stdout + result.stderr)
    return parse_wrk(result.stdout)
