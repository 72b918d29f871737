from __future__ import annotations

import pytest

from tools.bench.server.h2load import H2loadError, Measured, parse_log


def test_numbers() -> None:
    text = "".join(f"{1000 + i}\t200\t{i}\n" for i in range(200, 0, -1))
    assert parse_log(text, 4) == Measured(200, 50, 101, 198)


def test_failed_requests() -> None:
    with pytest.raises(H2loadError, match="1 of 2 requests failed"):
        parse_log("1\t200\t5\n2\t-1\t7\n", 1)
    with pytest.raises(H2loadError, match="no request"):
        parse_log("", 1)
