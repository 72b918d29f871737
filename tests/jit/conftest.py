"""The C++ compiler of these tests. Under Bazel the pinned one, which the build file names, with folders of the run for what is cached."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def compiler(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Sets CXX; without AOTI_TEST_CXX everything stays as it is on the machine."""
    if "AOTI_TEST_CXX" in os.environ:
        program, *words = shlex.split(os.environ["AOTI_TEST_CXX"])
        os.environ["CXX"] = shlex.join([str(Path(program).absolute()), *words])
        for variable in ("AOTI_CACHE_DIR", "ZIG_GLOBAL_CACHE_DIR"):
            os.environ[variable] = str(tmp_path_factory.mktemp(variable))
