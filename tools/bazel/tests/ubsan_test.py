"""The undefined-behaviour sanitizer stops a program at the first broken rule and says which it was."""

from __future__ import annotations

import signal
import subprocess

import pytest

PROGRAM = "tools/bazel/tests/undefined_behaviour"
CASES = {
    "add": "signed addition overflow",
    "shift": "shift out of bounds",
    "index": "array index out of bounds",
    "divide": "division by zero",
    "null": "null, misaligned",
}


@pytest.mark.parametrize(("rule", "message"), CASES.items())
def test_broken_rule_is_named(rule: str, message: str) -> None:
    done = subprocess.run([PROGRAM, rule], text=True, capture_output=True, check=False)
    assert done.returncode == -signal.SIGABRT
    assert f"ubsan: undefined behaviour: {message}" in done.stderr


def test_nothing_is_said_of_a_program_without_fault() -> None:
    done = subprocess.run([PROGRAM, "none"], text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
