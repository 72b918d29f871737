from __future__ import annotations

import pytest

from tools.bench.server.wrk import WrkError, parse_wrk

PRINTED = """Running 5s test @ http://127.0.0.1:1/v2/models/m/infer
  1 threads and 2 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   120.10us   33.00us   1.20ms   91.11%
    Req/Sec    16.10k   500.00    17.00k    70.00%
  Latency Distribution
     50%  118.50us
     75%  130.00us
     90%    1.10ms
     99%    2.50s
  80000 requests in 5.00s, 10.00MB read
Requests/sec:  16010.25
Transfer/sec:      2.00MB
"""


def test_numbers() -> None:
    measured = parse_wrk(PRINTED)
    assert (measured.per_second, measured.p50_us, measured.p99_us) == (16010.25, 118.5, 2.5e6)


@pytest.mark.parametrize(
    "line", ["  Non-2xx or 3xx responses: 7", "  Socket errors: connect 0, read 1, write 0, timeout 0"]
)
def test_failed_requests(line: str) -> None:
    with pytest.raises(WrkError, match=line.strip()):
        parse_wrk(PRINTED + line)


def test_other_text() -> None:
    with pytest.raises(WrkError, match="something else"):
        parse_wrk("hello")
