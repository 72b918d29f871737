"""The bench's own C++ programs: taken ready-made where Bazel built them, else compiled once for each run of
the bench.

    build(Program("floor", "floor.cc", "c++", ("-lpthread",)), folder) -> folder/floor

`folder` holds what is there already: ready-made programs (links to what Bazel built) and what an earlier call
compiled.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tools.bench.contender import Unavailable

# All sources include from the repository's root.
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Program:
    """A source of this folder and how to compile it. `compiler` is a command with or without arguments."""

    name: str
    source: str
    compiler: str
    flags: tuple[str, ...]


def build(program: Program, folder: Path) -> Path:
    """The executable in `folder`, compiled if it is not there. Raises Unavailable with the first error."""
    path = folder / program.name
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".{program.name}.{os.getpid()}"
    source = Path(__file__).resolve().parent / program.source
    command = [*shlex.split(program.compiler), "-std=c++20", "-O3", f"-I{ROOT}", str(source), *program.flags]
    try:
        result = subprocess.run([*command, "-o", str(temporary)], capture_output=True, text=True, check=False)
    except OSError as error:
        raise Unavailable(
            f"{program.name} needs the compiler {program.compiler!r}: {error.strerror}"
        ) from error
    if result.returncode != 0:
        first = next((line for line in result.stderr.splitlines() if "error" in line), result.stderr[:300])
        raise Unavailable(f"{program.compiler} cannot compile {program.source}: {first.strip()}")
    temporary.replace(path)
    return path
