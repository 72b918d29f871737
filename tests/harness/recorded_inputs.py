"""The inputs of a recorded file (compiler/driver/export_recorded.py) in the memory layout that they had at export.

input_0 [2, 3] contiguous, strides_0 (1, 2)   ->   an array of the same values whose strides are 1 and 2 elements
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy


def inputs(recorded: Mapping[str, numpy.ndarray]) -> list[numpy.ndarray]:
    """Fresh copies, in order."""
    count = sum(name.startswith("input_") for name in recorded)
    return [_laid_out(recorded[f"input_{i}"], recorded.get(f"strides_{i}")) for i in range(count)]


def _laid_out(array: numpy.ndarray, strides: numpy.ndarray | None) -> numpy.ndarray:
    """A copy of the array with these strides (in elements); contiguous where there are none."""
    if strides is None or array.size == 0:
        return array.copy()
    storage = numpy.zeros(1 + int(((numpy.array(array.shape) - 1) * strides).sum()), array.dtype)
    strides_bytes = tuple(int(s) * array.itemsize for s in strides)
    view = numpy.lib.stride_tricks.as_strided(storage, array.shape, strides_bytes)
    view[...] = array
    return view
