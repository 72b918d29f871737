"""The C++ compiler of these tests."""

from __future__ import annotations

import pytest

from tests.harness import pinned_compiler


@pytest.fixture(scope="session", autouse=True)
def compiler(tmp_path_factory: pytest.TempPathFactory) -> None:
    pinned_compiler.use(tmp_path_factory.mktemp)
