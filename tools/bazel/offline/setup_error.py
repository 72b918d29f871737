"""How the setup speaks: lines on stderr, and one exception whose text is the whole message to the user."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path


class SetupError(Exception):
    """What is wrong and what to do, in one or two sentences."""


def say(text: str) -> None:
    print(f"bazelw: {text}", file=sys.stderr, flush=True)


def run(
    command: Sequence[str], *, why: str, env: dict[str, str] | None = None, cwd: Path | None = None
) -> str:
    """The command's stdout; a failure becomes a SetupError of `why` and the last lines that the command printed."""
    try:
        done = subprocess.run(command, env=env, cwd=cwd, text=True, capture_output=True, check=False)
    except FileNotFoundError as error:
        raise SetupError(f"{why} ({error.filename} not found)") from error
    if done.returncode:
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        raise SetupError(f"{why}\n  command: {' '.join(command)[:300]}\n  " + "\n  ".join(lines[-12:]))
    return done.stdout
