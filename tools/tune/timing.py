"""Time of one launch, in a CUDA graph of many: neither the host nor the gap to a first launch counts.

Enters: a function that puts the i-th launch on the current stream. Leaves: microseconds per launch, the median of several replays. The
launches of a graph follow one another as in a model, so what the GPU needs between two kernels is part of the time.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

import torch

REPLAY_US = 1500.0
REPLAYS = 7


def time_us(launch: Callable[[int], object], expected_us: float, replays: int = REPLAYS) -> float:
    """expected_us only decides how many launches the graph holds."""
    count = max(4, min(128, round(REPLAY_US / max(expected_us, 1.0))))
    graph = torch.cuda.CUDAGraph()
    torch.cuda.synchronize()
    with torch.cuda.graph(graph, capture_error_mode="relaxed"):
        for i in range(count):
            launch(i)
    begin: Any = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
    end: Any = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
    graph.replay()
    times: list[float] = []
    for _ in range(replays):
        begin.record()
        graph.replay()
        end.record()
        end.synchronize()
        times.append(1000.0 * begin.elapsed_time(end) / count)
    return statistics.median(times)
