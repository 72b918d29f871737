"""Where and with what a result was measured: processor, memory, versions, command.

describe(["torch"]) -> {"date": "2026-11-23T21:10:00+00:00", "cpu": "AMD EPYC ...", "versions": {...}, ...}
"""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def describe(distributions: Iterable[str]) -> dict[str, Any]:
    """Plain data for the report."""
    versions = {"python": platform.python_version()}
    for name in sorted(set(distributions)):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "not installed"
    versions["g++"] = _compiler_version("g++")
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "cpu": _cpu_name(),
        "cpus": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "kernel": platform.release(),
        "load_average": os.getloadavg()[0],
        "versions": versions,
        "command": " ".join(["bench", *sys.argv[1:]]),
    }


def _cpu_name() -> str:
    """Name, family and model as Linux knows them; clouds hide the product's number in the name."""
    fields: dict[str, str] = {}
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        key, colon, value = line.partition(":")
        if colon:
            fields.setdefault(key.strip(), value.strip())
    name = fields.get("model name", platform.processor() or platform.machine())
    if "cpu family" in fields:
        name += f" (family {fields['cpu family']}, model {fields.get('model', '?')})"
    return name


def _compiler_version(command: str) -> str:
    if shutil.which(command) is None:
        return "not installed"
    result = subprocess.run([command, "-dumpfullversion"], capture_output=True, text=True, check=False)
    return result.stdout.strip() or "unknown"
