"""Runs pytest on the files of a Bazel test; each must hold at least one test.

Enters: --test-file=PATH (relative to the runfiles, once for each file), then pytest's own arguments. Leaves: pytest's
exit code, 1 when a file holds no test. Bazel's --test_filter becomes -k, its XML report is written where it is wanted.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest


class CollectedFiles:
    """Notes which files have tests, as pytest collects them."""

    def __init__(self) -> None:
        self.files: set[Path] = set()

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        self.files.add(Path(item.path).resolve())


def main(arguments: list[str]) -> int:
    prefix = "--test-file="
    files = [Path(word.removeprefix(prefix)) for word in arguments if word.startswith(prefix)]
    options = [word for word in arguments if not word.startswith(prefix)]
    options += [
        "-p",
        "no:cacheprovider",
        "--import-mode=importlib",
        "--rootdir=.",
        "-c",
        os.devnull,
        "--color=no",
    ]
    if "TESTBRIDGE_TEST_ONLY" in os.environ:
        options += ["-k", os.environ["TESTBRIDGE_TEST_ONLY"]]
    if "XML_OUTPUT_FILE" in os.environ:
        options.append(f"--junitxml={os.environ['XML_OUTPUT_FILE']}")
    if "TEST_TMPDIR" in os.environ:
        options.append(f"--basetemp={os.environ['TEST_TMPDIR']}/pytest")
    collected = CollectedFiles()
    status = int(pytest.main([*options, *map(str, files)], plugins=[collected]))
    empty = [str(file) for file in files if file.resolve() not in collected.files]
    if empty and "TESTBRIDGE_TEST_ONLY" not in os.environ and status in (0, 5):
        print(f"pytest collected no test in {', '.join(empty)}: name test functions test_*", file=sys.stderr)
        return 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
