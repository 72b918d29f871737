"""How far a contender's outputs are from eager PyTorch in float64.

distance([float32 [1, 384]], [float64 [1, 384]]) -> 1.3e-07     the largest absolute difference of all outputs
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tools.bench.contender import Array


def distance(outputs: Sequence[Array], oracle: Sequence[Array]) -> float:
    """Largest absolute difference; infinite where numbers, shapes or a NaN do not agree."""
    if len(outputs) != len(oracle):
        return float("inf")
    worst = 0.0
    for output, exact in zip(outputs, oracle, strict=True):
        if output.shape != exact.shape:
            return float("inf")
        difference = np.abs(output.astype(np.float64) - exact.astype(np.float64))
        if difference.size and not np.isfinite(difference).all():
            return float("inf")
        worst = max(worst, float(difference.max(initial=0.0)))
    return worst
