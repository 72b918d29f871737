"""A C++ compiler of the host: finding it, knowing which one it is, and running it with errors that a person can use.

Enters: a command line (`--cxx`), or nothing. Leaves: a `Toolchain`, whose `identity` changes when the compiler does, so that it can be
part of a cache key. Any clang or gcc that understands C++17 will do; `zig c++` and `python -m ziglang c++` are clangs.

    find("clang++ --target=x86_64-linux-gnu") -> Toolchain(("clang++", "--target=..."), "Ubuntu clang version 18.1 ... 1718000000")
    find("no-such-thing")                     -> UserError: no C++ compiler 'no-such-thing' ...
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from compiler.support.diagnostics import UserError
from compiler.support.disk import no_space

_CANDIDATES = ("clang++", "g++", "c++")
_MAX_SHOWN_LINES = 40


@dataclass(frozen=True)
class Toolchain:
    """`command` runs the C++ driver; `identity` names its version and file. zig's clang spells instruction sets its own way."""

    command: tuple[str, ...]
    identity: str
    is_zig: bool = False


def find(cxx: str) -> Toolchain:
    """The compiler of this command line; without one, `$CXX`, then the first of clang++, g++, c++ on the PATH."""
    text = cxx or os.environ.get("CXX", "")
    command = shlex.split(text) if text else [c for c in _CANDIDATES if shutil.which(c)][:1]
    program = shutil.which(command[0]) if command else None
    if program is None:
        named = (
            f"no C++ compiler {command[0]!r}"
            if command
            else f"no C++ compiler: none of {', '.join(_CANDIDATES)} is on the PATH"
        )
        raise UserError(
            f"{named}. Install clang or g++, name one with --cxx=PATH (or the variable CXX), or ask for --emit=sources and "
            "compile them yourself"
        )
    if os.sep in command[0]:  # it is run in other folders
        command[0] = os.path.abspath(command[0])
    stat = os.stat(os.path.realpath(program))
    version = _version(tuple(command))
    identity = f"{shlex.join(command)} {version} {stat.st_size} {stat.st_mtime_ns}"
    return Toolchain(tuple(command), identity, any(c.startswith("zig") for c in re.split(r"[/\s]", version)))


def _version(command: tuple[str, ...]) -> str:
    done = _start([*command, "--version"], Path.cwd())
    if done.returncode != 0:
        raise UserError(
            f"{shlex.join(command)} --version failed, so it is not a usable C++ compiler:\n{_tail(done.stdout)}"
        )
    return " ".join(done.stdout.split())


def run(tool: Toolchain, args: Sequence[str], folder: Path, what: str) -> None:
    """Runs the compiler in `folder`. Raises UserError with its output; `what` says what was being made."""
    done = _start([*tool.command, *args], folder)
    if done.returncode == 0:
        return
    if "No space left on device" in done.stdout or "NoSpaceLeft" in done.stdout:
        raise no_space(what, folder)
    killed = f" (killed by signal {-done.returncode}; out of memory?)" if done.returncode < 0 else ""
    raise UserError(
        f"{what} failed{killed}:\n{_tail(done.stdout)}\nthe command was: {shlex.join([*tool.command, *args])}"
    )


def _start(command: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "LC_ALL": "C", "SOURCE_DATE_EPOCH": "0"}
    try:
        return subprocess.run(
            command,
            cwd=folder,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as e:
        raise UserError(f"cannot run the C++ compiler {command[0]!r}: {e.strerror}") from None


def _tail(output: str) -> str:
    lines = output.rstrip().splitlines()
    cut = [f"... ({len(lines) - _MAX_SHOWN_LINES} more lines)"] if len(lines) > _MAX_SHOWN_LINES else []
    return "\n".join(lines[:_MAX_SHOWN_LINES] + cut)
