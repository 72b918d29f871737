"""The distance of outputs from the oracle."""

from __future__ import annotations

import numpy as np

from tools.bench.numerics import distance


def test_largest_difference_of_all_outputs() -> None:
    exact = [np.zeros(3), np.ones((2, 2))]
    outputs = [np.array([0, 0.25, 0], np.float32), np.array([[1, 1], [1, 0.5]], np.float32)]
    assert distance(outputs, exact) == 0.5


def test_what_cannot_be_compared_is_infinitely_far() -> None:
    exact = [np.zeros(3)]
    assert distance([np.zeros(4)], exact) == float("inf")
    assert distance([], exact) == float("inf")
    assert distance([np.array([0.0, np.nan, 0.0])], exact) == float("inf")
    assert distance([np.array([0.0, np.inf, 0.0])], exact) == float("inf")
