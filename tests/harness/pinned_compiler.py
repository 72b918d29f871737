"""The C++ compiler of tests that compile while they run: under Bazel the pinned one, which the build file names in AOTI_TEST_CXX.

AOTI_TEST_CXX="external/.../zig c++ -I{folder}/lib"   ->   CXX with absolute paths; folders of the run for what is cached
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from pathlib import Path


def use(folder: Callable[[str], Path]) -> None:
    """Sets CXX and the folders of its caches, which `folder` makes by name. Without AOTI_TEST_CXX all stays as it is on the machine."""
    if "AOTI_TEST_CXX" in os.environ:
        name, *words = shlex.split(os.environ["AOTI_TEST_CXX"])
        program = Path(name).absolute()
        words = [word.replace("{folder}", str(program.parent)) for word in words]
        os.environ["CXX"] = shlex.join([str(program), *words])
        for variable in ("AOTI_CACHE_DIR", "ZIG_GLOBAL_CACHE_DIR"):
            os.environ[variable] = str(folder(variable))
